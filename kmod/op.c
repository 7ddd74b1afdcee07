// SPDX-License-Identifier: GPL-2.0
/*
 * Operations: queued by user space, run one after the other for each sandbox
 * and side by side for several, watched by events that may be lost and by
 * listing, which is always right.
 *
 * An operation that is queued or at work holds a reference to the module, as
 * the records that it makes do.
 *
 * An operation that ended stays listed until ENDED_MAX others have ended, so
 * that who missed its event can still ask.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include "base.h"
#include "copy.h"
#include "crew.h"
#include "netlink.h"
#include "op.h"
#include "quota.h"
#include "restore.h"
#include "sandbox.h"
#include "settle.h"
#include "trace.h"

#define ENDED_MAX 256

/* Progress events are at least this far apart. */
#define TELL_EVERY (HZ / 5)

struct workqueue_struct *medes_wq;

static DEFINE_MUTEX(lock);		/* the list, ended, nr_ended */
static DEFINE_XARRAY_ALLOC(ops);	/* id -> operation */
static LIST_HEAD(ended);		/* oldest first */
static unsigned int nr_ended;
static u32 cursor;
static struct medes_queue no_sandbox;	/* of operations without a sandbox */

/* Let go of what an operation works on: one that ended is only numbers. */
static void release(struct medes_op *op)
{
	if (op->base)
		medes_base_put(op->base);
	if (op->source)
		medes_base_put(op->source);
	if (op->sandbox)
		medes_sandbox_put(op->sandbox);
	kvfree(op->target);
	op->base = NULL;
	op->source = NULL;
	op->sandbox = NULL;
	op->target = NULL;
}

static void op_free(struct kref *ref)
{
	struct medes_op *op = container_of(ref, struct medes_op, ref);

	release(op);
	kfree(op);
}

/**
 * medes_op_put() - drop a reference
 * @op: from medes_op_new(), _find() or _next()
 *
 * Context: may sleep.
 */
void medes_op_put(struct medes_op *op)
{
	kref_put(&op->ref, op_free);
}

/**
 * medes_op_new() - make an operation
 * @kind: what it is to do
 * @sandbox: the operation takes a reference; NULL for restore-all
 * @nr_targets: room in op->target
 *
 * The caller sets mm, base (giving its reference away) and the targets.
 *
 * Context: may sleep.
 * Return: the operation, referenced, or NULL without memory.
 */
struct medes_op *medes_op_new(enum medes_op_kind kind,
			      struct medes_sandbox *sandbox,
			      unsigned int nr_targets)
{
	struct medes_op *op = kzalloc_obj(*op);

	if (!op)
		return NULL;
	if (nr_targets) {
		op->target = kvcalloc(nr_targets, sizeof(*op->target),
				      GFP_KERNEL);
		if (!op->target) {
			kfree(op);
			return NULL;
		}
	}
	kref_init(&op->ref);
	op->kind = kind;
	op->nr_targets = nr_targets;
	op->total = nr_targets;
	if (sandbox) {
		kref_get(&sandbox->ref);
		op->sandbox = sandbox;
		op->sandbox_id = sandbox->id;
	}
	return op;
}

/* It ended: keep it for a while, and forget the oldest. */
static void retire(struct medes_op *op)
{
	struct medes_op *old = NULL;

	mutex_lock(&lock);
	kref_get(&op->ref);
	list_add_tail(&op->node, &ended);
	if (++nr_ended > ENDED_MAX) {
		old = list_first_entry(&ended, struct medes_op, node);
		list_del(&old->node);
		xa_erase(&ops, old->id);
		nr_ended--;
	}
	mutex_unlock(&lock);
	if (!old)
		return;
	medes_op_put(old);	/* of the list of those that ended */
	medes_op_put(old);	/* of the list of all */
}

static int run(struct medes_op *op)
{
	switch (op->kind) {
	case MEDES_OP_KIND_DEDUP:
	case MEDES_OP_KIND_DEMARCATE:
		return medes_crew_run(op);
	case MEDES_OP_KIND_RESTORE:
		return medes_restore_run(op);
	case MEDES_OP_KIND_RESTORE_ALL:
		return medes_restore_all_run(op);
	case MEDES_OP_KIND_SETTLE:
		return medes_settle_run(op);
	case MEDES_OP_KIND_COPY:
		return medes_copy_run(op);
	}
	return -EINVAL;
}

