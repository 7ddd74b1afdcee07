/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An adaptive binary range coder: bits to octets, a likely bit to a small part of one.
 *
 * Each bit belongs to a context, which has odds: how likely a 1 is there, learnt from
 * the bits before it in that context. Who reads has seen the same bits as who writes, and
 * so has the same odds. Bits that nothing can be said about are not coded: they are taken
 * from the end of the record, backwards, as many at a time as there are, in no time.
 *
 * What has more values than two is told by a prefix code whose bits have odds each, so that
 * what is likely takes one of them.
 *
 * Codes have one description for both directions, and for finding out what they would
 * cost: a function takes what to do, and returns the value, be it written or read. All
 * of it is inlined, so that what to do is known where it matters.
 *
 * The reader trusts nothing. Behind the end it reads zeros, and it takes no bits from before
 * the begin.
 */
#ifndef MEDES_CODER_H
#define MEDES_CODER_H

#include "pure.h"

/* How likely a 1 is, of 65536. */
typedef u16 medes_odds;

#define MEDES_ODDS_BITS  16
#define MEDES_ODDS_RATE  3	/* a bit changes them by an eighth of what they are off */
#define MEDES_ODDS_LEAST 256	/* so that a step makes the range 256 times smaller at most */
#define MEDES_ODDS_EVEN  (1 << (MEDES_ODDS_BITS - 1))

/* Less than this, and the range is made larger by as many bits. */
#define MEDES_RANGE_LEAST 0x100000000ULL
#define MEDES_CODER_STEP  4	/* octets */

/* Octets that who reads is ahead. */
#define MEDES_CODER_AHEAD 8

/* Of these, what a writer leaves out at least. */
#define MEDES_CODER_LEFT 3

/* Weights are in sixteenths of a bit. */
#define MEDES_WEIGHT_BIT 16

enum medes_coding { MEDES_READ, MEDES_WRITE, MEDES_WEIGH };

struct medes_coder {
	u64 range;
	union {
		u64 code;	/* reading: where in the range the record is */
		u64 low;	/* writing: where the range begins */
	};
	const u8 *begin, *end;
	union {
		size_t in;	/* reading: octets taken from the begin, and behind the end */
		u8 *out;
	};
	union {
		size_t left;	/* reading: bits that were not taken from the end */
		u8 *back;	/* writing: octets that were put there, */
	};
	u64 part;		/* and bits that make none yet */
	unsigned int parts;
	unsigned int weight;	/* weighing: the sum */
	unsigned int steps;	/* writing: bits that have odds, and times that others are read */
	bool bad;		/* more was taken than there is, or there is no room */
};

extern const u8 medes_coder_weight[64];

void medes_coder_put_back(struct medes_coder *coder, u8 octet);
void medes_coder_carry(struct medes_coder *coder);
void medes_coder_shift(struct medes_coder *coder);
void medes_coder_write(struct medes_coder *coder, u8 *record, int room);
int medes_coder_written(struct medes_coder *coder);

static __always_inline u32 medes_coder_next(struct medes_coder *coder)
{
	size_t at = coder->in, len = coder->end - coder->begin;
	u32 octets = 0;

	coder->in += MEDES_CODER_STEP;
	if (coder->in <= len)
		return get_unaligned_be32(coder->begin + at);
	for (; at < coder->in; at++)
		octets = octets << 8 | (at < len ? coder->begin[at] : 0);
	return octets;
}

/* Read a record. */
static inline void medes_coder_read(struct medes_coder *coder, const u8 *record, size_t len)
{
	coder->range = ~0ULL;
	coder->begin = record;
	coder->end = record + len;
	coder->in = 0;
	coder->left = 8 * len;
	coder->bad = false;
	coder->code = (u64)medes_coder_next(coder) << 32;
	coder->code |= medes_coder_next(coder);
}

/*
 * Was that what a writer would end with? Of the octets that were read ahead it writes one to
 * five, and behind them nothing but those taken from the end.
 */
static inline bool medes_coder_is_read(const struct medes_coder *coder)
{
	size_t coded = coder->left / 8;

	return !coder->bad && coded + MEDES_CODER_LEFT <= coder->in &&
	       coded + MEDES_CODER_AHEAD > coder->in;
}

/* Odds move towards what came, and neither becomes impossible. */
static __always_inline medes_odds medes_odds_after(medes_odds odds, bool bit)
{
	int one = odds;
	int to = bit ? (1 << MEDES_ODDS_BITS) - MEDES_ODDS_LEAST : MEDES_ODDS_LEAST;

	return one + ((to - one) >> MEDES_ODDS_RATE);
}

