/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves: what a page would be if it were made of pieces of its base page.
 * words.c tells the rest; Documentation/record-format.rst gives the bytes.
 */
#ifndef MEDES_MOVES_H
#define MEDES_MOVES_H

#include "pure.h"

/* Most moves in a list; more pieces than that resemble nothing. */
#define MEDES_MOVES_MAX 127

/* Longest list: how many there are, then 3 octets each. */
#define MEDES_MOVES_ROOM (1 + 3 * MEDES_MOVES_MAX)

#define MEDES_MOVES_SLOTS 1024

/* What medes_moves_find() needs; 11 KiB. */
struct medes_moves_work {
	u64 page[MEDES_PAGE_WORDS];	/* blind to where pointers point */
	u64 base[MEDES_PAGE_WORDS];
	u16 slot[MEDES_MOVES_SLOTS];	/* two words of base -> their place + 1 */
};

int medes_moves_find(struct medes_moves_work *work, const void *page,
		     const void *base, void *like, u8 *list);
int medes_moves_apply(const u8 *list, size_t len, const void *base, void *page);

#endif /* MEDES_MOVES_H */
