// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk restore.
 *
 * Of a sandbox: its address spaces are walked by address. Of everything: the
 * device pages are walked by number, so that also those come back that belong
 * to processes in no sandbox (forked children, sandboxes that were removed).
 * Both take memory first, unmap at most MEDES_REBUILD_MAX pages at a time, and
 * fill those; a page that is touched meanwhile is waited for like any page
 * that migrates.
 */
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "devmem.h"
#include "mm.h"
#include "op.h"
#include "rebuild.h"
#include "record.h"
#include "restore.h"
#include "sandbox.h"
#include "stats.h"
#include "trace.h"
#include "view.h"

/* Passes over all device pages: one that is busy is met again. */
#define PASSES 16

/* An operation at work. */
struct restore {
	struct medes_op *op;
	struct medes_reserve reserve;
	unsigned long src[MEDES_REBUILD_MAX];
	unsigned long dst[MEDES_REBUILD_MAX];
};

/* Fill a destination for each of our pages among n; base: address of the first. */
static void fill(struct restore *r, unsigned int n, unsigned long base)
{
	struct medes_reserve *reserve = &r->reserve;

	for (unsigned int i = 0; i < n && reserve->nr; i++) {
		struct page *page = reserve->page[reserve->nr - 1];
		unsigned long address = base ? base + i * PAGE_SIZE : 0;

		r->dst[i] = 0;
		if (!medes_rebuild_wanted(r->src[i]))
			continue;
		if (medes_rebuild(migrate_pfn_to_page(r->src[i]), page,
				  address)) {
			r->op->lost++;
			continue;
		}
		reserve->nr--;
		lock_page(page);
		r->dst[i] = migrate_pfn(page_to_pfn(page));
	}
}

/* Count those that made it, between migrate_*_pages() and _finalize(). */
static unsigned int count(struct restore *r, unsigned int n)
{
	unsigned int back = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct page *device = migrate_pfn_to_page(r->src[i]);

		if (!r->dst[i] || !(r->src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		medes_count(medes_devmem_record(device)->account, RESTORED, 1);
		back++;
	}
	r->op->stored += back;
	return back;
}

static void restore_window(struct restore *r, struct vm_area_struct *vma,
			   unsigned long start, unsigned long end)
{
	u64 begin = ktime_get_ns();
	struct migrate_vma args = {
		.vma = vma,
		.src = r->src,
		.dst = r->dst,
		.start = start,
		.end = end,
		.pgmap_owner = medes_devmem_owner,
		.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
	};
	unsigned int back;

	memset(r->dst, 0, sizeof(r->dst));
	if (migrate_vma_setup(&args) || !args.cpages)
		return;
	fill(r, args.npages, start);
	migrate_vma_pages(&args);
	back = count(r, args.npages);
	migrate_vma_finalize(&args);
	if (back)
		trace_medes_restore(r->op->sandbox->id, start, back,
				    ktime_get_ns() - begin);
}

/* One window from address on; return where the next begins, 0 at the end. */
static unsigned long restore_next(struct restore *r, struct mm_struct *mm,
				  unsigned long address)
{
	struct vm_area_struct *vma;
	unsigned long end;

	mmap_read_lock(mm);
	vma = find_vma(mm, address);
	while (vma && (!vma->anon_vma || vma->vm_flags & VM_SPECIAL ||
		       is_vm_hugetlb_page(vma)))
		vma = find_vma(mm, vma->vm_end);
	if (!vma) {
		mmap_read_unlock(mm);
		return 0;
	}
	address = medes_skip_holes(mm, max(address, vma->vm_start),
				   vma->vm_end);
	end = min(vma->vm_end, address + MEDES_REBUILD_MAX * PAGE_SIZE);
	if (address < end)
		restore_window(r, vma, address, end);
	mmap_read_unlock(mm);
	return end;
}

/* Walk all of it once. */
static int walk_mm(struct restore *r, struct mm_struct *mm)
{
	unsigned long address = 0;

	do {
		if (medes_reserve_fill(&r->reserve, MEDES_REBUILD_MAX))
			return -ENOMEM;
		address = restore_next(r, mm, address);
		r->op->done = r->op->stored;
		if (!medes_op_progress(r->op))
			return -ECANCELED;
		cond_resched();
	} while (address);
	return 0;
}

static int restore_mm(struct restore *r, struct mm_struct *mm)
{
	struct medes_op *op = r->op;
	u64 before, lost = op->lost;
	int err;

	/* Again while that helps: a page that was busy is met again. */
	do {
		before = op->stored;
		op->lost = lost;
		err = walk_mm(r, mm);
	} while (!err && op->stored != before &&
		 medes_live_pages(op->sandbox->account) > op->lost);
	return err;
}

/**
 * medes_restore_run() - bring back all pages of a sandbox
 * @op: restore
 *
 * Context: worker; may sleep, takes mmap_lock of the address spaces for read.
 * Return: 0, also when some are lost (op->lost), -ECANCELED, -ENOMEM.
 */
int medes_restore_run(struct medes_op *op)
{
	struct restore *r = kvzalloc(sizeof(*r), GFP_KERNEL);
	struct mm_struct *mm;
	int err = 0;
	u32 id = 0;

	if (!r)
		return -ENOMEM;
	r->op = op;
	op->total = medes_live_pages(op->sandbox->account);
	while (!err && (mm = medes_mm_get(op->sandbox, &id))) {
		err = restore_mm(r, mm);
		mmput(mm);
		id++;
	}
	medes_reserve_drain(&r->reserve);
	kvfree(r);
	return err;
}

/* Visit n device pages from pfn on. */
static int visit(unsigned long pfn, unsigned int n, void *arg)
{
	struct restore *r = arg;

	if (medes_reserve_fill(&r->reserve, n))
		return -ENOMEM;
	memset(r->dst, 0, sizeof(r->dst));
	migrate_device_range(r->src, pfn, n);
	fill(r, n, 0);
	migrate_device_pages(r->src, r->dst, n);
	count(r, n);
	migrate_device_finalize(r->src, r->dst, n);
	r->op->done = r->op->stored;
	return medes_op_progress(r->op) ? 0 : -ECANCELED;
}

/**
 * medes_restore_all_run() - bring back all pages of the module
 * @op: restore-all
 *
 * Context: worker; may sleep.
 * Return: 0, also when some are lost (op->lost), -ECANCELED, -ENOMEM, -EAGAIN
 * when some stayed busy.
 */
int medes_restore_all_run(struct medes_op *op)
{
	struct restore *r = kvzalloc(sizeof(*r), GFP_KERNEL);
	u64 left;
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->op = op;
	op->total = medes_live_pages(&medes_totals);
	for (int i = 0; i < PASSES && !err; i++) {
		op->lost = 0;
		err = medes_devmem_walk(visit, r);
		left = medes_live_pages(&medes_totals);
		if (left <= op->lost)
			break;
	}
	medes_reserve_drain(&r->reserve);
	kvfree(r);
	return err ?: left > op->lost ? -EAGAIN : 0;
}
