// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes from a peer: whatever passes the checks can be walked as it says, inside its
 * length.
 */
#include <stdlib.h>
#include <string.h>
#include "common.h"
#include "wire.h"

static void walk(const struct medes_wire_table *table, size_t size)
{
	const struct medes_wire_extent *extent = medes_wire_extents(table);
	const struct medes_wire_page *page = medes_wire_pages(table), *first;
	u32 left = table->pages;
	u64 last = 0;

	EXPECT(medes_wire_table_size(table->extents, table->pages) == size);
	for (u32 i = 0; i < table->extents; i++) {
		EXPECT(extent[i].pages && extent[i].pages <= left);
		left -= extent[i].pages;
		first = page;
		for (u32 k = 0; k < extent[i].pages; k++, page++) {
			EXPECT(page->index >= last);
			EXPECT(page->index - first->index < MEDES_WIRE_EXTENT);
			last = (u64)page->index + 1;
		}
	}
	EXPECT(!left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const u8 cluster[MEDES_WIRE_CLUSTER];
	u64 base = 0, generation = 0;
	u8 *copy = malloc(size ? size : 1);
	int type;

	EXPECT(copy);
	memcpy(copy, data, size);
	medes_wire_check_hello(copy, size, cluster);
	medes_wire_check_welcome(copy, size);
	medes_wire_check_refusal(copy, size);
	type = medes_wire_check_message(copy, size);
	EXPECT(type == -EPROTO || (type > 0 && type < MEDES_WIRE_TYPE_MAX));
	/* of the base that it says, or nothing gets far */
	if (size >= sizeof(struct medes_wire_table)) {
		base = get_unaligned_le64(copy + offsetof(struct medes_wire_table, base));
		generation = get_unaligned_le64(copy + offsetof(struct medes_wire_table,
								generation));
	}
	if (!medes_wire_check_table(copy, size, base, generation))
		walk((const void *)copy, size);
	free(copy);
	return 0;
}
