// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a word patch, as a list of moves and as one of slides, with no compression to
 * stop them: an octet for the number of codes, then the patch, with the readable octets behind
 * it that its decoder may ask for.
 */
#include <stdlib.h>
#include <string.h>
#include "common.h"

/* The same as a list of moves, which ends at the end of memory. */
static void check_moves(const uint8_t *data, size_t size)
{
	static u64 page[MEDES_PAGE_WORDS];
	u8 *list = copy(data, size);
	struct medes_bases base = { { the_base(), the_base(), size % 2 ? the_base() : NULL } };
	int used = medes_moves_apply(list, size, &base, page);

	EXPECT(used == -EBADMSG || (used > 0 && (size_t)used <= size));
	free(list);
}

static void check_slides(const uint8_t *data, size_t size)
{
	static struct medes_slides_table table;
	static u64 page[MEDES_PAGE_WORDS];
	u8 *list = copy(data, size);
	int used;

	memcpy(page, the_base(), sizeof(page));
	used = medes_slides_apply(&table, list, size, page);
	EXPECT(used == -EBADMSG || (used > 0 && (size_t)used <= size));
	free(list);
}

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
	check_moves(data + 1, size - 1);
	check_slides(data + 1, size - 1);
	free(patch);
	return 0;
}
