// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk restore, side by side on several CPUs, while the processes run.
 *
 * Of a sandbox: its address spaces are walked by address. Of its working set:
 * in the order of use, in groups that are sorted by address. Of everything: the
 * device pages are walked by number, so that also those come back that belong
 * to processes in no sandbox (forked children, sandboxes that were removed).
 *
 * A worker takes a stretch of that, and brings it back a batch at a time
 * (batch.c). There are as many workers as there are CPUs, but
 * max_restoring_pages bounds what all operations together have in hand.
 */
#include <linux/gfp.h>
#include <linux/hugetlb_inline.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "batch.h"
#include "devmem.h"
#include "fetch.h"
#include "limits.h"
#include "mm.h"
#include "op.h"
#include "ptes.h"
#include "remote.h"
#include "restore.h"
#include "sandbox.h"
#include "stats.h"
#include "trace.h"
#include "view.h"
#include "workingset.h"

/* Passes over all device pages: one that is busy is met again. */
#define PASSES 16

/* Less than this is not worth another CPU. */
#define PAGES_PER_WORKER 128

/* How hard to try for memory: until there is none, or while it is easy. */
#define GFP_IN_EARNEST (GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
#define GFP_IF_EASY (GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | __GFP_NOWARN)

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
 * @batch: what it has in hand
 * @pte: of a stretch
 * @fetch: base pages on their way from other nodes, for @behind; or NULL
 * @behind: a stretch that waits for them, unless its nr is 0
 */
struct worker {
	struct work_struct work;
	struct restore *restore;
	struct medes_batch batch;
	pte_t pte[MEDES_WS_STRETCH];
	struct medes_fetch *fetch;
	struct stretch behind;
};

/**
 * struct restore - an operation at work
 * @op: the operation
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
			  MEDES_BATCH);

	if (atomic64_add_return(MEDES_BATCH, &restoring) <= limit)
		return true;
	atomic64_sub(MEDES_BATCH, &restoring);
	return false;
}

static void give_room(void)
{
	atomic64_sub(MEDES_BATCH, &restoring);
	wake_up(&room);
}

/* What a batch came to is known to all. */
static void add_up(struct worker *w)
{
	atomic64_add(w->batch.back, &w->restore->back);
	atomic64_add(w->batch.lost, &w->restore->lost);
	w->batch.back = 0;
	w->batch.lost = 0;
}

/* Map n pages that stand side by side and are rebuilt; return how many came. */
static unsigned int map_run(struct worker *w, struct vm_area_struct *vma,
			    unsigned long start, unsigned int n)
{
	struct restore *r = w->restore;
	u64 begin = ktime_get_ns();
	u64 back = medes_batch_map(&w->batch, vma, start, n);

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

		if (i - first == MEDES_BATCH || !w->batch.nr || !device ||
		    !(s->wanted & BIT_ULL(i))) {
			at = i;
			goto out;
		}
		any |= medes_batch_rebuild(&w->batch, device,
					   s->start + i * PAGE_SIZE);
	}
	at = end;
out:
	medes_devmem_leave(idx);
	if (any)
		back = map_run(w, vma, s->start + first * PAGE_SIZE, at - first);
	atomic64_add(at - first - back, &w->restore->missed);
	medes_batch_take_back(&w->batch);
	add_up(w);
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
		if (medes_batch_fill(&w->batch)) {
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
	for (unsigned int i = 0; more && i < MEDES_DEVMEM_STRETCH;
	     i += MEDES_BATCH) {
		if (medes_batch_fill(&w->batch)) {
			WRITE_ONCE(r->error, -ENOMEM);
			break;
		}
		medes_batch_devices(&w->batch, pfn + i);
	}
	medes_devmem_leave(idx);
	add_up(w);
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
	medes_batch_drain(&w->batch);
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
				   atomic64_read(&restoring) + MEDES_BATCH <=
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

static struct restore *begin(struct medes_op *op, u64 pages, gfp_t gfp)
{
	unsigned int n = min_t(u64, num_online_cpus(),
			       pages / PAGES_PER_WORKER + 1);
	struct restore *r = kvzalloc_flex(*r, worker, n);

	if (!r)
		return NULL;
	r->nr_workers = n;
	r->op = op;
	mutex_init(&r->lock);
	for (unsigned int i = 0; i < n; i++) {
		r->worker[i].restore = r;
		r->worker[i].batch.gfp = gfp;
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

	r = begin(op, medes_live_pages(account),
		  op->working_set ? GFP_IF_EASY : GFP_IN_EARNEST);
	if (!r)
		return -ENOMEM;
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
	struct restore *r = begin(op, medes_live_pages(&medes_totals),
				  GFP_IN_EARNEST);
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
