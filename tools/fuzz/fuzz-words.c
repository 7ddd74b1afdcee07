// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a word patch, with no compression to stop them: an octet for the number of
 * codes, then the patch, with the readable octets behind it that its decoder may ask for.
 */
#include <stdlib.h>
#include <string.h>
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct medes_words_code table[MEDES_WORDS_CODES + 1];
	static u64 page[MEDES_PAGE_WORDS];
	u8 *patch;
	int err;

	if (!size || size - 1 > MEDES_WORDS_MAX)
		return 0;
	patch = calloc(1, size - 1 + MEDES_WORDS_SLACK);
	EXPECT(patch);
	memcpy(patch, data + 1, size - 1);
	memcpy(page, the_base(), sizeof(page));
	err = medes_words_apply(table, patch, size - 1, data[0], page);
	EXPECT(err == 0 || err == -EBADMSG);
	free(patch);
	return 0;
}
