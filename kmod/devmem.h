/* SPDX-License-Identifier: GPL-2.0 */
/* Device-private pages: what stands in a page table for a record. */
#ifndef MEDES_DEVMEM_H
#define MEDES_DEVMEM_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct medes_record;

/* Address space of one chunk; a memory section, the step of memory hotplug. */
#define MEDES_CHUNK_BYTES (128UL << 20)

/* Tells our device pages from those of other drivers. */
extern char medes_devmem_owner[];

int medes_devmem_init(void);
void medes_devmem_exit(void);
int medes_devmem_take(struct page **page, unsigned int n);
void medes_devmem_give_back(struct page *page);
void medes_devmem_start(struct page *page, struct medes_record *record);
struct medes_record *medes_devmem_record(struct page *page);
int medes_devmem_walk(int (*visit)(unsigned long pfn, unsigned int n,
				   void *arg), void *arg);
u64 medes_devmem_bytes(void);

#endif /* MEDES_DEVMEM_H */
