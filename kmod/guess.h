/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page told word by word, each guessed from the base page: the dense form of a
 * patch. Documentation/record-format.rst gives the bits.
 */
#ifndef MEDES_GUESS_H
#define MEDES_GUESS_H

#include "coder.h"
#include "patch.h"

/* What a word of the base page is. */
enum {
	MEDES_IS_ZERO,
	MEDES_IS_OCTET,		/* below 2^8, */
	MEDES_IS_SHORT,		/* 2^16 */
	MEDES_IS_INT,		/* and 2^32 */
	MEDES_IS_LARGE,		/* no address, from 2^47 on */
	MEDES_IS_ADDRESS,	/* of which nothing is known; */
	MEDES_IS_OF_REGION,	/* where its region slid is known, */
	MEDES_IS_OF_PAGE,	/* or the page that it points to */
	MEDES_IS_KINDS,
};

/* How a word is told that is not as guessed. */
enum {
	MEDES_TELL_VALUE,	/* one that was told before */
	MEDES_TELL_DELTA,	/* likewise, added to the guess */
	MEDES_TELL_REGION,	/* an address in a region met before */
	MEDES_TELL_TEXT,
	MEDES_TELL_STEP,	/* from the guess; these are of a size, too: */
	MEDES_TELL_HIGH,	/* from the guess, by multiples of 2^32 */
	MEDES_TELL_NEAR,	/* from the address told last */
	MEDES_TELL_SLIDE,	/* from the guess, by pages */
	MEDES_TELL_PLAIN,
	MEDES_TELL_KINDS,
};

#define MEDES_TELL_SIZED  MEDES_TELL_STEP
#define MEDES_TELL_SIZES  4	/* 1 to 4 octets, 2 to 5 of SLIDE; of PLAIN twice as many */
#define MEDES_TELL_NUMBERS ((MEDES_TELL_KINDS - MEDES_TELL_SIZED + 1) * MEDES_TELL_SIZES)
#define MEDES_TELL_BEFORE 16	/* values, deltas and regions that are remembered */

/* Regions of addresses: those that slide are those of slides.h, those that are told smaller. */
#define MEDES_SLID_REGION_SHIFT 20
#define MEDES_TOLD_REGION_SHIFT 18

/* All contexts. What is chosen has as many as it has values, the last of which is unused. */
struct medes_guess_odds {
	medes_odds group[3][16];	/* kinds of words in it; the four groups before */
	medes_odds flag[MEDES_IS_KINDS][16];	/* two before it of its kind; two before */
	medes_odds tell[MEDES_IS_KINDS][MEDES_TELL_KINDS][MEDES_TELL_KINDS];	/* the one before */
	medes_odds size[MEDES_IS_KINDS][MEDES_TELL_KINDS - MEDES_TELL_SIZED][2 * MEDES_TELL_SIZES];
	medes_odds before[3][MEDES_TELL_BEFORE];
	medes_odds top[MEDES_TELL_NUMBERS][2][16];	/* highest octet of a number, in halves */
	medes_odds bottom[MEDES_TELL_NUMBERS][16];	/* lower half of the lowest octet */
	medes_odds place[2][16];	/* in a region: highest and lowest half octet */
};

#define MEDES_GUESS_CONTEXTS (sizeof(struct medes_guess_odds) / sizeof(medes_odds))

/* Prefix codes for what is chosen, each for all contexts of */
enum {
	MEDES_CHOOSE_TELL,	/* a kind of word, */
	MEDES_CHOOSE_SIZE = MEDES_CHOOSE_TELL + MEDES_IS_KINDS,	/* likewise, and a way, */
	MEDES_CHOOSE_BEFORE = MEDES_CHOOSE_SIZE +
			      MEDES_IS_KINDS * (MEDES_TELL_KINDS - MEDES_TELL_SIZED),
	MEDES_CHOOSE_TOP = MEDES_CHOOSE_BEFORE + 3,	/* and half an octet */
	MEDES_CHOOSE_BOTTOM = MEDES_CHOOSE_TOP + 2 * MEDES_TELL_NUMBERS,
	MEDES_CHOOSE_PLACE = MEDES_CHOOSE_BOTTOM + MEDES_TELL_NUMBERS,
	MEDES_CHOICES = MEDES_CHOOSE_PLACE + 2,
};

/* What a page begins with: part of the format. Pages differ, so there are some to choose from. */
#define MEDES_PRIORS 4

struct medes_guess_prior {
	medes_odds odds[MEDES_GUESS_CONTEXTS];
	u8 bits[MEDES_CHOICES][MEDES_CHOICE_MAX];	/* of each value */
};

extern const struct medes_guess_prior medes_guess_priors[MEDES_PRIORS];

/* What an octet of text follows, in its word: small letters, zero, the begin or anything else. */
#define MEDES_TEXT_AFTER 3

/* Bits of each octet of text, likewise: prefix codes, one for each of these. */
#define MEDES_TEXT_BITS 10

extern const u8 medes_text_bits[MEDES_TEXT_AFTER][256];

/* Those codes; 7.5 KiB. */
struct medes_text {
	u16 code[MEDES_TEXT_AFTER][256];
	struct {
		u8 octet;
		u8 bits;
	} of[MEDES_TEXT_AFTER][1 << MEDES_TEXT_BITS];	/* by the bits to come */
};

/*
 * What is counted for learning: values that are chosen where they have a context, bits that are
 * not in [0] and those that are in [1]; and behind all contexts octets of text.
 */
#define MEDES_GUESS_COUNTS (MEDES_GUESS_CONTEXTS + MEDES_TEXT_AFTER * 256)

#define MEDES_GUESS_PAGES_LOG   6
#define MEDES_GUESS_REGIONS_LOG 5
#define MEDES_GUESS_PAGES   64
#define MEDES_GUESS_REGIONS 32

struct medes_guess_slide {
	u64 of;
	u64 by;
};

/* The last values that were told, deltas or regions: a ring. */
struct medes_guess_ring {
	u64 value[MEDES_TELL_BEFORE];
	unsigned int latest;	/* where that is; the one before it is behind it */
};

/* What medes_guess_write() and medes_guess_read() need; 54 KiB. */
struct medes_guess_work {
	struct medes_guess_odds odds;
	/* how pointers slid that were not as guessed, by what they point to */
	struct medes_guess_slide page[MEDES_GUESS_PAGES];
	struct medes_guess_slide region[MEDES_GUESS_REGIONS];
	struct medes_guess_ring before[3];
	u64 last;		/* address that was told */
	u8 missed[MEDES_IS_KINDS];	/* bit by bit, the latest lowest */
	u8 any;			/* likewise of all kinds, */
	u8 groups;		/* and of groups */
	u8 told;		/* how the last one was told */
	struct medes_coder coder;
	const struct medes_choice *choice;	/* what is in use of */
	struct medes_choice choices[MEDES_PRIORS][MEDES_CHOICES];
	struct medes_text text;
	u32 (*seen)[2];		/* for learning, or NULL */
};

void medes_guess_init(struct medes_guess_work *work);
int medes_guess_write(struct medes_guess_work *work, unsigned int prior, const void *page,
		      const void *like, u8 *record, int room);
int medes_guess_read(struct medes_guess_work *work, unsigned int prior, const u8 *record,
		     size_t len, void *page);

#endif /* MEDES_GUESS_H */
