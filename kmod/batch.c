// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that come back together.
 *
 * Memory is taken first, with nothing held. Then each page is rebuilt under its
 * own lock, while the others can be touched. When all are, they are unmapped and
 * mapped again at once, which takes some microseconds.
 *
 * Whoever touches a page that is being rebuilt waits for that page only, and
 * who touches one that is rebuilt and not yet mapped takes it (ahead.c): no
 * work is done twice.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include "batch.h"
#include "devmem.h"
#include "rebuild.h"
#include "record.h"
#include "stats.h"

/**
 * medes_batch_fill() - have memory in hand
 * @batch: with as much as there is, MEDES_BATCH pages at most
 *
 * Context: may sleep, as the batch's gfp says; before anything is held.
 * Return: 0; -ENOMEM when there is none at all.
 */
int medes_batch_fill(struct medes_batch *batch)
{
	if (batch->nr < MEDES_BATCH)
		batch->nr = alloc_pages_bulk(batch->gfp, MEDES_BATCH,
					     batch->page);
	return batch->nr ? 0 : -ENOMEM;
}

/**
 * medes_batch_drain() - give the memory in hand back
 * @batch: with nothing rebuilt in it
 *
 * Context: any.
 */
void medes_batch_drain(struct medes_batch *batch)
{
	while (batch->nr) {
		__free_page(batch->page[--batch->nr]);
		batch->page[batch->nr] = NULL;
	}
}

/**
 * medes_batch_rebuild() - rebuild a page, if nobody else is at it
 * @batch: with memory, or nothing is done
 * @device: device page; of one that is looked at (medes_devmem_enter())
 * @address: where it is mapped, or 0; for events
 *
 * A page whose base page is on its way from another node is left, too.
 *
 * Context: may sleep; locks @device.
 * Return: true if the page is rebuilt; it can be mapped then, and has to be
 * taken back if it is not (medes_batch_take_back()).
 */
bool medes_batch_rebuild(struct medes_batch *batch, struct page *device,
			 unsigned long address)
{
	struct medes_record *record;
	bool done = false;
	int err;

	if (!batch->nr)
		return false;
	record = medes_devmem_lock(device);
	if (!record)
		return false;
	err = medes_rebuild(record, batch->page[batch->nr - 1], address);
	if (err == -EIO)
		batch->lost++;
	if (!err) {
		medes_ahead_put(&batch->ahead[batch->nr_ahead++], record,
				batch->page[--batch->nr]);
		batch->page[batch->nr] = NULL;
		done = true;
	}
	medes_devmem_unlock(device);
	return done;
}

/* What was rebuilt becomes the destination of what was unmapped. */
static void give(struct medes_batch *batch, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct medes_record *record;
		struct page *page;

		batch->dst[i] = 0;
		if (!medes_rebuild_wanted(batch->src[i], NULL))
			continue;
		record = medes_devmem_record(migrate_pfn_to_page(batch->src[i]));
		page = medes_ahead_take(record);
		if (!page)
			continue;
		record->read = true;
		lock_page(page);
		batch->dst[i] = migrate_pfn(page_to_pfn(page));
	}
}

/* Count those that made it, between migrate_*_pages() and _finalize(). */
static u64 count(struct medes_batch *batch, unsigned int n)
{
	u64 back = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct page *device = migrate_pfn_to_page(batch->src[i]);

		if (!batch->dst[i] || !(batch->src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		medes_count(medes_devmem_record(device)->account, RESTORED, 1);
		back |= BIT_ULL(i);
	}
	batch->back += hweight64(back);
	return back;
}

/**
 * medes_batch_map() - map pages that stand side by side and are rebuilt
 * @batch: that they were rebuilt in
 * @vma: that they are in
 * @start: address of the first
 * @n: number of pages, MEDES_BATCH at most
 *
 * Context: may sleep; mmap_lock held for reading.
 * Return: a bit for each page that came back.
 */
u64 medes_batch_map(struct medes_batch *batch, struct vm_area_struct *vma,
		    unsigned long start, unsigned int n)
{
	struct migrate_vma args = {
		.vma = vma,
		.src = batch->src,
		.dst = batch->dst,
		.start = start,
		.end = start + n * PAGE_SIZE,
		.pgmap_owner = medes_devmem_owner,
		.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
	};
	u64 back;

	mmap_assert_locked(vma->vm_mm);
	if (migrate_vma_setup(&args) || !args.cpages)
		return 0;
	give(batch, args.npages);
	migrate_vma_pages(&args);
	back = count(batch, args.npages);
	migrate_vma_finalize(&args);
	return back;
}

/**
 * medes_batch_devices() - bring device pages back, wherever they are mapped
 * @batch: with memory
 * @pfn: of the first; its chunk is looked at (medes_devmem_enter())
 *
 * Those of MEDES_BATCH pages from there on that hold a record.
 *
 * Context: may sleep.
 */
void medes_batch_devices(struct medes_batch *batch, unsigned long pfn)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < MEDES_BATCH; i++)
		if (medes_batch_rebuild(batch, pfn_to_page(pfn + i), 0))
			batch->src[n++] = pfn + i;
	if (n) {
		migrate_device_pfns(batch->src, n);
		give(batch, n);
		migrate_device_pages(batch->src, batch->dst, n);
		count(batch, n);
		migrate_device_finalize(batch->src, batch->dst, n);
	}
	medes_batch_take_back(batch);
}

/**
 * medes_batch_take_back() - have what was rebuilt and not wanted in hand again
 * @batch: that it was rebuilt in
 *
 * Context: any, but not in interrupts.
 */
void medes_batch_take_back(struct medes_batch *batch)
{
	while (batch->nr_ahead) {
		struct medes_ahead *ahead = &batch->ahead[--batch->nr_ahead];
		struct page *page = medes_ahead_cancel(ahead);

		if (page)
			batch->page[batch->nr++] = page;
	}
}
