/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page to the smallest record that gives it back, and back.
 */
#ifndef MEDES_CODEC_H
#define MEDES_CODEC_H

#include "pure.h"
#include "words.h"

#if __has_include("uapi/linux/medes.h")
#include "uapi/linux/medes.h"
#else
enum medes_encoding {
	MEDES_ENCODING_ZERO,
	MEDES_ENCODING_SAME,
	MEDES_ENCODING_WORDS,
	MEDES_ENCODING_SELF,
};
#endif

/*
 * Longest record worth storing: zsmalloc packs four 3 KiB objects into three
 * pages, and what is above that saves less than the device page, the record's
 * head and the fault to come cost.
 */
#define MEDES_PATCH_MAX 3072

/* What encoding a page needs; 27 KiB, so never on a stack. */
struct medes_workspace {
	u64 lz4[(LZ4_MEM_COMPRESS + 7) / 8];
	u8 patch[MEDES_WORDS_MAX];
	u8 words[MEDES_PATCH_MAX];
	u8 self[MEDES_PATCH_MAX];
};

/* What decoding a page needs. */
struct medes_scratch {
	u8 patch[MEDES_WORDS_MAX];
};

int medes_encode(struct medes_workspace *ws, const void *page,
		 const void *base, u8 *encoding, const void **data);
int medes_decode(struct medes_scratch *scratch, u8 encoding, const void *data,
		 size_t len, const void *base, void *page);

#endif /* MEDES_CODEC_H */
