/* SPDX-License-Identifier: GPL-2.0 */
/* Rebuild: device pages back into memory; common to touch and bulk. */
#ifndef MEDES_REBUILD_H
#define MEDES_REBUILD_H

#include <linux/types.h>

struct medes_record;
struct page;

int medes_rebuild(struct medes_record *record, struct page *page,
		  unsigned long address);
bool medes_rebuild_wanted(unsigned long src, struct page *touched);

#endif /* MEDES_REBUILD_H */
