// SPDX-License-Identifier: GPL-2.0
/*
 * A crew: the workers of an operation that stores pages.
 *
 * Most of the time goes into encoding, which shares nothing, so workers take
 * batches of targets side by side, each with a view and memory of its own. The
 * first is the operation's own; helpers come from the module's workqueue, as many
 * as there are batches and CPUs, over all operations. Without a helper, for want
 * of memory or because the CPUs have enough to do, the operation does all itself.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "base.h"
#include "crew.h"
#include "mm.h"
#include "op.h"
#include "quota.h"
#include "sandbox.h"
#include "stats.h"
#include "store.h"
#include "workingset.h"

/*
 * A page that somebody holds for a moment (a per-CPU list of the LRU, khugepaged,
 * a reader of /proc/PID/mem) is tried again, so often and after so long.
 */
#define TRIES 3
#define TRY_AFTER 10	/* ms */

struct crew;

/* One of them. */
struct worker {
	struct crew *crew;
	struct medes_store *store;
	struct work_struct work;	/* of a helper */
};

/**
 * struct crew - the workers of an operation
 * @storing: what they share; its lock protects @next and @error, too
 * @nr_targets: of the operation, in this try
 * @next: first of them that nobody took
 * @first: try
 * @error: that ends all workers
 * @nr: workers that there are
 * @most: there is room for
 * @worker: each; the first is the operation's own
 */
struct crew {
	struct medes_storing storing;
	unsigned int nr_targets;
	unsigned int next;
	bool first;
	int error;
	unsigned int nr;
	unsigned int most;
	struct worker worker[] __counted_by(most);
};

/* Workers of all operations. */
static atomic_t workers;

/* Store some targets; return 0 or a negative errno. */
static int store_targets(struct worker *w, struct medes_target *target,
			 unsigned int n)
{
	struct crew *crew = w->crew;
	struct medes_op *op = crew->storing.op;
	unsigned int at = 0;

	while (at < n) {
		unsigned int stored;
		u64 begin;
		int did;

		if (!medes_quota_wait(op))
			return -ECANCELED;
		begin = ktime_get_ns();
		did = medes_store_batch(w->store, target + at, n - at, &stored);
		medes_quota_charge(ktime_get_ns() - begin);
		if (did < 0)
			return did;
		at += did;
		spin_lock(&crew->storing.lock);
		op->stored += stored;
		if (crew->first)
			op->done += did;
		spin_unlock(&crew->storing.lock);
		/* One is enough to tell of progress. */
		if (w == crew->worker ? !medes_op_progress(op) :
					READ_ONCE(op->cancel))
			return -ECANCELED;
		cond_resched();
	}
	return 0;
}

/* The next targets that nobody took; return how many, 0 at the end. */
static unsigned int take_targets(struct crew *crew,
				 struct medes_target **target)
{
	unsigned int n = 0;

	spin_lock(&crew->storing.lock);
	if (!crew->error)
		n = min(crew->nr_targets - crew->next, MEDES_STORE_BATCH);
	*target = crew->storing.op->target + crew->next;
	crew->next += n;
	spin_unlock(&crew->storing.lock);
	return n;
}

/* Take targets while there are some. */
static void toil(struct worker *w)
{
	struct crew *crew = w->crew;
	struct medes_target *target;
	unsigned int n;

	while ((n = take_targets(crew, &target))) {
		int err = store_targets(w, target, n);

		if (!err)
			continue;
		spin_lock(&crew->storing.lock);
		crew->error = crew->error ?: err;
		spin_unlock(&crew->storing.lock);
	}
}

static void help(struct work_struct *work)
{
	toil(container_of(work, struct worker, work));
}

/* Store the first n targets, all together; return 0 or a negative errno. */
static int store_together(struct crew *crew, unsigned int n)
{
	crew->nr_targets = n;
	crew->next = 0;
	for (unsigned int i = 1; i < crew->nr; i++)
		queue_work(medes_wq, &crew->worker[i].work);
	toil(&crew->worker[0]);
	/* One that did not begin by now is not needed. */
	for (unsigned int i = 1; i < crew->nr; i++)
		cancel_work_sync(&crew->worker[i].work);
	return crew->error;
}

