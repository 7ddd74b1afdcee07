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

/* Values or deltas of a page are tallied in as many places. */
#define MEDES_WORDS_TALLY 512

/* A value or a delta, the most frequent of those that share its place. */
struct medes_words_value {
	u64 value;
	u16 worth;	/* bytes that a code of its own would save, or less */
	u8 choice;	/* its place in the short list */
};

/* A value or a delta that may get a code. */
struct medes_words_choice {
	u64 value;
	struct medes_words_value *entry;
	s16 net;	/* bytes saved, those of the code taken off; 0: no code */
	bool keep;	/* a delta */
};

/* Kinds of codes, those of no octets included. */
#define MEDES_WORDS_KINDS 16

/* What medes_words_diff() needs besides the pages and the patch; 14 KiB. */
struct medes_words_work {
	struct medes_words_value tally[MEDES_WORDS_TALLY];
	unsigned int mask;			/* places in use - 1 */
	unsigned int count;			/* words that differ, then of each: */
	u16 where[MEDES_PAGE_WORDS];		/* its number in the page */
	u16 at[MEDES_PAGE_WORDS];		/* its place in the tally */
	u8 choice[MEDES_PAGE_WORDS];		/* what serves it */
	u8 kind[MEDES_PAGE_WORDS];		/* else its cheapest literal */
	unsigned int nr_rest;			/* words that no slide serves, */
	u16 rest[MEDES_PAGE_WORDS];		/* by their place in where */
	struct medes_words_choice best[2 * MEDES_WORDS_CODES];
	unsigned int choices;
	u16 uses[MEDES_WORDS_KINDS];		/* of each kind of literal */
	u8 as[MEDES_WORDS_KINDS];		/* the kind that stands in */
};

unsigned int medes_words_compare(struct medes_words_work *work, const void *page,
				 const void *base);
int medes_words_diff(struct medes_words_work *work, const void *page,
		     const void *base, u8 *patch, unsigned int *codes);
int medes_words_apply(struct medes_words_code table[MEDES_WORDS_CODES + 1],
		      const u8 *patch, size_t len, unsigned int codes,
		      void *page);

#endif /* MEDES_WORDS_H */
