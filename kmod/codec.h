/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page to the smallest record that gives it back, and back.
 */
#ifndef MEDES_CODEC_H
#define MEDES_CODEC_H

#include "entropy.h"
#include "guess.h"
#include "moves.h"
#include "pixels.h"
#include "pure.h"
#include "slides.h"
#include "words.h"

#include <uapi/linux/medes.h>

/* Version of the records, of Documentation/record-format.rst. */
#define MEDES_RECORD_FORMAT 5

/*
 * Longest record worth storing: zsmalloc packs four 3 KiB objects into three
 * pages, and what is above that saves less than the device page, the record's
 * head and the fault to come cost.
 */
#define MEDES_PATCH_MAX 3072

/* Room in which a record may be tried: zstd writes a whole frame first. */
#define MEDES_RECORD_ROOM (MEDES_PATCH_MAX + MEDES_PACK_SLACK)

/* Longest patch with moves and slides before it. */
#define MEDES_LIST_MAX (MEDES_MOVES_ROOM + MEDES_SLIDES_ROOM + MEDES_WORDS_MAX)

/* What encoding a page needs, with what follows it; never on a stack. */
struct medes_workspace {
	struct medes_packer packer;
	struct medes_words_work words;
	struct medes_moves_work moves;
	struct medes_slides_work slides;
	u64 like[MEDES_PAGE_WORDS];
	u8 none[MEDES_NO_DICT];		/* before the patch */
	u8 patch[MEDES_LIST_MAX + MEDES_WORDS_SLACK];
	u8 record[2][MEDES_RECORD_ROOM];
	/* what dense mode alone has lies behind what is used together */
	struct medes_guess_work guess;
	u64 zeros[MEDES_PAGE_WORDS];
	u8 guesses[MEDES_RECORD_ROOM];
	int debt;			/* steps that dense records take beyond what they may */
};

/* What decoding a page needs, likewise. */
struct medes_scratch {
	struct medes_unpacker unpacker;
	struct medes_words_code table[MEDES_WORDS_CODES + 1];
	struct medes_slides_table slides;
	u64 like[MEDES_PAGE_WORDS];
	u8 none[MEDES_NO_DICT];		/* before the patch */
	u8 patch[MEDES_LIST_MAX + MEDES_WORDS_SLACK];
	struct medes_guess_work guess;	/* behind what fast records use: a quarter faster */
};

size_t medes_workspace_size(void);
struct medes_workspace *medes_workspace_init(void *mem);
size_t medes_scratch_size(void);
struct medes_scratch *medes_scratch_init(void *mem);

/* Begins of memory that others use. */
#define MEDES_ALIGNED(n) (((n) + 63) & ~(size_t)63)

/* The first octet of a record. */
#define MEDES_HEAD_CODES 0x0f	/* of the patch; or which prior it is; or octets of pixels */
#define MEDES_HEAD_DENSE 0x10	/* the rest is dense: guesses, or a page compressed by zstd; */
#define MEDES_HEAD_LZ4   0x80	/* or is compressed by LZ4 */
#define MEDES_HEAD_MADE  0x20	/* how the base page is made anew comes first */
#define MEDES_HEAD_PAGE  0x40	/* the rest gives the page, not a patch */

/* What came of a page; see medes_encode(). */
struct medes_coded {
	const void *data;	/* the record, in the workspace */
	int len;
	u8 encoding;		/* enum medes_encoding */
	u8 reach;		/* base pages that it needs, 1 << MEDES_ITSELF and so on */
};

int medes_encode(struct medes_workspace *ws, enum medes_mode mode,
		 const void *page, const struct medes_bases *base,
		 struct medes_coded *coded);
bool medes_record_is_dense(u8 encoding, const void *data, size_t len);
int medes_decode(struct medes_scratch *scratch, u8 encoding, const void *data,
		 size_t len, const struct medes_bases *base, void *page);

#endif /* MEDES_CODEC_H */
