// SPDX-License-Identifier: GPL-2.0
/*
 * Device-private memory without a device.
 *
 * A deduplicated page's page table entry names a page of "device memory" that
 * no CPU can address; whatever touches it ends in medes_fault(). All that we
 * need of such a page is its struct page, whose zone_device_data points to the
 * record. Address space for them is taken in chunks when pages are needed and
 * given back when a chunk is empty: a chunk costs 2 MiB of struct pages.
 *
 * medes_folio_free() is called by whoever drops the last reference, often
 * under a page table lock, so what it takes are spinlocks and it never sleeps.
 *
 * After lib/test_hmm.c and drivers/gpu/drm/nouveau/nouveau_dmem.c.
 */
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include "devmem.h"
#include "fault.h"
#include "limits.h"
#include "record.h"

#define CHUNK_PAGES (MEDES_CHUNK_BYTES >> PAGE_SHIFT)

/* How long an empty chunk is kept for the next operation. */
#define REAP_DELAY HZ

/**
 * struct chunk - a stretch of device memory
 * @pagemap: what the memory management knows of it
 * @node: in the list of chunks
 * @free: linked through zone_device_data
 * @used: pages not in @free, and one while it is walked
 */
struct chunk {
	struct dev_pagemap pagemap;
	struct list_head node;
	struct page *free;
	unsigned int used;
};

/* Held while a chunk is made or removed; outside free_lock. */
static DEFINE_MUTEX(chunk_mutex);
/* Protects the list, and free and used in every chunk. Any context. */
static DEFINE_SPINLOCK(free_lock);
static LIST_HEAD(chunks);
/* Page frame number in chunks -> chunk; for who found one in a page table. */
static DEFINE_XARRAY(by_pfn);
/* Readers look at struct pages of chunks that they do not hold. */
DEFINE_STATIC_SRCU(looking);
static unsigned long nr_chunks;
static unsigned long nr_used;

char medes_devmem_owner[] = "medes";

static void reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(reap_work, reap);

static struct chunk *page_chunk(struct page *page)
{
	return container_of(page_pgmap(page), struct chunk, pagemap);
}

static void put_free(struct page *page, struct chunk *chunk)
{
	unsigned long flags;

	spin_lock_irqsave(&free_lock, flags);
	page->zone_device_data = chunk->free;
	chunk->free = page;
	WRITE_ONCE(nr_used, nr_used - 1);
	if (!--chunk->used)
		queue_delayed_work(system_dfl_wq, &reap_work, REAP_DELAY);
	spin_unlock_irqrestore(&free_lock, flags);
}

/* The last reference to a device page has gone. Atomic context. */
static void medes_folio_free(struct folio *folio)
{
	struct page *page = &folio->page;
	struct medes_record *record = page->zone_device_data;

	put_free(page, page_chunk(page));
	if (record) {
		medes_record_free(record);
		module_put(THIS_MODULE);
	}
}

static const struct dev_pagemap_ops ops = {
	.folio_free = medes_folio_free,
	.migrate_to_ram = medes_fault,
};

static struct chunk *chunk_new(void)
{
	struct chunk *chunk = kzalloc_obj(*chunk);
	struct resource *res;
	unsigned long pfn;
	void *err;

	if (!chunk)
		return ERR_PTR(-ENOMEM);
	res = request_free_mem_region(&iomem_resource, MEDES_CHUNK_BYTES,
				      "medes");
	if (IS_ERR(res)) {
		kfree(chunk);
		return ERR_PTR(-ENOMEM);
	}
	chunk->pagemap.type = MEMORY_DEVICE_PRIVATE;
	chunk->pagemap.range.start = res->start;
	chunk->pagemap.range.end = res->end;
	chunk->pagemap.nr_range = 1;
	chunk->pagemap.ops = &ops;
	chunk->pagemap.owner = medes_devmem_owner;
	err = memremap_pages(&chunk->pagemap, numa_node_id());
	if (IS_ERR(err)) {
		release_mem_region(res->start, resource_size(res));
		kfree(chunk);
		return ERR_CAST(err);
	}

