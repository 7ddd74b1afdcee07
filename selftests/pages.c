// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making pages, and saying what is wrong with them. No state but the family.
 */
#include "harness.h"
#include "pages.h"

#define BASE_SEED 1
#define PATCHED 9			/* words in which a "w" page differs */
#define PERIOD 64			/* words after which a "c" page repeats */
#define WRONG_SHOWN 3

/* One round of SplitMix64's output function. */
uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* The low half names page, place and seed, the high half is random. */
static uint64_t word(uint32_t seed, size_t i, size_t k)
{
	uint64_t name = (i & 0xfffff) << 12 | k << 3 | (seed & 7);

	return mix64((uint64_t)seed << 32 ^ i << 9 ^ k) << 32 | name;
}

/* Made once, before there is a thread or a fork: tests make and compare these most. */
static uint64_t family[FAMILY][WORDS];

__attribute__((constructor)) static void make_family(void)
{
	size_t i, k;

	for (i = 0; i < FAMILY; i++)
		for (k = 0; k < WORDS; k++)
			family[i][k] = word(BASE_SEED, i, k);
}

static void patched(uint64_t *page, uint32_t seed, size_t i)
{
	size_t k;

	memcpy(page, family[i % FAMILY], PAGE);
	for (k = 0; k < PATCHED; k++) {
		size_t at = mix64(seed ^ i << 8 ^ k) % WORDS;

		page[at] = word(seed, i, at);
	}
}

static void compressible(uint64_t *page, uint32_t seed, size_t i)
{
	size_t k;

	for (k = 0; k < PERIOD; k++)
		page[k] = mix64(seed + 1) << 32 | (word(seed, i, k) & 0xffffffff);
	for (; k < WORDS; k += PERIOD)
		memcpy(page + k, page, PERIOD * sizeof(*page));
}

static void random_page(uint64_t *page, uint32_t seed, size_t i)
{
	size_t k;

	for (k = 0; k < WORDS; k++)
		page[k] = word(seed + 100, i, k);
}

/**
 * page_make() - the bytes of a page
 * @page: receives them
 * @kind: its letter
 * @seed: of its area
 * @i: its number in the area
 */
void page_make(uint64_t *page, char kind, uint32_t seed, size_t i)
{
	switch (kind) {
	case 's':
		memcpy(page, family[i % FAMILY], PAGE);
		break;
	case 'w':
		patched(page, seed, i);
		break;
	case 'c':
		compressible(page, seed, i);
		break;
	case 'r':
		random_page(page, seed, i);
		break;
	default:
		memset(page, 0, PAGE);
	}
}

char page_kind(const struct area *a, size_t i)
{
	return a->mix[i % strlen(a->mix)];
}

/* Pages of an area that are of one of the kinds. */
size_t area_count(const struct area *a, const char *kinds)
{
	size_t i, n = 0;

	for (i = 0; i < a->pages; i++)
		n += strchr(kinds, page_kind(a, i)) != NULL;
	return n;
}

void area_fill(const struct area *a)
{
	size_t i;

	for (i = 0; i < a->pages; i++)
		page_make((uint64_t *)area_page(a, i), page_kind(a, i), a->seed, i);
}

static void show_wrong(const struct area *a, size_t i, const uint64_t *is, const uint64_t *want)
{
	size_t k = 0, differ = 0, at;

	while (is[k] == want[k])
		k++;
	for (at = 0; at < WORDS; at++)
		differ += is[at] != want[at];
	note("page %zu of %u ('%c', seed %u, %p): %zu words differ, first at offset %zu: is %016"
	     PRIx64 " (names page %" PRIu64 " offset %" PRIu64 " seed&7 %" PRIu64 "), wanted %016"
	     PRIx64, i, a->pages, page_kind(a, i), a->seed, (void *)area_page(a, i), differ,
	     k * sizeof(*is), is[k], is[k] >> 12 & 0xfffff, is[k] & 0xff8, is[k] & 7, want[k]);
}

/**
 * bytes_wrong() - compare a copy of some of an area's pages, each byte
 * @a: the area, which need not be mapped here
 * @first: number of the first page
 * @n: pages
 * @bytes: the copy
 *
 * Return: pages that are not as they were made; the first ones are shown.
 */
size_t bytes_wrong(const struct area *a, size_t first, size_t n, const void *bytes)
{
	uint64_t want[WORDS];
	size_t i, wrong = 0;

	for (i = 0; i < n; i++) {
		const void *is = (const char *)bytes + i * PAGE;

		page_make(want, page_kind(a, first + i), a->seed, first + i);
		if (!memcmp(is, want, PAGE))
			continue;
		if (wrong++ < WRONG_SHOWN)
			show_wrong(a, first + i, is, want);
	}
	return wrong;
}

size_t area_wrong(const struct area *a)
{
	return bytes_wrong(a, 0, a->pages, a->at);
}