/* Move what was held to the front; return how many. */
static unsigned int keep_held(struct medes_op *op, unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!op->target[i].held)
			continue;
		op->target[kept] = op->target[i];
		op->target[kept++].held = false;
	}
	return kept;
}

static int store_all(struct crew *crew)
{
	struct medes_op *op = crew->storing.op;
	unsigned int n = op->nr_targets;

	for (int try = 1; n; try++) {
		int err;

		crew->first = try == 1;
		crew->storing.last = try == TRIES;
		err = store_together(crew, n);
		if (err || crew->storing.last)
			return err;
		n = keep_held(op, n);
		if (n)
			msleep(TRY_AFTER);
	}
	return 0;
}

/* As many workers as there is work and CPUs for; one at least, if that can be. */
static void hire(struct crew *crew, struct mm_struct *mm)
{
	while (crew->nr < crew->most) {
		struct worker *w = &crew->worker[crew->nr];

		if (atomic_inc_return(&workers) > num_online_cpus() && crew->nr)
			break;
		w->store = medes_store_new(&crew->storing, mm);
		if (!w->store)
			break;
		w->crew = crew;
		INIT_WORK(&w->work, help);
		crew->nr++;
	}
	if (crew->nr < crew->most)
		atomic_dec(&workers);
}

static void dismiss(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->nr; i++)
		medes_store_free(crew->worker[i].store);
	atomic_sub(crew->nr, &workers);
}

/* Room for base pages; a target's slot is its index. */
static int make_room(struct crew *crew)
{
	struct medes_op *op = crew->storing.op;
	struct medes_extent *extent;

	if (op->kind != MEDES_OP_KIND_DEMARCATE)
		return 0;
	extent = medes_extent_new(op->base, op->nr_targets);
	if (IS_ERR(extent))
		return PTR_ERR(extent);
	crew->storing.extent = extent;
	for (unsigned int i = 0; i < op->nr_targets; i++)
		op->target[i].index = i;
	return 0;
}

static int begin(struct crew *crew)
{
	struct medes_op *op = crew->storing.op;
	struct mm_struct *mm;
	u32 id = op->mm;
	int err;

	mm = medes_mm_get(op->sandbox, &id, &crew->storing.set);
	if (!mm)
		return -ESRCH;
	if (id != op->mm) {
		mmput(mm);
		return -ESRCH;
	}
	medes_ws_settle(crew->storing.set);
	hire(crew, mm);
	mmput(mm);
	if (!crew->nr)
		return -ENOMEM;
	err = make_room(crew);
	if (err)
		dismiss(crew);
	return err;
}

/**
 * medes_crew_run() - run an operation that stores pages
 * @op: dedup or demarcate
 *
 * Context: worker; may sleep, takes mmap_lock of the address space for read,
 * for the time of one batch.
 * Return: 0, -ECANCELED, -ESRCH when the address space has gone, -ENOSPC at
 * the ceiling of base bytes, -ENOMEM.
 */
int medes_crew_run(struct medes_op *op)
{
	unsigned int most = min(num_online_cpus(),
				DIV_ROUND_UP(op->nr_targets, MEDES_STORE_BATCH));
	struct crew *crew = kzalloc_flex(*crew, worker, most);
	u64 start = ktime_get_ns();
	int err;

	if (!crew)
		return -ENOMEM;
	crew->most = most;
	crew->storing.op = op;
	spin_lock_init(&crew->storing.lock);
	err = begin(crew);
	if (err)
		goto out;
	err = store_all(crew);
	/* Room for what may come back. */
	medes_ws_settle(crew->storing.set);
	if (crew->storing.extent)
		medes_extent_trim(crew->storing.extent);
	dismiss(crew);
	medes_count(op->sandbox->account, STORE_NS, ktime_get_ns() - start);
out:
	if (crew->storing.set)
		medes_ws_put(crew->storing.set);
	kfree(crew);
	return err;
}
