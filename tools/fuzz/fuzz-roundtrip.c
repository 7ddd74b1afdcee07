// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any page, against any base, comes back as it was: an octet for the mode and for how the
 * input becomes a page, then the input. Short inputs change a few words of a page, long ones
 * are base and page.
 */
#include <string.h>
#include "common.h"

static u64 page[MEDES_PAGE_WORDS], base[MEDES_PAGE_WORDS];

static void fill(const uint8_t *data, size_t size)
{
	u8 *bytes = (u8 *)page;
	size_t i;

	if (size > MEDES_PAGE_SIZE) {
		memcpy(base, data, MEDES_PAGE_SIZE);
		data += MEDES_PAGE_SIZE;
		size -= MEDES_PAGE_SIZE;
	}
	memcpy(page, base, sizeof(page));
	for (i = 0; i + 10 <= size; i += 10) {
		unsigned int at = get_unaligned_le16(data + i) % MEDES_PAGE_WORDS;

		page[at] += get_unaligned_le64(data + i + 2);
	}
	/* a page that begins elsewhere in its base */
	if (size % 10 > 4)
		memmove(bytes, bytes + size % 500, MEDES_PAGE_SIZE - size % 500);
}

static void check(enum medes_mode mode, const void *with)
{
	static u64 back[MEDES_PAGE_WORDS];
	const void *data;
	u8 encoding;
	int len = medes_encode(ws, mode, page, with, &encoding, &data);

	EXPECT(len == -E2BIG || (len >= 0 && len <= MEDES_PATCH_MAX));
	if (len < 0)
		return;
	EXPECT(encoding <= MEDES_ENCODING_MAX);
	EXPECT(!medes_decode(scratch, encoding, data, len, with, back));
	EXPECT(!memcmp(page, back, sizeof(page)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum medes_mode mode;

	if (!size)
		return 0;
	mode = data[0] & 1 ? MEDES_MODE_DENSE : MEDES_MODE_FAST;
	if (data[0] & 2)
		memset(base, 0, sizeof(base));
	else
		memcpy(base, the_base(), sizeof(base));
	fill(data + 1, size - 1);
	check(mode, base);
	check(mode, NULL);
	return 0;
}