	/* Last first, so that pages are handed out by rising address. */
	pfn = (res->start >> PAGE_SHIFT) + CHUNK_PAGES;
	for (unsigned int i = 0; i < CHUNK_PAGES; i++) {
		struct page *page = pfn_to_page(--pfn);

		page->zone_device_data = chunk->free;
		chunk->free = page;
	}
	return chunk;
}

static unsigned long chunk_index(struct chunk *chunk)
{
	return chunk->pagemap.range.start / MEDES_CHUNK_BYTES;
}

static void chunk_free(struct chunk *chunk)
{
	struct range range = chunk->pagemap.range;

	xa_erase(&by_pfn, chunk_index(chunk));
	synchronize_srcu(&looking);
	memunmap_pages(&chunk->pagemap);
	release_mem_region(range.start, range_len(&range));
	kfree(chunk);
}

static int grow(void)
{
	struct chunk *chunk;
	int err;

	lockdep_assert_held(&chunk_mutex);
	chunk = chunk_new();
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);
	err = xa_err(xa_store(&by_pfn, chunk_index(chunk), chunk, GFP_KERNEL));
	if (err) {
		chunk_free(chunk);
		return err;
	}
	spin_lock_irq(&free_lock);
	list_add_tail(&chunk->node, &chunks);
	WRITE_ONCE(nr_chunks, nr_chunks + 1);
	spin_unlock_irq(&free_lock);
	return 0;
}

static void reap(struct work_struct *work)
{
	struct chunk *chunk, *next;
	LIST_HEAD(empty);

	mutex_lock(&chunk_mutex);
	spin_lock_irq(&free_lock);
	list_for_each_entry_safe(chunk, next, &chunks, node) {
		if (!chunk->used) {
			list_move(&chunk->node, &empty);
			WRITE_ONCE(nr_chunks, nr_chunks - 1);
		}
	}
	spin_unlock_irq(&free_lock);
	list_for_each_entry_safe(chunk, next, &empty, node)
		chunk_free(chunk);
	mutex_unlock(&chunk_mutex);
}

/* Up to n free pages, of the oldest chunks first, so that others run empty. */
static unsigned int take_free(struct page **page, unsigned int n)
{
	struct chunk *chunk;
	unsigned int got = 0;

	spin_lock_irq(&free_lock);
	list_for_each_entry(chunk, &chunks, node) {
		if (got == n)
			break;
		while (got < n && chunk->free) {
			page[got] = chunk->free;
			chunk->free = page[got]->zone_device_data;
			page[got++]->zone_device_data = NULL;
			chunk->used++;
			WRITE_ONCE(nr_used, nr_used + 1);
		}
	}
	spin_unlock_irq(&free_lock);
	return got;
}

/**
 * medes_devmem_take() - reserve device pages
 * @page: room for @n pages
 * @n: how many
 *
 * Each page is to be used by medes_devmem_start() or handed to
 * medes_devmem_give_back().
 *
 * Context: may sleep.
 * Return: 0, -ENOSPC at the ceiling, -ENOMEM without memory or physical
 * address space. On error nothing is taken.
 */
int medes_devmem_take(struct page **page, unsigned int n)
{
	unsigned int got;
	int err = 0;

	if (READ_ONCE(nr_used) + n > READ_ONCE(medes_limits.max_device_pages))
		return -ENOSPC;
	got = take_free(page, n);
	if (got == n)
		return 0;

	mutex_lock(&chunk_mutex);
	while (!err) {
		got += take_free(page + got, n - got);
		if (got == n)
			break;
		err = grow();
	}
	mutex_unlock(&chunk_mutex);
	if (!err)
		return 0;
	while (got)
		medes_devmem_give_back(page[--got]);
	return err;
}

/**
 * medes_devmem_give_back() - return a reserved page that was not used
 * @page: from medes_devmem_take()
 *
 * Context: any.
 */
