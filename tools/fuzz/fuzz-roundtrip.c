// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any page, against any base, comes back as it was: an octet for the mode, for how the input
 * becomes a page and what it may refer to, then the input. Short inputs change a few words of a page, long ones
 * are base and page.
 */
#include <string.h>
#include "common.h"

static u64 page[MEDES_PAGE_WORDS], base[MEDES_PAGE_WORDS], beside[MEDES_PAGE_WORDS];

static void fill(const uint8_t *data, size_t size)
{
	u8 *bytes = (u8 *)page;
	size_t i;

	if (size > MEDES_PAGE_SIZE) {
		memcpy(base, data, MEDES_PAGE_SIZE);
		data += MEDES_PAGE_SIZE;
		size -= MEDES_PAGE_SIZE;
	}
	/* the neighbour goes on where the base page ends, in part */
	memcpy(beside, base + 300, sizeof(beside) - 300 * sizeof(*base));
	memcpy(page, base, sizeof(page));
	for (i = 0; i + 10 <= size; i += 10) {
		unsigned int at = get_unaligned_le16(data + i) % MEDES_PAGE_WORDS;

		page[at] += get_unaligned_le64(data + i + 2);
	}
	/* a page that begins elsewhere in its base */
	if (size % 10 > 4)
		memmove(bytes, bytes + size % 500, MEDES_PAGE_SIZE - size % 500);
}

static void check(enum medes_mode mode, struct medes_bases with)
{
	static u64 back[MEDES_PAGE_WORDS];
	struct medes_coded coded;
	int len = medes_encode(ws, mode, page, &with, &coded);
	unsigned int i;

	EXPECT(len == -E2BIG || (len >= 0 && len <= MEDES_PATCH_MAX));
	if (len < 0)
		return;
	EXPECT(coded.encoding <= MEDES_ENCODING_MAX);
	/* what it does not reach into need not be there */
	for (i = 0; i < MEDES_NEAR; i++)
		if (!(coded.reach >> i & 1))
			with.page[i] = NULL;
	EXPECT(!medes_decode(scratch, coded.encoding, coded.data, len, &with, back));
	EXPECT(!memcmp(page, back, sizeof(page)));
}

/* Guesses by themselves, which take no time, beside those that zstd competes with. */
static void check_guesses(unsigned int prior)
{
	static u8 record[2 * MEDES_PAGE_SIZE];
	static u64 back[MEDES_PAGE_WORDS];
	int len = medes_guess_write(&ws->guess, prior, page, base, record, sizeof(record) - 8);

	EXPECT(len > 0);
	memcpy(back, base, sizeof(back));
	EXPECT(!medes_guess_read(&scratch->guess, prior, record, len, back));
	EXPECT(!memcmp(page, back, sizeof(page)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct medes_bases none;
	struct medes_bases alone = { { NULL, base, NULL } }, near = { { the_base(), base, beside } };
	enum medes_mode mode;

	if (!size)
		return 0;
	mode = data[0] & 1 ? MEDES_MODE_DENSE : MEDES_MODE_FAST;
	if (data[0] & 2)
		memset(base, 0, sizeof(base));
	else
		memcpy(base, the_base(), sizeof(base));
	fill(data + 1, size - 1);
	/* one of these is enough for an input: compressing is slow */
	switch (data[0] >> 2 & 7) {
	case 0:
		check(mode, alone);
		break;
	case 1:
		check(mode, near);
		break;
	case 2:
		check(mode, none);
		break;
	default:
		check_guesses((data[0] >> 2) % MEDES_PRIORS);
	}
	return 0;
}
