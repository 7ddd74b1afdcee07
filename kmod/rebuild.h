/* SPDX-License-Identifier: GPL-2.0 */
/* Rebuild: device pages back into memory; common to touch and bulk. */
#ifndef MEDES_REBUILD_H
#define MEDES_REBUILD_H

#include <linux/mm_types.h>

struct medes_record;

/* Most pages that are unmapped at once on their way back. */
#define MEDES_REBUILD_MAX 64

/* Memory for pages to come back to, taken before any is unmapped. */
struct medes_reserve {
	unsigned int nr;
	struct page *page[MEDES_REBUILD_MAX];
};

int medes_reserve_fill(struct medes_reserve *reserve, unsigned int nr);
void medes_reserve_drain(struct medes_reserve *reserve);

int medes_rebuild(struct page *device, struct page *page,
		  unsigned long address);
bool medes_rebuild_wanted(unsigned long src);

#endif /* MEDES_REBUILD_H */