void medes_devmem_give_back(struct page *page)
{
	put_free(page, page_chunk(page));
}

/**
 * medes_devmem_start() - make a reserved page stand for a record
 * @page: from medes_devmem_take(); comes back locked, with one reference
 * @record: belongs to the page from now on, and is freed with it
 *
 * A live record holds a reference to the module: its pages' only way back is
 * our code.
 *
 * Context: any.
 */
void medes_devmem_start(struct page *page, struct medes_record *record)
{
	__module_get(THIS_MODULE);
	zone_device_page_init(page, &page_chunk(page)->pagemap, 0);
	page->zone_device_data = record;
}

/**
 * medes_devmem_record() - the record that a device page stands for
 * @page: a device page of ours that the caller has locked and holds a
 *	reference to
 *
 * Context: any.
 * Return: the record, which stays while the page is locked.
 */
struct medes_record *medes_devmem_record(struct page *page)
{
	return page->zone_device_data;
}

/**
 * medes_devmem_replace() - make a device page stand for another record
 * @page: a device page of ours, locked and held by the caller
 * @record: of the same bytes; the caller owns the one before
 *
 * Context: any.
 */
void medes_devmem_replace(struct page *page, struct medes_record *record)
{
	page->zone_device_data = record;
}

/* Let go of a chunk that pin_next() gave. */
static void unpin(struct chunk *chunk)
{
	spin_lock_irq(&free_lock);
	if (!--chunk->used)
		queue_delayed_work(system_dfl_wq, &reap_work, REAP_DELAY);
	spin_unlock_irq(&free_lock);
}

/* The chunk after this one, or the first; it stays, the one before may go. */
static struct chunk *pin_next(struct chunk *chunk)
{
	struct chunk *next;

	spin_lock_irq(&free_lock);
	next = chunk ? list_next_entry(chunk, node) :
		       list_first_entry(&chunks, struct chunk, node);
	if (list_entry_is_head(next, &chunks, node))
		next = NULL;
	else
		next->used++;
	spin_unlock_irq(&free_lock);
	if (chunk)
		unpin(chunk);
	return next;
}

/**
 * medes_devmem_next() - the next stretch of device memory
 * @cursor: zeroed before the first call, for medes_devmem_stop() at last
 * @pfn: receives the first of MEDES_DEVMEM_STRETCH page frame numbers
 *
 * Chunks that come or go meanwhile are met or not. What was handed out may be
 * looked at until medes_devmem_leave().
 *
 * Context: between medes_devmem_enter() and _leave(); callers that share a
 * cursor take turns.
 * Return: false at the end.
 */
bool medes_devmem_next(struct medes_devmem_cursor *cursor, unsigned long *pfn)
{
	if (cursor->end)
		return false;
	if (!cursor->chunk || cursor->at == CHUNK_PAGES) {
		cursor->chunk = pin_next(cursor->chunk);
		cursor->at = 0;
		cursor->end = !cursor->chunk;
		if (cursor->end)
			return false;
	}
	*pfn = (cursor->chunk->pagemap.range.start >> PAGE_SHIFT) + cursor->at;
	cursor->at += MEDES_DEVMEM_STRETCH;
	return true;
}

/**
 * medes_devmem_stop() - done with a cursor
 * @cursor: at its end or not
 *
 * Context: may sleep.
 */
void medes_devmem_stop(struct medes_devmem_cursor *cursor)
{
	if (cursor->chunk)
		unpin(cursor->chunk);
	memset(cursor, 0, sizeof(*cursor));
}

/**
 * medes_devmem_enter() - look at device pages without holding them
 *
 * Struct pages that are found in page tables from now on, or given out by
 * medes_devmem_next(), exist until medes_devmem_leave(), whatever becomes of
 * what they stand for.
 *
 * Context: may sleep, and between the two as well.
 * Return: for medes_devmem_leave().
 */
