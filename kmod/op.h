/* SPDX-License-Identifier: GPL-2.0 */
/* An operation: work that user space queued, watches and may cancel. */
#ifndef MEDES_OP_H
#define MEDES_OP_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <uapi/linux/medes.h>

struct medes_base;
struct medes_sandbox;
struct netlink_ext_ack;

/* Operations that wait in one queue before user space is told to wait. */
#define MEDES_QUEUE_MAX 64

/**
 * struct medes_queue - operations of one sandbox, or those of no sandbox
 * @lock: protects @ops and @count
 * @ops: the one that runs and those that wait, in order
 * @count: of @ops
 * @work: runs them
 */
struct medes_queue {
	spinlock_t lock;	/* ops, count */
	struct list_head ops;
	unsigned int count;
	struct work_struct work;
};

/* A page to store, and the base page that it may resemble. */
struct medes_target {
	unsigned long address;
	u64 base;		/* 0: none */
	u32 index;		/* of the base page; demarcate: of the slot */
	bool held;		/* somebody held the page: try again */
};

/**
 * struct medes_op - an operation
 * @ref: one while it is listed, one while it is queued, one of every holder
 * @node: in its queue, later in the list of those that ended
 * @id: within this load of the module
 * @kind: what it does
 * @state: written by its worker only
 * @sandbox: holds a reference until the operation ended; NULL for restore-all
 * @sandbox_id: its id, for good
 * @mm: address space within the sandbox (dedup, demarcate)
 * @mode: what the records may cost to decode (dedup, settle)
 * @base: that demarcate or copy fills; holds a reference until the operation ended
 * @base_id: its id, for good
 * @source: that copy copies from; likewise until it ended
 * @nr_targets: of @target
 * @target: sorted by address
 * @cancel: user space has had enough
 * @total: pages to look at, 0 unknown
 * @done: pages looked at
 * @stored: pages stored or brought back
 * @lost: pages that could not be rebuilt
 * @working_set: restore only what the sandbox used after its last dedup
 * @error: negative errno that ended it
 * @elapsed_ns: time spent working
 * @told: jiffies of the newest progress event
 *
 * The counts are written by the worker and read by anybody without a lock.
 */
struct medes_op {
	struct kref ref;
	struct list_head node;
	u32 id;
	enum medes_op_kind kind;
	enum medes_op_state state;
	struct medes_sandbox *sandbox;
	u32 sandbox_id;
	u32 mm;
	enum medes_mode mode;
	struct medes_base *base;
	u64 base_id;
	struct medes_base *source;
	unsigned int nr_targets;
	struct medes_target *target;
	bool cancel;
	u64 total;
	u64 done;
	u64 stored;
	u64 lost;
	bool working_set;
	int error;
	u64 elapsed_ns;
	unsigned long told;
};

/* All work that belongs to the module; drained before it goes. */
extern struct workqueue_struct *medes_wq;

int medes_op_init(void);
void medes_op_exit(void);
void medes_queue_init(struct medes_queue *queue);
void medes_queue_cancel(struct medes_queue *queue);
int medes_queue_kind(struct medes_queue *queue);

struct medes_op *medes_op_new(enum medes_op_kind kind,
			      struct medes_sandbox *sandbox,
			      unsigned int nr_targets);
int medes_op_submit(struct medes_op *op, struct netlink_ext_ack *extack);
int medes_op_cancel(u32 id, struct netlink_ext_ack *extack);
struct medes_op *medes_op_find(u32 id);
struct medes_op *medes_op_next(u32 *id);
void medes_op_put(struct medes_op *op);
bool medes_op_progress(struct medes_op *op);

#endif /* MEDES_OP_H */
