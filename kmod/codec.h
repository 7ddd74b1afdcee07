/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page to the smallest record that gives it back, and back.
 */
#ifndef MEDES_CODEC_H
#define MEDES_CODEC_H

#include "pure.h"
#include "words.h"

#include <uapi/linux/medes.h>

/*
 * Longest record worth storing: zsmalloc packs four 3 KiB objects into three
 * pages, and what is above that saves less than the device page, the record's
 * head and the fault to come cost.
 */
#define MEDES_PATCH_MAX 3072

/* What encoding a page needs; 51 KiB, so never on a stack. */
struct medes_workspace {
	u64 lz4[(LZ4_MEM_COMPRESS + 7) / 8];
	struct medes_words_work words;
	u8 patch[MEDES_WORDS_MAX + MEDES_WORDS_SLACK];
	u8 record[2][MEDES_PATCH_MAX];
};

/* What decoding a page needs; 5 KiB. */
struct medes_scratch {
	struct medes_words_code table[MEDES_WORDS_CODES + 1];
	u8 patch[MEDES_WORDS_MAX + MEDES_WORDS_SLACK];
};

int medes_encode(struct medes_workspace *ws, const void *page,
		 const void *base, u8 *encoding, const void **data);
int medes_decode(struct medes_scratch *scratch, u8 encoding, const void *data,
		 size_t len, const void *base, void *page);

#endif /* MEDES_CODEC_H */