static void perform(struct medes_op *op)
{
	u64 begin = ktime_get_ns();

	WRITE_ONCE(op->state, MEDES_OP_STATE_RUNNING);
	trace_medes_op_begin(op->id, op->kind, op->sandbox_id, op->nr_targets);
	if (op->sandbox)
		medes_sandbox_update(op->sandbox);
	medes_notify_op(op);
	op->error = READ_ONCE(op->cancel) ? -ECANCELED : run(op);
	op->elapsed_ns = ktime_get_ns() - begin;
	/* Who sees the end sees the final numbers. */
	smp_store_release(&op->state,
			  !op->error ? MEDES_OP_STATE_DONE :
			  op->error == -ECANCELED ? MEDES_OP_STATE_CANCELLED :
						    MEDES_OP_STATE_FAILED);
	trace_medes_op_end(op->id, op->kind, op->sandbox_id, op->done,
			   op->stored, op->error, op->elapsed_ns);
}

static struct medes_op *first(struct medes_queue *queue)
{
	struct medes_op *op;

	spin_lock(&queue->lock);
	op = list_first_entry_or_null(&queue->ops, struct medes_op, node);
	spin_unlock(&queue->lock);
	return op;
}

/* The sandbox that a queue is part of, if it is. */
static struct medes_sandbox *owner(struct medes_queue *queue)
{
	return queue == &no_sandbox ? NULL :
	       container_of(queue, struct medes_sandbox, queue);
}

static void work_queue(struct work_struct *work)
{
	struct medes_queue *queue = container_of(work, struct medes_queue,
						 work);
	struct medes_sandbox *sandbox = owner(queue);
	struct medes_op *op;

	while ((op = first(queue))) {
		perform(op);
		spin_lock(&queue->lock);
		list_del(&op->node);
		queue->count--;
		spin_unlock(&queue->lock);
		release(op);
		retire(op);
		if (sandbox)
			medes_sandbox_update(sandbox);
		/* Who reads of the end may unload; that waits for this work. */
		module_put(THIS_MODULE);
		medes_notify_op(op);
		medes_op_put(op);
	}
	if (sandbox)
		medes_sandbox_put(sandbox);
}

/**
 * medes_queue_init() - make an empty queue
 * @queue: to initialise
 *
 * Context: any.
 */
void medes_queue_init(struct medes_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->ops);
	INIT_WORK(&queue->work, work_queue);
}

/**
 * medes_queue_cancel() - cancel what a queue holds, without waiting
 * @queue: of a sandbox
 *
 * Context: any.
 */
void medes_queue_cancel(struct medes_queue *queue)
{
	struct medes_op *op;

	spin_lock(&queue->lock);
	list_for_each_entry(op, &queue->ops, node)
		WRITE_ONCE(op->cancel, true);
	spin_unlock(&queue->lock);
	medes_quota_wake();
}

/**
 * medes_queue_kind() - what a queue does now
 * @queue: of a sandbox
 *
 * Context: any.
 * Return: enum medes_op_kind, or -1 when it is idle.
 */
int medes_queue_kind(struct medes_queue *queue)
{
	struct medes_op *op;
	int kind = -1;

	spin_lock(&queue->lock);
	op = list_first_entry_or_null(&queue->ops, struct medes_op, node);
	if (op)
		kind = op->kind;
	spin_unlock(&queue->lock);
	return kind;
}

/* Queued work holds the sandbox, whether or not it still finds operations. */
static int enqueue(struct medes_queue *queue, struct medes_op *op)
{
	struct medes_sandbox *sandbox = owner(queue);
	int err = -ENOBUFS;

	spin_lock(&queue->lock);
	if (queue->count < MEDES_QUEUE_MAX) {
		/* The request that brings us here holds the module. */
		__module_get(THIS_MODULE);
		kref_get(&op->ref);
		list_add_tail(&op->node, &queue->ops);
		queue->count++;
		err = 0;
	}
	spin_unlock(&queue->lock);
	if (err)
		return err;
	if (sandbox)
		kref_get(&sandbox->ref);
	if (!queue_work(medes_wq, &queue->work) && sandbox)
		medes_sandbox_put(sandbox);
	return 0;
}

