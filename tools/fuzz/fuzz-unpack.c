// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a compressed block: an octet for which of LZ4 and zstd, with or without a
 * dictionary, and how much room there is, then the block.
 */
#include <stdlib.h>
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const u8 none[MEDES_NO_DICT];
	static const int rooms[] = { MEDES_PAGE_SIZE, MEDES_LIST_MAX, 64, 1 };
	const void *dict;
	u8 *block, *out;
	int room, got;

	if (size < 2 || size - 1 > MEDES_PATCH_MAX)
		return 0;
	dict = data[0] & 2 ? the_base() : NULL;
	room = rooms[data[0] >> 2 & 3];
	block = copy(data + 1, size - 1);
	out = malloc(room);
	EXPECT(out);
	if (data[0] & 1)
		got = medes_zstd_unpack(&scratch->unpacker, dict, block, size - 1, out, room);
	else
		got = medes_lz4_unpack(dict ?: none, dict ? MEDES_PAGE_SIZE : MEDES_NO_DICT, block,
				       size - 1, out, room);
	EXPECT(got <= room);
	free(block);
	free(out);
	return 0;
}
