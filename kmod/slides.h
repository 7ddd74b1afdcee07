/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slides: a base page with its pointers moved to where the page's process has
 * what they point to. Documentation/record-format.rst gives the bytes.
 */
#ifndef MEDES_SLIDES_H
#define MEDES_SLIDES_H

#include "patch.h"

/* A region is 1 MiB of the base's address space; all pointers into it slide alike. */
#define MEDES_REGION_SHIFT 20

#define MEDES_SLIDES_MAX 15	/* different slides in a list */
#define MEDES_REGIONS_MAX 64	/* regions in a list */

/* Longest list: slides with 8-byte addends, and half an octet for each region. */
#define MEDES_SLIDES_ROOM (1 + 9 * MEDES_SLIDES_MAX + 1 + MEDES_REGIONS_MAX / 2)

#define MEDES_REGION_SLOTS 64

/* What medes_slides_apply() needs; 1.5 KiB. */
struct medes_slides_table {
	struct {
		u64 region;	/* met last of those that share the slot; 0: none */
		u64 by;
	} slot[MEDES_REGION_SLOTS];
	u64 slide[MEDES_REGIONS_MAX + 1];	/* of each region, as they are met */
};

#define MEDES_SLIDES_KNOWN 256

/* What medes_slides_find() needs; 8 KiB. */
struct medes_slides_work {
	struct medes_slides_table table;
	u64 seen[MEDES_REGION_SLOTS];		/* regions that the page points to */
	u8 number[MEDES_REGION_SLOTS + 1];	/* of the region in a slot, below: */
	/* of each region, as they are met, and of what is none */
	u64 region[MEDES_REGIONS_MAX + 1];
	u64 by[MEDES_REGIONS_MAX + 1];
	s16 votes[MEDES_REGIONS_MAX + 1];
	u16 voters[MEDES_REGIONS_MAX + 1];
	/* what regions did in pages before this: a hint, that a page must bear out */
	struct {
		u64 region;
		u64 by;
	} known[MEDES_SLIDES_KNOWN];
};

void medes_slides_know(struct medes_slides_work *work, u64 region, u64 by);
int medes_slides_find(struct medes_slides_work *work, const void *page, void *like,
		      bool aligned, u8 *list);
int medes_slides_apply(struct medes_slides_table *table, const u8 *list, size_t len,
		       void *page);

#endif /* MEDES_SLIDES_H */
