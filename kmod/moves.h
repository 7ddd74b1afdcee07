/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves: what a page would be if it were made of pieces of its base page, and of
 * those beside that. words.c tells the rest; Documentation/record-format.rst gives
 * the bytes.
 */
#ifndef MEDES_MOVES_H
#define MEDES_MOVES_H

#include "pure.h"

/* A base page and its neighbours in the base. */
enum { MEDES_BEFORE, MEDES_ITSELF, MEDES_AFTER, MEDES_NEAR };

/* What a record refers to: a base page, and neighbours that it may reach into. */
struct medes_bases {
	const void *page[MEDES_NEAR];	/* 4096 bytes, 8-byte aligned, or NULL */
};

/* A base page without neighbours, for a call. */
#define MEDES_ALONE(base) \
	(&(const struct medes_bases) { .page = { [MEDES_ITSELF] = (base) } })

/* Most moves in a list; more pieces than that resemble nothing. */
#define MEDES_MOVES_MAX 127

/* The octet that says how many says, too, whether slides follow (slides.h). */
#define MEDES_MOVES_SLIDES 0x80

/* Octets of a list without moves. */
#define MEDES_MOVES_NONE 1

/* Longest list: how many there are, then 3 octets each. */
#define MEDES_MOVES_ROOM (1 + 3 * MEDES_MOVES_MAX)

#define MEDES_MOVES_SLOTS 2048

/* What medes_moves_find() needs; 20 KiB. */
struct medes_moves_work {
	u64 page[MEDES_PAGE_WORDS];	/* blind to where pointers point */
	u64 base[MEDES_NEAR * MEDES_PAGE_WORDS];
	u16 slot[MEDES_MOVES_SLOTS];	/* two words of base -> their place + 1 */
	unsigned int near;		/* pages of base that are there, bit by bit */
};

int medes_moves_find(struct medes_moves_work *work, const void *page,
		     const struct medes_bases *base, bool all, void *like,
		     u8 *list, unsigned int *reach);
int medes_moves_apply(const u8 *list, size_t len,
		      const struct medes_bases *base, void *page);

#endif /* MEDES_MOVES_H */
