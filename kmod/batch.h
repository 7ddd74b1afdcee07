/* SPDX-License-Identifier: GPL-2.0 */
/* Pages that come back together: rebuilt one by one, mapped at once. */
#ifndef MEDES_BATCH_H
#define MEDES_BATCH_H

#include <linux/types.h>
#include "ahead.h"

struct page;
struct vm_area_struct;

/* Pages that one CPU brings back at once. */
#define MEDES_BATCH 16

/**
 * struct medes_batch - what one CPU has in hand; nobody else touches it
 * @gfp: how hard to try for memory
 * @nr: of @page
 * @page: in hand, free
 * @nr_ahead: of @ahead
 * @ahead: those that are rebuilt
 * @src: for migrate_vma, likewise @dst
 * @dst: see @src
 * @back: pages that came back; the user adds it up and clears it, as @lost
 * @lost: pages that could not be rebuilt
 */
struct medes_batch {
	gfp_t gfp;
	unsigned int nr;
	struct page *page[MEDES_BATCH];
	unsigned int nr_ahead;
	struct medes_ahead ahead[MEDES_BATCH];
	unsigned long src[MEDES_BATCH];
	unsigned long dst[MEDES_BATCH];
	u64 back;
	u64 lost;
};

int medes_batch_fill(struct medes_batch *batch);
void medes_batch_drain(struct medes_batch *batch);
bool medes_batch_rebuild(struct medes_batch *batch, struct page *device,
			 unsigned long address);
u64 medes_batch_map(struct medes_batch *batch, struct vm_area_struct *vma,
		    unsigned long start, unsigned int n);
void medes_batch_devices(struct medes_batch *batch, unsigned long pfn);
void medes_batch_take_back(struct medes_batch *batch);

#endif /* MEDES_BATCH_H */
