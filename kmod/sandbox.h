/* SPDX-License-Identifier: GPL-2.0 */
/* A sandbox: processes whose memory is deduplicated and restored together. */
#ifndef MEDES_SANDBOX_H
#define MEDES_SANDBOX_H

#include <linux/kref.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <uapi/linux/medes.h>
#include "op.h"

struct medes_account;
struct medes_domain;
struct netlink_ext_ack;

/**
 * struct medes_sandbox - a sandbox
 * @ref: one while it is listed, one of every holder (mm, operation, dump)
 * @id: within this load of the module
 * @name: unique among sandboxes
 * @function: a label of the daemon's
 * @domain: with whom it may share pages
 * @account: counters; records point there, never here
 * @lock: protects @mms, @next_mm, @state and @removed
 * @mms: its address spaces
 * @next_mm: id of the next one
 * @state: as last told to user space
 * @removed: no mm may come in any more
 * @queue: operations, one after the other
 * @update: tells user space of a new state, from atomic context too
 * @expire: removes it some time after its last process has gone
 */
struct medes_sandbox {
	struct kref ref;
	u32 id;
	char name[MEDES_NAME_MAX + 1];
	char function[MEDES_NAME_MAX + 1];
	struct medes_domain *domain;
	struct medes_account *account;
	struct mutex lock;	/* mms, next_mm, state */
	struct list_head mms;
	u32 next_mm;
	enum medes_sandbox_state state;
	bool removed;
	struct medes_queue queue;
	struct work_struct update;
	struct delayed_work expire;
};

/**
 * struct medes_mm - one address space of a sandbox
 * @node: in the sandbox's list, under its lock
 * @sandbox: holds a reference
 * @notifier: its release() says that the address space ends; holds mmgrab
 * @pid: the process that brought it, to show
 * @id: within the sandbox, never reused there
 * @leaving: somebody takes it out; set once
 * @gone: does that after release()
 */
struct medes_mm {
	struct list_head node;
	struct medes_sandbox *sandbox;
	struct mmu_notifier notifier;
	struct pid *pid;
	u32 id;
	unsigned long leaving;
	struct work_struct gone;
};

/* A process as user space names it. */
struct medes_process {
	u32 pid;		/* in the caller's pid namespace */
	u64 start_time;		/* clock ticks since boot */
};

struct medes_sandbox *medes_sandbox_new(const char *name, const char *domain,
					const char *function,
					struct netlink_ext_ack *extack);
int medes_sandbox_attach(struct medes_sandbox *sandbox,
			 const struct medes_process *process, unsigned int n,
			 struct netlink_ext_ack *extack);
void medes_sandbox_remove(struct medes_sandbox *sandbox);
struct medes_sandbox *medes_sandbox_find(u32 id);
struct medes_sandbox *medes_sandbox_next(u32 *id);
void medes_sandbox_put(struct medes_sandbox *sandbox);
enum medes_sandbox_state medes_sandbox_update(struct medes_sandbox *sandbox);
void medes_sandbox_kick(u32 id);
struct mm_struct *medes_sandbox_mm_get(struct medes_sandbox *sandbox, u32 *id);
void medes_sandbox_exit(void);

#endif /* MEDES_SANDBOX_H */
