// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk restore, side by side on several CPUs, while the processes run.
 *
 * Of a sandbox: its address spaces are walked by address. Of its working set:
 * in the order of use, in groups that are sorted by address. Of everything: the
 * device pages are walked by number, so that also those come back that belong
 * to processes in no sandbox (forked children, sandboxes that were removed).
 *
 * A worker takes a stretch of that, and of each batch in it
 *
 *   takes memory                         nothing is held
 *   rebuilds each page, under its lock   the others can be touched
 *   unmaps the batch, maps it again      some microseconds
 *
 * Whoever touches a page that is being rebuilt waits for that page only, and
 * who touches one that is rebuilt and not yet mapped takes it (ahead.c): no
 * work is done twice.
 *
 * Each worker has at most MEDES_RESTORE_BATCH pages in hand. There are as many
 * as there are CPUs, but max_restoring_pages bounds all operations together.
 */
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "ahead.h"
#include "devmem.h"
#include "fetch.h"
#include "limits.h"
#include "mm.h"
#include "op.h"
#include "ptes.h"
#include "rebuild.h"
#include "record.h"
#include "remote.h"
#include "restore.h"
#include "sandbox.h"
#include "stats.h"
#include "trace.h"
#include "view.h"
#include "workingset.h"

#define BATCH MEDES_RESTORE_BATCH

/* Passes over all device pages: one that is busy is met again. */
#define PASSES 16

/* Less than this is not worth another CPU. */
#define PAGES_PER_WORKER 128

/* A stretch of an address space; which of its pages are wanted. */
struct stretch {
	unsigned long start;
	unsigned int nr;
	u64 wanted;
};

/**
 * struct worker - one CPU's part of a restore
 * @work: runs it, but for the first, which is the operation's own
 * @restore: what it is part of
 * @nr: pages in hand
 * @page: in hand, free
 * @nr_ahead: of @ahead
 * @ahead: those that are rebuilt
 * @src: for migrate_vma, likewise @dst
 * @pte: of a stretch
 * @fetch: base pages on their way from other nodes, for @behind; or NULL
 * @behind: a stretch that waits for them, unless its nr is 0
 */
struct worker {
	struct work_struct work;
	struct restore *restore;
	unsigned int nr;
	struct page *page[BATCH];
	unsigned int nr_ahead;
	struct medes_ahead ahead[BATCH];
	unsigned long src[BATCH];
	unsigned long dst[BATCH];
	pte_t pte[MEDES_WS_STRETCH];
	struct medes_fetch *fetch;
	struct stretch behind;
};

/**
 * struct restore - an operation at work
 * @op: the operation
 * @gfp: how hard to try for memory
 * @step: brings a stretch back; false when there is none any more
 * @lock: whose stretch is which: protects @address, @at, @cursor
 * @mm: address space at hand
 * @address: next one in it
 * @ws: its working set, if that is what is restored
 * @set: that, in order
 * @nr_set: of @set
 * @at: next one in @set
 * @cursor: next device pages
 * @back: pages that came back
 * @lost: pages of this pass that could not be rebuilt
 * @missed: pages of this pass that somebody was at
 * @error: ends all workers; written by any
 * @nr_workers: of @worker
 * @worker: the operation's own and others
 */
struct restore {
	struct medes_op *op;
	gfp_t gfp;
	bool (*step)(struct worker *w);
	struct mutex lock;	/* address, at, cursor */
	struct mm_struct *mm;
	unsigned long address;
	struct medes_ws *ws;
	struct medes_ws_page *set;
	u32 nr_set;
	u32 at;
	struct medes_devmem_cursor cursor;
	atomic64_t back;
	atomic64_t lost;
	atomic64_t missed;
	int error;
	unsigned int nr_workers;
	struct worker worker[] __counted_by(nr_workers);
};

/* Pages that workers may have in hand, all together. */
static atomic64_t restoring;
static DECLARE_WAIT_QUEUE_HEAD(room);