/* A bit. Most are foreseen, so a branch that is, too, lets the next begin before this is done. */
static __always_inline unsigned int medes_code_bit(struct medes_coder *coder, enum medes_coding how,
						   medes_odds *odds, unsigned int bit)
{
	unsigned int one = *odds;
	u64 bound;

	if (how == MEDES_WEIGH) {
		unsigned int likely = bit ? one : (1 << MEDES_ODDS_BITS) - one;

		coder->weight += medes_coder_weight[likely >> (MEDES_ODDS_BITS - 6)];
		return bit;
	}
	if (how == MEDES_WRITE)
		coder->steps++;
	bound = (coder->range >> MEDES_ODDS_BITS) * one;
	if (how == MEDES_READ ? coder->code < bound : bit) {
		bit = 1;
		coder->range = bound;
		*odds = medes_odds_after(*odds, true);
	} else {
		bit = 0;
		coder->range -= bound;
		coder->low += how == MEDES_READ ? -bound : bound;
		if (how == MEDES_WRITE && coder->low < bound)
			medes_coder_carry(coder);
		*odds = medes_odds_after(*odds, false);
	}
	if (coder->range < MEDES_RANGE_LEAST) {
		coder->range <<= 32;
		if (how == MEDES_READ)
			coder->code = coder->code << 32 | medes_coder_next(coder);
		else
			medes_coder_shift(coder);
	}
	return bit;
}

/*
 * So many bits as they are, 1 to 56. Who reads may look at 8 octets behind the end, and gets
 * 0 when there are too few.
 */
static __always_inline u64 medes_code_bits(struct medes_coder *coder, enum medes_coding how,
					   unsigned int bits, u64 value)
{
	u64 mask = ~0ULL >> (64 - bits);

	if (how == MEDES_WEIGH) {
		coder->weight += bits * MEDES_WEIGHT_BIT;
		return value & mask;
	}
	if (how == MEDES_READ) {
		if (bits > coder->left) {
			coder->bad = true;
			return 0;
		}
		coder->left -= bits;
		return get_unaligned_le64(coder->begin + coder->left / 8) >> coder->left % 8 & mask;
	}
	coder->steps++;
	coder->part = coder->part << bits | (value & mask);
	coder->parts += bits;
	while (coder->parts >= 8) {
		coder->parts -= 8;
		medes_coder_put_back(coder, coder->part >> coder->parts);
	}
	return value & mask;
}

/* Reading: so many of the bits to come, zeros where there are none any more. */
static __always_inline unsigned int medes_peek_bits(const struct medes_coder *coder,
						    unsigned int bits)
{
	u64 mask = (1U << bits) - 1;
	size_t left = coder->left;

	if (left < bits)
		return get_unaligned_le64(coder->begin) << (bits - left) & mask;
	left -= bits;
	return get_unaligned_le64(coder->begin + left / 8) >> left % 8 & mask;
}

/* Reading: that many of them were meant. */
static __always_inline void medes_take_bits(struct medes_coder *coder, unsigned int bits)
{
	coder->bad |= bits > coder->left;
	coder->left -= min(bits, coder->left);
}

/* A prefix code for up to 16 values. */
#define MEDES_CHOICE_MAX 16

#define MEDES_CHOSEN 0x80

struct medes_choice {
	u8 next[MEDES_CHOICE_MAX - 1][2];	/* inner nodes, or values and MEDES_CHOSEN */
	bool plain;	/* 4 bits that have no odds instead */
	u8 bits[MEDES_CHOICE_MAX];
	u16 code[MEDES_CHOICE_MAX];
};

void medes_choice_init(struct medes_choice *choice, const u8 bits[MEDES_CHOICE_MAX]);

/* A value; odds has a context for each inner node. */
static __always_inline unsigned int medes_code_choice(struct medes_coder *coder,
						      enum medes_coding how,
						      const struct medes_choice *choice,
						      medes_odds *odds, unsigned int value)
{
	unsigned int node = 0, i;

	if (choice->plain)
		return medes_code_bits(coder, how, 4, value);
	if (how == MEDES_READ) {
		do
			node = choice->next[node][medes_code_bit(coder, how, &odds[node], 0)];
		while (node < MEDES_CHOSEN);
		return node - MEDES_CHOSEN;
	}
	for (i = choice->bits[value]; i--;) {
		unsigned int bit = choice->code[value] >> i & 1;

		medes_code_bit(coder, how, &odds[node], bit);
		node = choice->next[node][bit];
	}
	return value;
}

#endif /* MEDES_CODER_H */
