/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The word patch: a page as its difference from a similar one, 8 bytes at a
 * time. codec.c decides whether it pays; Documentation/record-format.rst gives
 * the bytes.
 */
#ifndef MEDES_WORDS_H
#define MEDES_WORDS_H

#include "pure.h"

/* A word's code is 4 bits, and 0 says that it does not occur. */
#define MEDES_WORDS_CODES 15

/*
 * Longest patch before compression: as many codes as there are, with 8-byte
 * addends, and a page in which every word is carried in full.
 */
#define MEDES_WORDS_MAX (MEDES_WORDS_CODES * 9 + 8 + 64 + 256 + MEDES_PAGE_SIZE)

/*
 * Bytes after a patch that medes_words_apply() may read and never uses: it
 * checks its place once for every 8 words, and each loads 8 bytes.
 */
#define MEDES_WORDS_SLACK 64

/* word = (word & keep) + (last address & near) + add + (next bytes & mask) */
struct medes_words_code {
	u64 keep;
	u64 near;
	u64 add;
	u64 mask;
	u64 size;	/* bytes taken from the patch */
};

/* A value seen in a page, and what a code of its own would save. */
struct medes_words_value {
	u64 value;
	u16 worth;	/* bytes */
	u8 rank;	/* place in the short list */
};

/* A value or a delta that may get a code. */
struct medes_words_choice {
	struct medes_words_value *entry;
	u16 price;	/* bytes of the code */
	u16 saved;	/* bytes, the price not taken off */
	bool keep;	/* a delta */
};

/* The distinct values of a page, by open addressing. */
struct medes_words_tally {
	u16 slot[1024];
	struct medes_words_value value[MEDES_PAGE_WORDS];
	u16 count;
};

/* What medes_words_diff() needs besides the pages and the patch; 25 KiB. */
struct medes_words_work {
	struct medes_words_tally deltas;	/* target - base */
	struct medes_words_tally values;	/* target */
	u16 count;				/* words that differ, then of each: */
	u16 where[MEDES_PAGE_WORDS];		/* its number in the page */
	u16 delta[MEDES_PAGE_WORDS];		/* its place in deltas */
	u16 value[MEDES_PAGE_WORDS];		/* its place in values */
	u8 kind[MEDES_PAGE_WORDS];		/* its cheapest literal */
	u8 code[MEDES_PAGE_WORDS];
	struct medes_words_choice best[MEDES_WORDS_CODES];
	u16 uses[16];				/* of each kind of literal */
	u8 as[16];				/* the kind that stands in */
};

int medes_words_diff(struct medes_words_work *work, const void *page,
		     const void *base, u8 *patch, unsigned int *codes);
int medes_words_apply(struct medes_words_code table[MEDES_WORDS_CODES + 1],
		      const u8 *patch, size_t len, unsigned int codes,
		      void *page);

#endif /* MEDES_WORDS_H */
