// SPDX-License-Identifier: GPL-2.0
/*
 * A quota for the time that storing takes.
 *
 * dedup_quota_ms is how many milliseconds of each second all operations that
 * store pages may work, together; an operation that meets it waits for the next
 * second. After DAMON's quotas: user space says how much, the kernel keeps it.
 *
 * What is charged is the time from the beginning to the end of a batch, so a
 * batch that began may end above the quota; the excess is taken off the next
 * second. Restores are not bounded: somebody waits for them.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include "limits.h"
#include "op.h"
#include "quota.h"
#include "sandbox.h"
#include "stats.h"

static DEFINE_SPINLOCK(lock);	/* window, used */
static u64 window;		/* when it began, ns */
static u64 used;		/* of it, ns */
static DECLARE_WAIT_QUEUE_HEAD(more);

/* How long until there is something to have, in ns. */
static u64 wait_for(void)
{
	u64 quota = READ_ONCE(medes_limits.dedup_quota_ms) * NSEC_PER_MSEC;
	u64 now = ktime_get_ns(), ns = 0;

	if (!quota)
		return 0;
	spin_lock(&lock);
	if (now - window >= NSEC_PER_SEC) {
		u64 windows = div_u64(now - window, NSEC_PER_SEC);

		used -= min(used, windows * quota);
		window += windows * NSEC_PER_SEC;
	}
	if (used >= quota)
		ns = window + NSEC_PER_SEC - now;
	spin_unlock(&lock);
	return ns;
}

/**
 * medes_quota_wait() - wait until storing is within its quota
 * @op: at work in the caller
 *
 * Context: may sleep; no lock is held.
 * Return: false when the operation was cancelled.
 */
bool medes_quota_wait(struct medes_op *op)
{
	u64 begin = ktime_get_ns();
	bool waited = false;
	u64 ns;

	while (!READ_ONCE(op->cancel) && (ns = wait_for())) {
		waited = true;
		wait_event_timeout(more, READ_ONCE(op->cancel) || !wait_for(),
				   nsecs_to_jiffies(ns) + 1);
		medes_op_progress(op);
	}
	if (waited)
		medes_count(op->sandbox->account, THROTTLED_NS,
			    ktime_get_ns() - begin);
	return !READ_ONCE(op->cancel);
}

/**
 * medes_quota_charge() - time was spent on storing
 * @ns: how much
 *
 * What is spent while there is no quota is not held against a later one.
 *
 * Context: any.
 */
void medes_quota_charge(u64 ns)
{
	spin_lock(&lock);
	used = READ_ONCE(medes_limits.dedup_quota_ms) ? used + ns : 0;
	spin_unlock(&lock);
}

/**
 * medes_quota_wake() - the quota has changed, or an operation was cancelled
 *
 * Context: any.
 */
void medes_quota_wake(void)
{
	wake_up_all(&more);
}