int medes_devmem_enter(void)
{
	return srcu_read_lock(&looking);
}

/**
 * medes_devmem_leave() - the end of that
 * @idx: from medes_devmem_enter()
 *
 * Context: any.
 */
void medes_devmem_leave(int idx)
{
	srcu_read_unlock(&looking, idx);
}

/**
 * medes_devmem_seek() - find device memory
 * @pfn: page frame number to begin with; receives the first from there on that
 *       is a device page's
 *
 * Context: between medes_devmem_enter() and _leave().
 * Return: false when there is none.
 */
bool medes_devmem_seek(unsigned long *pfn)
{
	unsigned long i = *pfn / CHUNK_PAGES;
	unsigned long at = i;

	if (!xa_find(&by_pfn, &at, ULONG_MAX, XA_PRESENT))
		return false;
	if (at != i)
		*pfn = at * CHUNK_PAGES;
	return true;
}

/**
 * medes_devmem_page() - the device page of a page frame number
 * @pfn: from a page table
 *
 * Context: between medes_devmem_enter() and _leave().
 * Return: the page, or NULL when it is none of ours.
 */
struct page *medes_devmem_page(unsigned long pfn)
{
	return xa_load(&by_pfn, pfn / CHUNK_PAGES) ? pfn_to_page(pfn) : NULL;
}

/**
 * medes_devmem_lock() - hold and lock a device page
 * @page: that exists, see medes_devmem_enter()
 *
 * Who brought a page back unlocks it before he gives up his reference, the last
 * one. Between the two it still has its record, but nothing maps it any more, and
 * it must not be migrated a second time.
 *
 * Context: any.
 * Return: its record, which stays until medes_devmem_unlock(); NULL when the
 * page is free, has come back, or somebody else is at it.
 */
struct medes_record *medes_devmem_lock(struct page *page)
{
	struct folio *folio = page_folio(page);

	/* Another reference would spoil the work of who has it locked. */
	if (folio_test_locked(folio) || !folio_try_get(folio))
		return NULL;
	if (folio_trylock(folio)) {
		struct medes_record *record = page->zone_device_data;

		if (record && folio_mapped(folio))
			return record;
		folio_unlock(folio);
	}
	folio_put(folio);
	return NULL;
}

/**
 * medes_devmem_unlock() - the end of that
 * @page: from medes_devmem_lock()
 *
 * Context: any; may free the record.
 */
void medes_devmem_unlock(struct page *page)
{
	/* Who waits for the lock must not run before the reference is gone. */
	preempt_disable();
	unlock_page(page);
	put_page(page);
	preempt_enable();
}

/**
 * medes_devmem_bytes() - what device pages cost
 *
 * Context: any.
 * Return: bytes of struct pages in all chunks.
 */
u64 medes_devmem_bytes(void)
{
	return (u64)READ_ONCE(nr_chunks) * CHUNK_PAGES * sizeof(struct page);
}

/**
 * medes_devmem_init() - prove that this host has room for device memory
 *
 * Makes the first chunk. It is given back by the reaper when nobody comes.
 *
 * Context: module init.
 * Return: 0, -ENOMEM without memory or free physical address space.
 */
int __init medes_devmem_init(void)
{
	int err;

	mutex_lock(&chunk_mutex);
	err = grow();
	mutex_unlock(&chunk_mutex);
	if (err) {
		pr_err("no free physical address range or memory for %lu MiB of device pages (%d)\n",
		       MEDES_CHUNK_BYTES >> 20, err);
		return err;
	}
	queue_delayed_work(system_dfl_wq, &reap_work, REAP_DELAY);
	return 0;
}

/**
 * medes_devmem_exit() - give all device memory back
 *
 * Context: module exit; live records hold the module, so there are none.
 */
void medes_devmem_exit(void)
{
	cancel_delayed_work_sync(&reap_work);
	reap(NULL);
	WARN_ON(!list_empty(&chunks));
	xa_destroy(&by_pfn);
}
