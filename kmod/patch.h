/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a word patch is made of: the table that words.c writes and patch.c reads.
 * Documentation/record-format.rst gives the bytes.
 */
#ifndef MEDES_PATCH_H
#define MEDES_PATCH_H

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

/* What a code starts from, and how many bytes of the patch it adds to that. */
enum {
	MEDES_PLAIN0, MEDES_PLAIN1, MEDES_PLAIN2, MEDES_PLAIN3, MEDES_PLAIN4, MEDES_PLAIN6,
	MEDES_PLAIN8,
	MEDES_STEP0, MEDES_STEP1, MEDES_STEP2, MEDES_STEP3, MEDES_STEP4,
	MEDES_NEAR1, MEDES_NEAR2, MEDES_NEAR3, MEDES_NEAR4,
	MEDES_WORDS_KINDS,
};

enum { MEDES_FROM_ZERO, MEDES_FROM_BASE, MEDES_FROM_LAST };

struct medes_words_kind {
	u8 from;
	u8 size;
};

extern const struct medes_words_kind medes_words_kinds[MEDES_WORDS_KINDS];

/* Steps are signed; adding this makes them fit unsigned bytes. */
static inline u64 medes_words_bias(unsigned int kind)
{
	unsigned int size = medes_words_kinds[kind].size;

	if (medes_words_kinds[kind].from == MEDES_FROM_ZERO || !size)
		return 0;
	return 1ULL << (8 * size - 1);
}

/*
 * Codes and slides begin with an octet, four bits of which say how the addend is
 * written that follows, low octets first.
 */
#define MEDES_ADDEND_SHIFT   4
#define MEDES_ADDEND_FORM    0x0f
#define MEDES_ADDEND_PAGES   8		/* + octets, the unit being 4 KiB */
#define MEDES_ADDEND_INVALID 15
#define MEDES_PAGES_SHIFT    12

static inline unsigned int medes_addend_size(unsigned int form)
{
	return form > MEDES_ADDEND_PAGES ? form - MEDES_ADDEND_PAGES : form;
}

/* Octets of value as a signed number, 1 for 0. */
static __always_inline unsigned int medes_signed_size(u64 value)
{
	u64 bits = value ^ (u64)((s64)value >> 63);

	return (64 - __builtin_clzll(bits | 1)) / 8 + 1;
}

unsigned int medes_addend_form(u64 add);
u8 *medes_put_addend(u8 *out, unsigned int above, u64 add);
const u8 *medes_get_addend(const u8 *in, const u8 *end, unsigned int *above, u64 *add);

/* word = (word & keep) + (last address & near) + add + (next bytes & mask) */
struct medes_words_code {
	u64 keep;
	u64 near;
	u64 add;
	u64 mask;
	u64 size;	/* bytes taken from the patch */
};

int medes_words_apply(struct medes_words_code table[MEDES_WORDS_CODES + 1],
		      const u8 *patch, size_t len, unsigned int codes,
		      void *page);

#endif /* MEDES_PATCH_H */