static bool take_room(void)
{
	s64 limit = max_t(u64, READ_ONCE(medes_limits.max_restoring_pages),
			  BATCH);

	if (atomic64_add_return(BATCH, &restoring) <= limit)
		return true;
	atomic64_sub(BATCH, &restoring);
	return false;
}

static void give_room(void)
{
	atomic64_sub(BATCH, &restoring);
	wake_up(&room);
}

/* Have memory in hand before anything is held. */
static int fill(struct worker *w)
{
	if (w->nr < BATCH)
		w->nr = alloc_pages_bulk(w->restore->gfp, BATCH, w->page);
	return w->nr ? 0 : -ENOMEM;
}

static void drain(struct worker *w)
{
	while (w->nr) {
		__free_page(w->page[--w->nr]);
		w->page[w->nr] = NULL;
	}
}

/* Rebuild a page, if nobody else is at it and its base page is here. */
static bool rebuild(struct worker *w, struct page *device,
		    unsigned long address)
{
	struct medes_record *record;
	bool done = false;
	int err;

	if (!w->nr)
		return false;
	record = medes_devmem_lock(device);
	if (!record)
		return false;
	err = medes_rebuild(record, w->page[w->nr - 1], address);
	if (err == -EIO)
		atomic64_inc(&w->restore->lost);
	if (!err) {
		medes_ahead_put(&w->ahead[w->nr_ahead++], record,
				w->page[--w->nr]);
		w->page[w->nr] = NULL;
		done = true;
	}
	medes_devmem_unlock(device);
	return done;
}

/* What was rebuilt becomes the destination of what was unmapped. */
static void give(struct worker *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct medes_record *record;
		struct page *page;

		w->dst[i] = 0;
		if (!medes_rebuild_wanted(w->src[i], NULL))
			continue;
		record = medes_devmem_record(migrate_pfn_to_page(w->src[i]));
		page = medes_ahead_take(record);
		if (!page)
			continue;
		record->read = true;
		lock_page(page);
		w->dst[i] = migrate_pfn(page_to_pfn(page));
	}
}

/* Count those that made it, between migrate_*_pages() and _finalize(). */
static u64 count(struct worker *w, unsigned int n)
{
	u64 back = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct page *device = migrate_pfn_to_page(w->src[i]);

		if (!w->dst[i] || !(w->src[i] & MIGRATE_PFN_MIGRATE))
			continue;
		medes_count(medes_devmem_record(device)->account, RESTORED, 1);
		back |= BIT_ULL(i);
	}
	atomic64_add(hweight64(back), &w->restore->back);
	return back;
}

/* What was rebuilt and not wanted in the end comes to hand again. */
static void take_back(struct worker *w)
{
	while (w->nr_ahead) {
		struct page *page = medes_ahead_cancel(&w->ahead[--w->nr_ahead]);

		if (page)
			w->page[w->nr++] = page;
	}
}

/* Map n pages that stand side by side and are rebuilt; return how many came. */
static unsigned int map_run(struct worker *w, struct vm_area_struct *vma,
			    unsigned long start, unsigned int n)
{
	struct restore *r = w->restore;
	struct migrate_vma args = {
		.vma = vma,
		.src = w->src,
		.dst = w->dst,
		.start = start,
		.end = start + n * PAGE_SIZE,
		.pgmap_owner = medes_devmem_owner,
		.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
	};
	u64 begin = ktime_get_ns();
	u64 back;

	if (migrate_vma_setup(&args) || !args.cpages)
		return 0;
	give(w, args.npages);
	migrate_vma_pages(&args);
	back = count(w, args.npages);
	migrate_vma_finalize(&args);
	if (!back)
		return 0;
	if (r->ws) {
		medes_ws_guess(r->ws, start, back);
		medes_count(r->op->sandbox->account, PREFETCHED,
			    hweight64(back));
	}
	trace_medes_restore(r->op->sandbox->id, start, hweight64(back),
			    ktime_get_ns() - begin);
	return hweight64(back);
}

