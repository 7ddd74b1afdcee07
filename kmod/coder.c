// SPDX-License-Identifier: GPL-2.0
/*
 * The writing side of the range coder: carries, and the end of a record; prefix codes.
 */
#include "coder.h"

/* What a bit takes that is so likely, of 64: 16 * log2(64 / (i + 1/2)). */
const u8 medes_coder_weight[64] = {
	112, 87, 75, 67, 61, 57, 53, 49, 47, 44, 42, 40, 38, 36, 34, 33,
	31, 30, 29, 27, 26, 25, 24, 23, 22, 21, 20, 19, 19, 18, 17, 16,
	16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9, 9, 8, 8, 7, 7,
	6, 6, 5, 5, 5, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 0,
};

static void put(struct medes_coder *coder, u8 octet)
{
	if (coder->out == coder->back)
		coder->bad = true;
	else
		*coder->out++ = octet;
}

/**
 * medes_coder_put_back() - write an octet at the end, before those that are there
 * @coder: to do that
 * @octet: to write
 *
 * Context: any.
 */
void medes_coder_put_back(struct medes_coder *coder, u8 octet)
{
	if (coder->out == coder->back)
		coder->bad = true;
	else
		*--coder->back = octet;
}

/**
 * medes_coder_carry() - add 1 to what is written
 * @coder: to do that
 *
 * Context: any.
 */
void medes_coder_carry(struct medes_coder *coder)
{
	u8 *octet = coder->out;

	while (octet > coder->begin && !++*--octet)
		;
}

/**
 * medes_coder_shift() - write the topmost octets of where the range begins
 * @coder: to do that
 *
 * Context: any.
 */
void medes_coder_shift(struct medes_coder *coder)
{
	unsigned int i;

	for (i = 0; i < MEDES_CODER_STEP; i++) {
		put(coder, coder->low >> 56);
		coder->low <<= 8;
	}
}

/**
 * medes_coder_write() - begin a record
 * @coder: to write it
 * @record: receives it
 * @room: bytes of @record
 *
 * Context: any.
 */
void medes_coder_write(struct medes_coder *coder, u8 *record, int room)
{
	*coder = (struct medes_coder) {
		.range = ~0ULL,
		.out = record,
		.back = record + room,
		.begin = record,
		.end = record + room,
	};
}

/**
 * medes_coder_written() - end a record
 * @coder: that wrote it
 *
 * Context: any.
 * Return: its length, or -E2BIG when there was no room.
 */
int medes_coder_written(struct medes_coder *coder)
{
	unsigned int octets;
	u64 open, low;

	/* the fewest octets that stay in the range whatever follows them: not more than 5 */
	for (octets = 1;; octets++) {
		open = ~0ULL >> 8 * octets;
		low = (coder->low + open) & ~open;
		if (low - coder->low + open < coder->range)
			break;
	}
	if (low < coder->low)
		medes_coder_carry(coder);
	for (; octets; octets--, low <<= 8)
		put(coder, low >> 56);
	if (coder->parts)
		medes_coder_put_back(coder, coder->part << (8 - coder->parts));
	if (coder->bad)
		return -E2BIG;
	memmove(coder->out, coder->back, coder->end - coder->back);
	return coder->out - coder->begin + (coder->end - coder->back);
}

/**
 * medes_choice_init() - make a prefix code
 * @choice: to make
 * @bits: of each value, 0 for those that there are not; no value at all: four plain bits
 *
 * Codes are given in ascending order, those of few bits first.
 *
 * Context: any.
 */
void medes_choice_init(struct medes_choice *choice, const u8 bits[MEDES_CHOICE_MAX])
{
	unsigned int made = 1, code = 0, length, value, node, i;

	memset(choice, 0, sizeof(*choice));
	memcpy(choice->bits, bits, MEDES_CHOICE_MAX);
	choice->plain = true;
	for (length = 1; length < MEDES_CHOICE_MAX; length++, code <<= 1) {
		for (value = 0; value < MEDES_CHOICE_MAX; value++) {
			if (bits[value] != length)
				continue;
			choice->plain = false;
			choice->code[value] = code;
			for (node = 0, i = length; --i;) {
				u8 *next = &choice->next[node][code >> i & 1];

				if (!*next)
					*next = made++;
				node = *next;
			}
			choice->next[node][code & 1] = MEDES_CHOSEN | value;
			code++;
		}
	}
}
