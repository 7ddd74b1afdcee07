// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages and memory for the unit tests; see pages.h.
 */
#include <sys/mman.h>

#include "pages.h"

static u64 state;

static size_t rounded(size_t len)
{
	return (len + MEDES_PAGE_SIZE - 1) & -(size_t)MEDES_PAGE_SIZE;
}

void *guarded(size_t len)
{
	size_t inner = rounded(len);
	u8 *map = mmap(NULL, inner + 2 * MEDES_PAGE_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(map != MAP_FAILED);
	if (inner)
		assert_int_equal(mprotect(map + MEDES_PAGE_SIZE, inner,
					  PROT_READ | PROT_WRITE), 0);
	return map + MEDES_PAGE_SIZE + inner - len;
}

void guarded_free(void *memory, size_t len)
{
	size_t inner = rounded(len);
	u8 *map = (u8 *)memory + len - inner - MEDES_PAGE_SIZE;

	assert_int_equal(munmap(map, inner + 2 * MEDES_PAGE_SIZE), 0);
}

void random_start(u64 from)
{
	state = from;
}

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014) */
u64 random_word(void)
{
	u64 z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u64 random_below(u64 limit)
{
	return random_word() % limit;
}

void page_random(page_words page)
{
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		page[i] = random_word();
}

void page_text(page_words page)
{
	static const char * const words[] = {
		"page", "memory", "is", "the", "of", "sandbox", "idle", "a",
		"which", "kernel", "and", "returns", "to", "its", "process",
	};
	u8 *out = (u8 *)page;
	size_t at = 0;

	while (at < MEDES_PAGE_SIZE) {
		const char *word = words[random_below(ARRAY_SIZE(words))];
		size_t len = min(strlen(word), MEDES_PAGE_SIZE - at);

		memcpy(out + at, word, len);
		at += len;
		if (at < MEDES_PAGE_SIZE)
			out[at++] = ' ';
	}
}

void page_objects(page_words page)
{
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		switch (i % 4) {
		case 0:
			page[i] = 1 + random_below(5);
			break;
		case 1:
			page[i] = 0x7f1234500000ULL + 0x40 * random_below(40);
			break;
		case 2:
			page[i] = 0x55d0c0000000ULL +
				  16 * random_below(1 << 20);
			break;
		default:
			page[i] = random_below(3) ? 0 : random_below(1 << 20);
		}
	}
}

void page_by_turns(page_words page, unsigned int n)
{
	switch (n % 4) {
	case 0:
		page_objects(page);
		break;
	case 1:
		page_text(page);
		break;
	case 2:
		page_random(page);
		break;
	default:
		memset(page, 0, MEDES_PAGE_SIZE);
	}
}

void page_slide(page_words page, const page_words from, unsigned int count,
		const u64 *slides)
{
	unsigned int pointer = 0;
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		page[i] = from[i];
		if (from[i] >> 32 && !(from[i] >> 47))
			page[i] += slides[pointer++ % count];
	}
}

void page_slide_regions(page_words page, const page_words from, unsigned int count,
			const u64 *slides)
{
	int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		page[i] = from[i];
		if (from[i] >> 32 && !(from[i] >> 47))
			page[i] += slides[(from[i] >> 20) % count];
	}
}

void page_mutate(page_words page, const page_words from, unsigned int words)
{
	u64 slide = random_word() << 12;

	memcpy(page, from, MEDES_PAGE_SIZE);
	while (words--) {
		u64 *word = &page[random_below(MEDES_PAGE_WORDS)];
		unsigned int bits = random_below(64);

		switch (random_below(8)) {
		case 0:
			*word += slide;
			break;
		case 1:
			*word += random_word() >> bits;
			break;
		case 2:
			*word -= random_word() >> bits;
			break;
		case 3:
			*word = 0;
			break;
		case 4:
			*word = random_word() >> bits;
			break;
		case 5:
			*word = page[random_below(MEDES_PAGE_WORDS)];
			break;
		case 6:
			*word = 0x7fff00000000ULL + (random_word() >> bits) %
				0x100000000ULL;
			break;
		default:
			*word = -(random_word() >> bits);
		}
	}
}
