// SPDX-License-Identifier: GPL-2.0
/*
 * The address spaces of sandboxes.
 *
 * User space names processes by (pid, start time); what a sandbox keeps is the
 * address space behind each. It holds mmgrab (through the mmu notifier), never
 * mmget, so a process exits, execs or is killed as if we were not there; the
 * notifier's release() tells us. Each operation takes mmget_not_zero for as
 * long as it works.
 *
 * Both ways out of a sandbox, release() and removal, meet at mm->leaving: who
 * sets that bit unregisters the notifier and frees the medes_mm.
 */
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <net/netlink.h>
#include "mm.h"
#include "sandbox.h"
#include "workingset.h"

#define LEAVING 0		/* bit of medes_mm.leaving */

/*
 * mm_struct's address -> medes_mm. Changed under medes_sandbox_mutex; faults
 * read it under RCU.
 */
static DEFINE_XARRAY(mms);

/* The address space ends. Called from exit_mmap(), which waits for us. */
static void mm_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct medes_mm *m = container_of(notifier, struct medes_mm, notifier);

	if (!test_and_set_bit(LEAVING, &m->leaving))
		queue_work(medes_wq, &m->gone);
}

static const struct mmu_notifier_ops mm_ops = {
	.release = mm_release,
};

static void mm_free(struct medes_mm *m)
{
	put_pid(m->pid);
	medes_ws_put(m->ws);
	medes_sandbox_put(m->sandbox);
	kfree_rcu(m, rcu);
}

/* Undo attach(), by whoever set LEAVING. */
static void detach(struct medes_mm *m)
{
	struct medes_sandbox *sandbox = m->sandbox;
	struct mm_struct *mm = m->notifier.mm;

	mutex_lock(&sandbox->lock);
	list_del(&m->node);
	mutex_unlock(&sandbox->lock);
	mutex_lock(&medes_sandbox_mutex);
	xa_erase(&mms, (unsigned long)mm);
	mutex_unlock(&medes_sandbox_mutex);
	mmu_notifier_unregister(&m->notifier, mm);
}

static void mm_gone(struct work_struct *work)
{
	struct medes_mm *m = container_of(work, struct medes_mm, gone);
	struct medes_sandbox *sandbox = m->sandbox;

	detach(m);
	medes_sandbox_left(sandbox);
	mm_free(m);
}

/* The task that user space means, or why not. */
static struct task_struct *resolve(const struct medes_process *process,
				   struct netlink_ext_ack *extack)
{
	struct pid *pid = find_get_pid(process->pid);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	int err = -ESRCH;

	put_pid(pid);
	if (!task) {
		NL_SET_ERR_MSG_FMT(extack, "no process %u", process->pid);
		return ERR_PTR(err);
	}
	err = -ESTALE;
	if (div_u64(timens_add_boottime_ns(task->start_boottime),
		    NSEC_PER_SEC / USER_HZ) !=
	    process->start_time) {
		NL_SET_ERR_MSG_FMT(extack, "process %u started at another time: the pid was reused",
				   process->pid);
		goto err_put;
	}
	err = -EPERM;
	if (task->flags & PF_KTHREAD) {
		NL_SET_ERR_MSG_FMT(extack, "process %u is a kernel thread",
				   process->pid);
		goto err_put;
	}
	if (is_global_init(task)) {
		NL_SET_ERR_MSG(extack, "init can't be in a sandbox");
		goto err_put;
	}
	if (same_thread_group(task, current)) {
		NL_SET_ERR_MSG(extack, "the caller can't be in a sandbox");
		goto err_put;
	}
	return task;

err_put:
	put_task_struct(task);
	return ERR_PTR(err);
}

/* Is it in this sandbox already? */
static bool has(struct medes_sandbox *sandbox, struct mm_struct *mm)
{
	struct medes_mm *m;
	bool in;

	mutex_lock(&medes_sandbox_mutex);
	m = xa_load(&mms, (unsigned long)mm);
	in = m && m->sandbox == sandbox && !test_bit(LEAVING, &m->leaving);
	mutex_unlock(&medes_sandbox_mutex);
	return in;
}

