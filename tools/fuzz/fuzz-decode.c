// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a record of any encoding: an octet for the encoding, then the record.
 */
#include <stdlib.h>
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u64 page[MEDES_PAGE_WORDS];
	struct medes_bases base = { };
	void *record;
	int err;

	if (!size)
		return 0;
	record = copy(data + 1, size - 1);
	/* with a base page, both neighbours, or none but itself */
	if (!(data[0] & 0x80))
		base.page[MEDES_ITSELF] = the_base();
	if (data[0] & 0x40) {
		base.page[MEDES_BEFORE] = the_base();
		base.page[MEDES_AFTER] = the_base();
	}
	err = medes_decode(scratch, data[0] & 0x3f, record, size - 1, &base, page);
	EXPECT(err == 0 || err == -EBADMSG);
	free(record);
	return 0;
}
