// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any page has a sketch that keeps its promises: ascending, distinct, zeros last.
 */
#include <string.h>
#include "common.h"
#include "fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u64 page[MEDES_PAGE_WORDS];
	u64 sketch[MEDES_SKETCH], again[MEDES_SKETCH];
	unsigned int i;

	memset(page, 0, sizeof(page));
	memcpy(page, data, size < sizeof(page) ? size : sizeof(page));
	medes_fingerprint(page, size, sketch);
	for (i = 1; i < MEDES_SKETCH; i++)
		EXPECT(!sketch[i] || (sketch[i - 1] && sketch[i - 1] < sketch[i]));
	medes_fingerprint(page, size, again);
	EXPECT(!memcmp(sketch, again, sizeof(sketch)));
	if (medes_page_is_zero(page))
		EXPECT(!sketch[0]);
	return 0;
}