/* Watch an address space that mmget holds: it can't end before it is in. */
static int watch(struct medes_sandbox *sandbox, struct task_struct *task,
		 struct mm_struct *mm, struct list_head *in)
{
	struct medes_mm *m = kzalloc_obj(*m);
	int err;

	if (!m)
		return -ENOMEM;
	m->ws = medes_ws_new(sandbox->account);
	if (!m->ws) {
		kfree(m);
		return -ENOMEM;
	}
	kref_get(&sandbox->ref);
	m->sandbox = sandbox;
	m->pid = get_task_pid(task, PIDTYPE_TGID);
	m->notifier.ops = &mm_ops;
	INIT_WORK(&m->gone, mm_gone);
	err = mmu_notifier_register(&m->notifier, mm);
	if (err) {
		mm_free(m);
		return err;
	}
	list_add_tail(&m->node, in);
	return 0;
}

/* Find a process; its address space, held, goes to the list. */
static int prepare(struct medes_sandbox *sandbox,
		   const struct medes_process *process, struct list_head *in,
		   struct netlink_ext_ack *extack)
{
	struct task_struct *task = resolve(process, extack);
	struct mm_struct *mm;
	int err = 0;

	if (IS_ERR(task))
		return PTR_ERR(task);
	mm = get_task_mm(task);
	if (!mm) {
		err = -ESRCH;
		NL_SET_ERR_MSG_FMT(extack, "process %u is exiting",
				   process->pid);
	} else if (has(sandbox, mm)) {
		mmput(mm);
	} else {
		err = watch(sandbox, task, mm, in);
		if (err)
			mmput(mm);
	}
	put_task_struct(task);
	return err;
}

/* Put one where the others can be found. Return 1 when it is in already. */
static int list_one(struct medes_mm *m, struct netlink_ext_ack *extack)
{
	unsigned long key = (unsigned long)m->notifier.mm;
	int err = xa_insert(&mms, key, m, GFP_KERNEL);
	struct medes_mm *other;

	lockdep_assert_held(&medes_sandbox_mutex);
	if (err != -EBUSY)
		return err;
	other = xa_load(&mms, key);
	if (other->sandbox == m->sandbox && !test_bit(LEAVING, &other->leaving))
		return 1;
	NL_SET_ERR_MSG_FMT(extack, "process %d is in sandbox %.40s",
			   pid_vnr(m->pid), other->sandbox->name);
	return err;
}

/* Move those that were not in to @new; undo that on error. */
static int list_all(struct list_head *in, struct list_head *new,
		    struct netlink_ext_ack *extack)
{
	struct medes_mm *m, *next;
	int err;

	list_for_each_entry_safe(m, next, in, node) {
		err = list_one(m, extack);
		if (err < 0)
			goto err_undo;
		if (!err)
			list_move_tail(&m->node, new);
	}
	return 0;

err_undo:
	list_for_each_entry(m, new, node)
		xa_erase(&mms, (unsigned long)m->notifier.mm);
	list_splice_init(new, in);
	return err;
}

/* From here on they are the sandbox's. */
static void take_in(struct medes_sandbox *sandbox, struct list_head *new)
{
	struct medes_mm *m, *next;

	mutex_lock(&sandbox->lock);
	list_for_each_entry_safe(m, next, new, node) {
		m->id = sandbox->next_mm++;
		list_move_tail(&m->node, &sandbox->mms);
		/* The end of the mm would wait for locks that are held here. */
		mmput_async(m->notifier.mm);
	}
	mutex_unlock(&sandbox->lock);
}

/* Those that did not get in, or were in before. */
static void forget(struct list_head *in)
{
	struct medes_mm *m, *next;

	list_for_each_entry_safe(m, next, in, node) {
		struct mm_struct *mm = m->notifier.mm;

		set_bit(LEAVING, &m->leaving);
		mmu_notifier_unregister(&m->notifier, mm);
		mm_free(m);
		mmput(mm);
	}
}