/**
 * medes_op_submit() - queue an operation
 * @op: from medes_op_new(), complete; the caller keeps its reference
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: 0 with op->id set, -ENOBUFS when the queue is full, -ENOMEM.
 */
int medes_op_submit(struct medes_op *op, struct netlink_ext_ack *extack)
{
	struct medes_queue *queue = op->sandbox ? &op->sandbox->queue :
						  &no_sandbox;
	int err;

	if (op->base)
		op->base_id = op->base->id;
	mutex_lock(&lock);
	err = xa_alloc_cyclic(&ops, &op->id, op, XA_LIMIT(1, U32_MAX), &cursor,
			      GFP_KERNEL);
	if (err >= 0) {
		kref_get(&op->ref);
		err = enqueue(queue, op);
		if (err) {
			xa_erase(&ops, op->id);
			medes_op_put(op);
		}
	}
	mutex_unlock(&lock);
	if (err == -ENOBUFS)
		NL_SET_ERR_MSG_FMT(extack, "%u operations wait: try again when one has ended",
				   MEDES_QUEUE_MAX);
	return min(err, 0);
}

/**
 * medes_op_find() - the operation of this id
 * @id: from user space
 *
 * Context: may sleep.
 * Return: the operation, referenced, or NULL.
 */
struct medes_op *medes_op_find(u32 id)
{
	struct medes_op *op;

	mutex_lock(&lock);
	op = xa_load(&ops, id);
	if (op)
		kref_get(&op->ref);
	mutex_unlock(&lock);
	return op;
}

/**
 * medes_op_next() - the first operation with this id or a greater one
 * @id: where to begin; its id on return. Begin with 0.
 *
 * Context: may sleep.
 * Return: the operation, referenced, or NULL at the end.
 */
struct medes_op *medes_op_next(u32 *id)
{
	unsigned long i = *id;
	struct medes_op *op;

	mutex_lock(&lock);
	op = xa_find(&ops, &i, U32_MAX, XA_PRESENT);
	if (op) {
		kref_get(&op->ref);
		*id = i;
	}
	mutex_unlock(&lock);
	return op;
}

/**
 * medes_op_cancel() - ask an operation to end after the batch at hand
 * @id: which
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: 0, -ENOENT, or -EALREADY when it has ended.
 */
int medes_op_cancel(u32 id, struct netlink_ext_ack *extack)
{
	struct medes_op *op = medes_op_find(id);
	int err = 0;

	if (!op) {
		NL_SET_ERR_MSG_FMT(extack, "no operation has the id %u", id);
		return -ENOENT;
	}
	if (READ_ONCE(op->state) > MEDES_OP_STATE_RUNNING) {
		NL_SET_ERR_MSG_FMT(extack, "operation %u has ended", id);
		err = -EALREADY;
	}
	WRITE_ONCE(op->cancel, true);
	medes_quota_wake();
	medes_op_put(op);
	return err;
}

/**
 * medes_op_progress() - tell of progress, now and then
 * @op: at work in the caller
 *
 * Context: may sleep; called between batches, with no lock held.
 * Return: true when the operation is to go on, false when it was cancelled.
 */
bool medes_op_progress(struct medes_op *op)
{
	if (time_after(jiffies, op->told + TELL_EVERY)) {
		op->told = jiffies;
		medes_notify_op(op);
	}
	return !READ_ONCE(op->cancel);
}

/**
 * medes_op_init() - prepare for operations
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_op_init(void)
{
	medes_wq = alloc_workqueue("medes", WQ_UNBOUND, 0);
	if (!medes_wq)
		return -ENOMEM;
	medes_queue_init(&no_sandbox);
	return 0;
}

/**
 * medes_op_exit() - wait for all work of the module and forget it
 *
 * Context: module exit, when nothing can be queued any more.
 */
void medes_op_exit(void)
{
	struct medes_op *op;
	unsigned long i;

	medes_queue_cancel(&no_sandbox);
	destroy_workqueue(medes_wq);
	xa_for_each(&ops, i, op) {
		xa_erase(&ops, i);
		medes_op_put(op);	/* of the list of those that ended */
		medes_op_put(op);	/* of the list of all */
	}
	xa_destroy(&ops);
}
