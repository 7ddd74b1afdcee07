/* SPDX-License-Identifier: GPL-2.0 */
/* Device-private pages: what stands in a page table for a record. */
#ifndef MEDES_DEVMEM_H
#define MEDES_DEVMEM_H

#include <linux/mm_types.h>
#include <linux/types.h>

struct chunk;
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
void medes_devmem_replace(struct page *page, struct medes_record *record);

int medes_devmem_enter(void);
void medes_devmem_leave(int idx);
bool medes_devmem_seek(unsigned long *pfn);
struct page *medes_devmem_page(unsigned long pfn);
struct medes_record *medes_devmem_lock(struct page *page);
void medes_devmem_unlock(struct page *page);

/* Page frame numbers that medes_devmem_next() gives at once. */
#define MEDES_DEVMEM_STRETCH 64

/**
 * struct medes_devmem_cursor - a walk through all device memory
 * @chunk: pinned
 * @at: page in it
 * @end: there is no further chunk
 */
struct medes_devmem_cursor {
	struct chunk *chunk;
	unsigned int at;
	bool end;
};

bool medes_devmem_next(struct medes_devmem_cursor *cursor, unsigned long *pfn);
void medes_devmem_stop(struct medes_devmem_cursor *cursor);
u64 medes_devmem_bytes(void);

#endif /* MEDES_DEVMEM_H */