/* Bring a batch back, from the page at on; return the page to go on with. */
static unsigned int batch(struct worker *w, struct vm_area_struct *vma,
			  const struct stretch *s, unsigned int at)
{
	unsigned int end = min((unsigned long)s->nr,
			       (vma->vm_end - s->start) >> PAGE_SHIFT);
	unsigned int first, back = 0;
	bool any = false;
	int idx;

	idx = medes_devmem_enter();
	medes_ptes_read(vma->vm_mm, s->start + at * PAGE_SIZE, end - at,
			w->pte);
	for (first = at; first < end; first++)
		if (s->wanted & BIT_ULL(first) &&
		    medes_pte_device(w->pte[first - at]))
			break;
	for (unsigned int i = first; i < end; i++) {
		struct page *device = medes_pte_device(w->pte[i - at]);

		if (i - first == BATCH || !w->nr || !device ||
		    !(s->wanted & BIT_ULL(i))) {
			at = i;
			goto out;
		}
		any |= rebuild(w, device, s->start + i * PAGE_SIZE);
	}
	at = end;
out:
	medes_devmem_leave(idx);
	if (any)
		back = map_run(w, vma, s->start + first * PAGE_SIZE, at - first);
	atomic64_add(at - first - back, &w->restore->missed);
	take_back(w);
	return at;
}

static bool suits(const struct vm_area_struct *vma)
{
	return vma->anon_vma && !(vma->vm_flags & VM_SPECIAL) &&
	       !is_vm_hugetlb_page(vma);
}

static void bring(struct worker *w, struct stretch *s)
{
	struct restore *r = w->restore;
	struct vm_area_struct *vma;
	unsigned int at = 0;

	while (at < s->nr && !READ_ONCE(r->error)) {
		if (fill(w)) {
			WRITE_ONCE(r->error, -ENOMEM);
			return;
		}
		mmap_read_lock(r->mm);
		vma = vma_lookup(r->mm, s->start + at * PAGE_SIZE);
		if (vma && suits(vma))
			at = batch(w, vma, s, at);
		else
			at++;
		mmap_read_unlock(r->mm);
	}
}

/* What of a stretch has to be fetched from other nodes; NULL: nothing. */
static struct medes_fetch *look(struct worker *w, const struct stretch *s)
{
	struct mm_struct *mm = w->restore->mm;
	struct medes_fetch *f = medes_fetch_new();
	struct vm_area_struct *vma;
	unsigned int n = 0;
	int idx;

	if (!f)
		return NULL;
	mmap_read_lock(mm);
	vma = vma_lookup(mm, s->start);
	if (vma && suits(vma))
		n = min((unsigned long)s->nr,
			(vma->vm_end - s->start) >> PAGE_SHIFT);
	idx = medes_devmem_enter();
	medes_ptes_read(mm, s->start, n, w->pte);
	for (unsigned int i = 0; i < n; i++) {
		struct page *device = medes_pte_device(w->pte[i]);

		if (device && s->wanted & BIT_ULL(i))
			medes_fetch_add_device(f, device, NULL);
	}
	medes_devmem_leave(idx);
	mmap_read_unlock(mm);
	if (!medes_fetch_is_empty(f))
		return f;
	medes_fetch_free(f);
	return NULL;
}

/* The stretch that waits for other nodes comes, too. */
static void catch_up(struct worker *w)
{
	struct stretch s = w->behind;

	if (!s.nr)
		return;
	w->behind.nr = 0;
	if (w->fetch) {
		medes_fetch_finish(w->fetch);
		medes_fetch_free(w->fetch);
		w->fetch = NULL;
	}
	bring(w, &s);
}

/*
 * Bring a stretch back. One that needs pages of other nodes waits while they are
 * read and the one before it is rebuilt.
 */
