/* SPDX-License-Identifier: GPL-2.0 */
/* Base pages of other nodes that are here for now. */
#ifndef MEDES_CACHE_H
#define MEDES_CACHE_H

#include <linux/bitmap.h>
#include <linux/mm_types.h>
#include "base.h"

struct medes_cached;

/**
 * struct medes_far - of an extent whose pages are on other nodes
 * @nr: which extent of the table
 * @at: of each slot, which page of the extent it is there
 * @hash: what the page's bytes have to give
 * @cached: of pages in the cache; under the cache's lock
 * @touched: used since they were fetched, or since the cache last looked
 * @bad: no node had the right bytes, when last asked
 */
struct medes_far {
	u32 nr;
	u16 at[MEDES_EXTENT_PAGES];
	u64 hash[MEDES_EXTENT_PAGES];
	struct medes_cached *cached[MEDES_EXTENT_PAGES];
	DECLARE_BITMAP(touched, MEDES_EXTENT_PAGES);
	DECLARE_BITMAP(bad, MEDES_EXTENT_PAGES);
};

int medes_cache_init(void);
void medes_cache_exit(void);
void medes_cache_trim(void);
int medes_cache_insert(struct medes_extent *extent, u32 slot,
		       struct page *page);
u32 medes_cache_count(struct medes_base *base);

int medes_far_new(struct medes_extent *extent);
void medes_far_free(struct medes_extent *extent);
const void *medes_far_read(struct medes_extent *extent, u32 slot,
			   struct page *page);

#endif /* MEDES_CACHE_H */
