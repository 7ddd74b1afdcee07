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

#define LEAVING 0		/* bit of medes_mm.leaving */

/* mm_struct's address -> medes_mm; under medes_sandbox_mutex */
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
	medes_sandbox_put(m->sandbox);
	kfree(m);
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

static int insert_mm(struct medes_mm *m, struct mm_struct *mm)
{
	struct medes_sandbox *sandbox = m->sandbox;
	int err;

	err = mmu_notifier_register(&m->notifier, mm);
	if (err)
		return err;
	err = xa_err(xa_store(&mms, (unsigned long)mm, m, GFP_KERNEL));
	if (err) {
		set_bit(LEAVING, &m->leaving);
		mmu_notifier_unregister(&m->notifier, mm);
		return err;
	}
	mutex_lock(&sandbox->lock);
	m->id = sandbox->next_mm++;
	list_add_tail(&m->node, &sandbox->mms);
	mutex_unlock(&sandbox->lock);
	return 0;
}

/* Take mm in. Return 1 when it is in the sandbox already. */
static int attach_mm(struct medes_sandbox *sandbox, struct task_struct *task,
		     struct mm_struct *mm, struct netlink_ext_ack *extack)
{
	struct medes_mm *m = xa_load(&mms, (unsigned long)mm);
	int err;

	lockdep_assert_held(&medes_sandbox_mutex);
	if (m && m->sandbox == sandbox && !test_bit(LEAVING, &m->leaving))
		return 1;
	if (m) {
		NL_SET_ERR_MSG_FMT(extack, "process %d is in sandbox %.40s",
				   task_tgid_vnr(task), m->sandbox->name);
		return -EBUSY;
	}
	m = kzalloc_obj(*m);
	if (!m)
		return -ENOMEM;
	kref_get(&sandbox->ref);
	m->sandbox = sandbox;
	m->pid = get_task_pid(task, PIDTYPE_TGID);
	m->notifier.ops = &mm_ops;
	INIT_WORK(&m->gone, mm_gone);
	err = insert_mm(m, mm);
	if (err)
		mm_free(m);
	return err;
}

static int attach(struct medes_sandbox *sandbox,
		  const struct medes_process *process,
		  struct netlink_ext_ack *extack)
{
	struct task_struct *task = resolve(process, extack);
	struct mm_struct *mm;
	int err = -ESRCH;

	if (IS_ERR(task))
		return PTR_ERR(task);
	mm = get_task_mm(task);
	if (mm) {
		err = attach_mm(sandbox, task, mm, extack);
		/* Not here and now, should we be the last: we hold a mutex. */
		mmput_async(mm);
	} else {
		NL_SET_ERR_MSG_FMT(extack, "process %u is exiting",
				   process->pid);
	}
	put_task_struct(task);
	return err;
}

/* Take out those with an id from first to last. */
static void detach_range(struct medes_sandbox *sandbox, u32 first, u32 last)
{
	struct medes_mm *m, *next;
	LIST_HEAD(out);

	mutex_lock(&sandbox->lock);
	list_for_each_entry_safe(m, next, &sandbox->mms, node)
		if (m->id >= first && m->id <= last &&
		    !test_and_set_bit(LEAVING, &m->leaving))
			list_move_tail(&m->node, &out);
	mutex_unlock(&sandbox->lock);
	list_for_each_entry_safe(m, next, &out, node) {
		detach(m);
		mm_free(m);
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
	u32 first, last;
	int err = 0;

	mutex_lock(&medes_sandbox_mutex);
	if (sandbox->removed) {
		mutex_unlock(&medes_sandbox_mutex);
		NL_SET_ERR_MSG(extack, "the sandbox is being removed");
		return -ENOENT;
	}
	first = sandbox->next_mm;
	for (unsigned int i = 0; i < n && err >= 0; i++)
		err = attach(sandbox, &process[i], extack);
	last = sandbox->next_mm - 1;
	mutex_unlock(&medes_sandbox_mutex);
	if (err < 0)
		detach_range(sandbox, first, last);
	medes_sandbox_update(sandbox);
	return min(err, 0);
}

/**
 * medes_mm_get() - the first address space with this id or a greater
 * @sandbox: held by the caller
 * @id: where to begin; its id on return
 *
 * Context: may sleep.
 * Return: the address space, held by mmget, or NULL when there is none alive.
 */
struct mm_struct *medes_mm_get(struct medes_sandbox *sandbox, u32 *id)
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
		break;
	}
	mutex_unlock(&sandbox->lock);
	return mm;
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
	detach_range(sandbox, 0, U32_MAX);
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