static void restore_stretch(struct worker *w, struct stretch *s)
{
	struct medes_fetch *f = medes_remote_any() && s->nr ? look(w, s) : NULL;

	if (f)
		medes_fetch_start(f);
	catch_up(w);
	w->fetch = f;
	w->behind = *s;
	if (!f)
		catch_up(w);
}

/* The next stretch of the address space. */
static bool step_mm(struct worker *w)
{
	struct restore *r = w->restore;
	struct stretch s = { .wanted = ~0ULL };
	struct vm_area_struct *vma;

	mutex_lock(&r->lock);
	mmap_read_lock(r->mm);
	for (vma = find_vma(r->mm, r->address); vma;
	     vma = find_vma(r->mm, vma->vm_end)) {
		if (!suits(vma))
			continue;
		s.start = medes_skip_holes(r->mm,
					   max(r->address, vma->vm_start),
					   vma->vm_end);
		if (s.start < vma->vm_end)
			break;
	}
	if (vma)
		s.nr = min((vma->vm_end - s.start) >> PAGE_SHIFT,
			   (unsigned long)MEDES_WS_STRETCH);
	mmap_read_unlock(r->mm);
	r->address = vma ? s.start + s.nr * PAGE_SIZE : ULONG_MAX;
	mutex_unlock(&r->lock);

	restore_stretch(w, &s);
	return s.nr;
}

/* The next pages of the working set that lie close to each other. */
static bool step_set(struct worker *w)
{
	struct restore *r = w->restore;
	struct stretch s = { };

	mutex_lock(&r->lock);
	if (r->at < r->nr_set)
		s.start = r->set[r->at].address;
	for (; r->at < r->nr_set; r->at++) {
		unsigned long i = (r->set[r->at].address - s.start) >>
				  PAGE_SHIFT;

		if (i >= MEDES_WS_STRETCH)
			break;
		s.wanted |= BIT_ULL(i);
		s.nr = i + 1;
	}
	mutex_unlock(&r->lock);

	restore_stretch(w, &s);
	return s.nr;
}

/* Bring a batch of device pages back, wherever they are mapped. */
static void map_device_pages(struct worker *w, unsigned long pfn)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < BATCH; i++)
		if (rebuild(w, pfn_to_page(pfn + i), 0))
			w->src[n++] = pfn + i;
	if (n) {
		migrate_device_pfns(w->src, n);
		give(w, n);
		migrate_device_pages(w->src, w->dst, n);
		count(w, n);
		migrate_device_finalize(w->src, w->dst, n);
	}
	take_back(w);
}

/* The next stretch of device memory. */
static bool step_all(struct worker *w)
{
	struct restore *r = w->restore;
	int idx = medes_devmem_enter();
	unsigned long pfn;
	bool more;

	mutex_lock(&r->lock);
	more = medes_devmem_next(&r->cursor, &pfn);
	mutex_unlock(&r->lock);
	if (more)
		medes_fetch_devices(pfn, MEDES_DEVMEM_STRETCH, NULL);
	for (unsigned int i = 0; more && i < MEDES_DEVMEM_STRETCH; i += BATCH) {
		if (fill(w)) {
			WRITE_ONCE(r->error, -ENOMEM);
			break;
		}
		map_device_pages(w, pfn + i);
	}
	medes_devmem_leave(idx);
	return more;
}

/* Step by step, until there is nothing left or something is wrong. */
static void go(struct worker *w)
{
	struct restore *r = w->restore;
	struct medes_op *op = r->op;

	while (!READ_ONCE(r->error) && r->step(w)) {
		if (w == r->worker) {
			op->stored = atomic64_read(&r->back);
			op->done = op->stored;
			if (!medes_op_progress(op))
				WRITE_ONCE(r->error, -ECANCELED);
		}
		cond_resched();
	}
	catch_up(w);
	drain(w);
}

static void help(struct work_struct *work)
{
	go(container_of(work, struct worker, work));
}

