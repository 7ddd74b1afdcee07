// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a record of any encoding: an octet for the encoding, then the record.
 */
#include <stdlib.h>
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u64 page[MEDES_PAGE_WORDS];
	void *record;
	int err;

	if (!size)
		return 0;
	record = copy(data + 1, size - 1);
	err = medes_decode(scratch, data[0] & 0x7f, record, size - 1,
			   data[0] & 0x80 ? NULL : the_base(), page);
	EXPECT(err == 0 || err == -EBADMSG);
	free(record);
	return 0;
}