/**
 * medes_mm_attach() - take processes into a sandbox
 * @sandbox: held by the caller
 * @process: as user space names them
 * @n: how many
 * @extack: for the reason of a refusal
 *
 * All or none. An address space that is in already stays as it is.
 *
 * Context: may sleep; takes mmap_lock of each for write.
 * Return: 0, -ESRCH (no such process, exiting), -ESTALE (the pid was reused),
 * -EPERM (init, a kernel thread, the caller), -EBUSY (in another sandbox),
 * -ENOENT (the sandbox is being removed), -ENOMEM.
 */
int medes_mm_attach(struct medes_sandbox *sandbox,
		    const struct medes_process *process, unsigned int n,
		    struct netlink_ext_ack *extack)
{
	LIST_HEAD(in);
	LIST_HEAD(new);
	int err = 0;

	/* mmap_lock may be held for long by its owner: nobody else waits. */
	for (unsigned int i = 0; i < n && !err; i++)
		err = prepare(sandbox, &process[i], &in, extack);
	if (err)
		goto out;

	mutex_lock(&medes_sandbox_mutex);
	if (sandbox->removed) {
		NL_SET_ERR_MSG(extack, "the sandbox is being removed");
		err = -ENOENT;
	} else {
		err = list_all(&in, &new, extack);
		take_in(sandbox, &new);
	}
	mutex_unlock(&medes_sandbox_mutex);
	if (!err)
		medes_sandbox_update(sandbox);
out:
	forget(&in);
	return err;
}

/**
 * medes_mm_get() - the first address space with this id or a greater
 * @sandbox: held by the caller
 * @id: where to begin; its id on return
 * @ws: receives its working set, referenced, unless NULL
 *
 * Context: may sleep.
 * Return: the address space, held by mmget, or NULL when there is none alive.
 */
struct mm_struct *medes_mm_get(struct medes_sandbox *sandbox, u32 *id,
			       struct medes_ws **ws)
{
	struct mm_struct *mm = NULL;
	struct medes_mm *m;

	mutex_lock(&sandbox->lock);
	list_for_each_entry(m, &sandbox->mms, node) {
		if (m->id < *id || test_bit(LEAVING, &m->leaving) ||
		    !mmget_not_zero(m->notifier.mm))
			continue;
		mm = m->notifier.mm;
		*id = m->id;
		if (ws) {
			medes_ws_get(m->ws);
			*ws = m->ws;
		}
		break;
	}
	mutex_unlock(&sandbox->lock);
	return mm;
}

/**
 * medes_mm_ws() - the working set of an address space
 * @mm: of any process
 *
 * Context: RCU read side, which is as long as the set stays.
 * Return: the set, or NULL when @mm is in no sandbox.
 */
struct medes_ws *medes_mm_ws(struct mm_struct *mm)
{
	struct medes_mm *m = xa_load(&mms, (unsigned long)mm);

	return m && !test_bit(LEAVING, &m->leaving) ? m->ws : NULL;
}

/**
 * medes_mm_detach_all() - take all address spaces out of a sandbox
 * @sandbox: held by the caller, with no more coming in
 *
 * Those that are on their way out by themselves may still be on it.
 *
 * Context: may sleep; waits for notifiers.
 */
void medes_mm_detach_all(struct medes_sandbox *sandbox)
{
	struct medes_mm *m, *next;
	LIST_HEAD(out);

	mutex_lock(&sandbox->lock);
	list_for_each_entry_safe(m, next, &sandbox->mms, node)
		if (!test_and_set_bit(LEAVING, &m->leaving))
			list_move_tail(&m->node, &out);
	mutex_unlock(&sandbox->lock);
	list_for_each_entry_safe(m, next, &out, node) {
		detach(m);
		mm_free(m);
	}
}

/**
 * medes_mm_exit() - the end of address spaces
 *
 * Context: module exit; all work is done.
 */
void medes_mm_exit(void)
{
	xa_destroy(&mms);
}