/* One pass, with whatever room there is for workers. */
static int pass(struct restore *r)
{
	unsigned int n = 1;

	while (!take_room()) {
		if (!medes_op_progress(r->op))
			return -ECANCELED;
		wait_event_timeout(room, READ_ONCE(r->op->cancel) ||
				   atomic64_read(&restoring) + BATCH <=
				   READ_ONCE(medes_limits.max_restoring_pages),
				   HZ / 10);
	}
	for (; n < r->nr_workers && take_room(); n++)
		queue_work(medes_wq, &r->worker[n].work);
	go(&r->worker[0]);
	/* One that has not begun has nothing left to do. */
	for (unsigned int i = 1; i < n; i++)
		cancel_work_sync(&r->worker[i].work);
	while (n--)
		give_room();
	r->op->lost = atomic64_read(&r->lost);
	r->op->stored = atomic64_read(&r->back);
	r->op->done = r->op->stored;
	return r->error;
}

static struct restore *begin(struct medes_op *op, u64 pages)
{
	unsigned int n = min_t(u64, num_online_cpus(),
			       pages / PAGES_PER_WORKER + 1);
	struct restore *r = kvzalloc_flex(*r, worker, n);

	if (!r)
		return NULL;
	r->nr_workers = n;
	r->op = op;
	r->gfp = GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	mutex_init(&r->lock);
	for (unsigned int i = 0; i < n; i++) {
		r->worker[i].restore = r;
		INIT_WORK(&r->worker[i].work, help);
	}
	op->total = pages;
	return r;
}

/* All of an address space; again while that helps: some pages were busy. */
static int restore_mm(struct restore *r)
{
	s64 before, lost = atomic64_read(&r->lost);
	int err;

	r->step = step_mm;
	do {
		before = atomic64_read(&r->back);
		atomic64_set(&r->lost, lost);
		r->address = 0;
		err = pass(r);
	} while (!err && atomic64_read(&r->back) != before &&
		 medes_live_pages(r->op->sandbox->account) > r->op->lost);
	return err;
}

/* Its working set; twice at most: who is at a page all the time needs no help. */
static int restore_set(struct restore *r)
{
	int err = medes_ws_list(r->ws, &r->set, &r->nr_set);

	r->step = step_set;
	for (int i = 0; i < 2 && !err; i++) {
		r->at = 0;
		atomic64_set(&r->missed, 0);
		err = pass(r);
		if (!atomic64_read(&r->missed))
			break;
	}
	kvfree(r->set);
	return err;
}

/**
 * medes_restore_run() - bring back pages of a sandbox
 * @op: restore, of all pages or of the working set
 *
 * A working set is there to save time, so memory that is hard to get is left
 * to others.
 *
 * Context: worker; may sleep, takes mmap_lock of the address spaces for read.
 * Return: 0, also when some are lost (op->lost), -ECANCELED, -ENOMEM.
 */
int medes_restore_run(struct medes_op *op)
{
	struct medes_account *account = op->sandbox->account;
	struct medes_ws *ws;
	struct restore *r;
	int err = 0;
	u32 id = 0;

	r = begin(op, medes_live_pages(account));
	if (!r)
		return -ENOMEM;
	if (op->working_set)
		r->gfp = GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | __GFP_NOWARN;
	while (!err && (r->mm = medes_mm_get(op->sandbox, &id, &ws))) {
		if (op->working_set) {
			r->ws = ws;
			err = restore_set(r);
		} else {
			err = restore_mm(r);
		}
		medes_ws_put(ws);
		mmput(r->mm);
		id++;
	}
	kvfree(r);
	return err;
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
	struct restore *r = begin(op, medes_live_pages(&medes_totals));
	u64 left = 0;
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->step = step_all;
	for (int i = 0; i < PASSES && !err; i++) {
		atomic64_set(&r->lost, 0);
		err = pass(r);
		medes_devmem_stop(&r->cursor);
		left = medes_live_pages(&medes_totals);
		if (left <= op->lost)
			break;
	}
	kvfree(r);
	return err ?: left > op->lost ? -EAGAIN : 0;
}
