/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The word patch: a page as its difference from a similar one, 8 bytes at a
 * time. codec.c decides whether it pays; Documentation/record-format.rst gives
 * the bytes.
 */
#ifndef MEDES_WORDS_H
#define MEDES_WORDS_H

#include "patch.h"

/* Values or deltas of a page are tallied in as many places. */
#define MEDES_WORDS_TALLY 512

/* Values or deltas, in each place the most frequent of those that share it. */
struct medes_words_tally {
	u64 value[MEDES_WORDS_TALLY];
	u16 worth[MEDES_WORDS_TALLY];	/* bytes that a code of its own would save, or less */
	u8 choice[MEDES_WORDS_TALLY];	/* its number in the short list */
	unsigned int mask;		/* places in use - 1 */
};

/* A value or a delta that may get a code. */
struct medes_words_choice {
	u64 value;
	u16 at;		/* its place in the tally */
	s16 net;	/* bytes saved, those of the code taken off; 0: no code */
	bool keep;	/* a delta */
};

/* What medes_words_diff() needs besides the pages and the patch; 12 KiB. */
struct medes_words_work {
	struct medes_words_tally tally;
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

#endif /* MEDES_WORDS_H */
