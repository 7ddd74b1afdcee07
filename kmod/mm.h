/* SPDX-License-Identifier: GPL-2.0 */
/* Address spaces of sandboxes. */
#ifndef MEDES_MM_H
#define MEDES_MM_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/workqueue.h>

struct medes_sandbox;
struct medes_ws;
struct netlink_ext_ack;

/**
 * struct medes_mm - one address space of a sandbox
 * @node: in the sandbox's list, under its lock
 * @sandbox: holds a reference
 * @notifier: its release() says that the address space ends; holds mmgrab
 * @pid: the process that brought it, to show
 * @id: within the sandbox, never reused there
 * @leaving: somebody takes it out; set once
 * @gone: does that after release()
 * @ws: its working set; holds a reference
 * @rcu: faults look it up without a lock
 */
struct medes_mm {
	struct list_head node;
	struct medes_sandbox *sandbox;
	struct mmu_notifier notifier;
	struct pid *pid;
	u32 id;
	unsigned long leaving;
	struct work_struct gone;
	struct medes_ws *ws;
	struct rcu_head rcu;
};

/* A process as user space names it. */
struct medes_process {
	u32 pid;		/* in the caller's pid namespace */
	u64 start_time;		/* clock ticks since boot */
};

int medes_mm_attach(struct medes_sandbox *sandbox,
		    const struct medes_process *process, unsigned int n,
		    struct netlink_ext_ack *extack);
void medes_mm_detach_all(struct medes_sandbox *sandbox);
struct mm_struct *medes_mm_get(struct medes_sandbox *sandbox, u32 *id,
			       struct medes_ws **ws);
struct medes_ws *medes_mm_ws(struct mm_struct *mm);
void medes_mm_exit(void);

#endif /* MEDES_MM_H */
