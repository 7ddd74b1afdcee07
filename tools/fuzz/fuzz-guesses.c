// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as guesses: an octet that says what the page resembles, the base or zeros, and which
 * prior they begin with, then the record, with the readable octets behind it that its decoder may ask for.
 */
#include <stdlib.h>
#include <string.h>
#include "common.h"

#define SLACK 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u64 page[MEDES_PAGE_WORDS];
	u8 *record;
	int err;

	if (!size || size - 1 > MEDES_PATCH_MAX)
		return 0;
	record = calloc(1, size - 1 + SLACK);
	EXPECT(record);
	memcpy(record, data + 1, size - 1);
	if (data[0] & 1)
		memcpy(page, the_base(), sizeof(page));
	else
		memset(page, 0, sizeof(page));
	err = medes_guess_read(&scratch->guess, (data[0] >> 1) % MEDES_PRIORS, record, size - 1, page);
	EXPECT(err == 0 || err == -EBADMSG);
	free(record);
	return 0;
}
