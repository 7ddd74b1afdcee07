// SPDX-License-Identifier: GPL-2.0
/*
 * Sandboxes and their address spaces.
 *
 * User space names processes by (pid, start time); what a sandbox keeps is the
 * address space behind each. It holds mmgrab (through the mmu notifier), never
 * mmget, so a process exits, execs or is killed as if we were not there; the
 * notifier's release() tells us. Each operation takes mmget_not_zero for as
 * long as it works.
 *
 * Both ways out of a sandbox, release() and removal, meet at mm->leaving: who
 * sets that bit unregisters the notifier and frees the medes_mm. A sandbox
 * whose last process has gone is dead, may be revived by an attach (exec), and
 * is removed some seconds later.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <net/netlink.h>
#include "domain.h"
#include "netlink.h"
#include "sandbox.h"
#include "stats.h"
#include "sysfs.h"
#include "trace.h"

/* How long a dead sandbox can be revived. */
#define EXPIRE_DELAY (5 * HZ)

#define LEAVING 0		/* bit of medes_mm.leaving */

/*
 * Outermost of the sandbox locks: protects the lists below, and the order of
 * attaching and removing.
 */
static DEFINE_MUTEX(list_lock);
static DEFINE_XARRAY_ALLOC(sandboxes);	/* id -> sandbox */
static DEFINE_XARRAY(mms);		/* mm_struct's address -> medes_mm */
static u32 cursor;

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

static void sandbox_free(struct kref *ref)
{
	struct medes_sandbox *sandbox =
		container_of(ref, struct medes_sandbox, ref);

	medes_account_put(sandbox->account);
	medes_domain_put(sandbox->domain);
	kfree(sandbox);
}

/**
 * medes_sandbox_put() - drop a reference
 * @sandbox: from medes_sandbox_find(), _next() or _new()
 *
 * Context: may sleep.
 */
void medes_sandbox_put(struct medes_sandbox *sandbox)
{
	kref_put(&sandbox->ref, sandbox_free);
}

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
	mutex_lock(&list_lock);
	xa_erase(&mms, (unsigned long)mm);
	mutex_unlock(&list_lock);
	mmu_notifier_unregister(&m->notifier, mm);
}

static void mm_gone(struct work_struct *work)
{
	struct medes_mm *m = container_of(work, struct medes_mm, gone);
	struct medes_sandbox *sandbox = m->sandbox;

	detach(m);
	if (medes_sandbox_update(sandbox) == MEDES_SANDBOX_STATE_DEAD) {
		mutex_lock(&list_lock);
		if (!sandbox->removed &&
		    queue_delayed_work(medes_wq, &sandbox->expire,
				       EXPIRE_DELAY))
			kref_get(&sandbox->ref);
		mutex_unlock(&list_lock);
	}
	mm_free(m);
}

static void expire(struct work_struct *work)
{
	struct medes_sandbox *sandbox = container_of(to_delayed_work(work),
						     struct medes_sandbox,
						     expire);

	if (medes_sandbox_update(sandbox) == MEDES_SANDBOX_STATE_DEAD)
		medes_sandbox_remove(sandbox);
	medes_sandbox_put(sandbox);
}

static enum medes_sandbox_state derive(struct medes_sandbox *sandbox)
{
	struct medes_account *account = sandbox->account;

	if (list_empty(&sandbox->mms))
		return MEDES_SANDBOX_STATE_DEAD;
	if (atomic64_read(&account->value[MEDES_A_STATS_PAGES_LOST]))
		return MEDES_SANDBOX_STATE_LOST;
	switch (medes_queue_kind(&sandbox->queue)) {
	case MEDES_OP_KIND_DEDUP:
	case MEDES_OP_KIND_DEMARCATE:
		return MEDES_SANDBOX_STATE_DEDUPLICATING;
	case MEDES_OP_KIND_RESTORE:
		return MEDES_SANDBOX_STATE_RESTORING;
	}
	return medes_live_pages(account) ? MEDES_SANDBOX_STATE_DEDUP :
					   MEDES_SANDBOX_STATE_WARM;
}

/**
 * medes_sandbox_update() - find out its state; tell when that is a new one
 * @sandbox: held by the caller
 *
 * The state follows from what the sandbox has: processes, lost pages, an
 * operation at work, deduplicated pages. So nothing can contradict it.
 *
 * Context: may sleep.
 * Return: the state.
 */
enum medes_sandbox_state medes_sandbox_update(struct medes_sandbox *sandbox)
{
	enum medes_sandbox_state was, state;

	mutex_lock(&sandbox->lock);
	was = sandbox->state;
	state = derive(sandbox);
	sandbox->state = state;
	mutex_unlock(&sandbox->lock);
	if (was != state) {
		trace_medes_sandbox_state(sandbox->id, sandbox->name, was,
					  state);
		medes_notify_sandbox(sandbox);
	}
	return state;
}

static void update(struct work_struct *work)
{
	struct medes_sandbox *sandbox =
		container_of(work, struct medes_sandbox, update);

	medes_sandbox_update(sandbox);
	medes_sandbox_put(sandbox);
}

/**
 * medes_sandbox_kick() - have the state of a sandbox found out soon
 * @id: of the sandbox, which may have gone
 *
 * Context: process; does not sleep, so mmap_lock and folio locks may be held.
 */
void medes_sandbox_kick(u32 id)
{
	struct medes_sandbox *sandbox;

	/* What is listed has a reference that can't go while we have the lock. */
	xa_lock(&sandboxes);
	sandbox = xa_load(&sandboxes, id);
	if (sandbox && queue_work(medes_wq, &sandbox->update))
		kref_get(&sandbox->ref);
	xa_unlock(&sandboxes);
}

static int insert(struct medes_sandbox *sandbox, struct netlink_ext_ack *extack)
{
	struct medes_sandbox *other;
	unsigned long i;
	int err;

	lockdep_assert_held(&list_lock);
	xa_for_each(&sandboxes, i, other) {
		if (strcmp(other->name, sandbox->name))
			continue;
		NL_SET_ERR_MSG_FMT(extack, "a sandbox named %s exists",
				   sandbox->name);
		return -EEXIST;
	}
	err = xa_alloc_cyclic(&sandboxes, &sandbox->id, sandbox,
			      XA_LIMIT(1, U32_MAX), &cursor, GFP_KERNEL);
	if (err < 0)
		return err;
	sandbox->account->sandbox = sandbox->id;
	err = medes_sysfs_add(sandbox);
	if (err)
		xa_erase(&sandboxes, sandbox->id);
	return err;
}

static struct medes_sandbox *make(const char *name, const char *domain,
				  const char *function)
{
	struct medes_sandbox *sandbox = kzalloc_obj(*sandbox);

	if (!sandbox)
		return NULL;
	sandbox->domain = medes_domain_get(domain);
	if (!sandbox->domain)
		goto err_domain;
	sandbox->account = medes_account_new(sandbox->domain->seed);
	if (!sandbox->account)
		goto err_account;
	kref_init(&sandbox->ref);
	strscpy(sandbox->name, name, sizeof(sandbox->name));
	strscpy(sandbox->function, function, sizeof(sandbox->function));
	mutex_init(&sandbox->lock);
	INIT_LIST_HEAD(&sandbox->mms);
	sandbox->next_mm = 1;
	medes_queue_init(&sandbox->queue);
	INIT_WORK(&sandbox->update, update);
	INIT_DELAYED_WORK(&sandbox->expire, expire);
	return sandbox;

err_account:
	medes_domain_put(sandbox->domain);
err_domain:
	kfree(sandbox);
	return NULL;
}

/**
 * medes_sandbox_new() - make a sandbox without processes
 * @name: unique among sandboxes
 * @domain: with whom it may share pages
 * @function: a label of the daemon's
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: the sandbox, referenced, or ERR_PTR(): -EEXIST when the name is
 * taken, -ENOMEM.
 */
struct medes_sandbox *medes_sandbox_new(const char *name, const char *domain,
					const char *function,
					struct netlink_ext_ack *extack)
{
	struct medes_sandbox *sandbox = make(name, domain, function);
	int err;

	if (!sandbox)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&list_lock);
	err = insert(sandbox, extack);
	if (!err)
		kref_get(&sandbox->ref);
	mutex_unlock(&list_lock);
	if (!err)
		return sandbox;
	medes_sandbox_put(sandbox);
	return ERR_PTR(err);
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

	lockdep_assert_held(&list_lock);
	if (m && m->sandbox == sandbox)
		return 1;
	if (m) {
		NL_SET_ERR_MSG_FMT(extack, "process %d is in sandbox %s",
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
		mmput(mm);
	} else {
		NL_SET_ERR_MSG_FMT(extack, "process %u is exiting",
				   process->pid);
	}
	put_task_struct(task);
	return err;
}

/* Take out what came in from id on. */
static void detach_from(struct medes_sandbox *sandbox, u32 id)
{
	struct medes_mm *m, *next;
	LIST_HEAD(out);

	mutex_lock(&sandbox->lock);
	list_for_each_entry_safe(m, next, &sandbox->mms, node)
		if (m->id >= id && !test_and_set_bit(LEAVING, &m->leaving))
			list_move_tail(&m->node, &out);
	mutex_unlock(&sandbox->lock);
	list_for_each_entry_safe(m, next, &out, node) {
		detach(m);
		mm_free(m);
	}
}

/**
 * medes_sandbox_attach() - take processes into a sandbox
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
int medes_sandbox_attach(struct medes_sandbox *sandbox,
			 const struct medes_process *process, unsigned int n,
			 struct netlink_ext_ack *extack)
{
	u32 first;
	int err = 0;

	mutex_lock(&list_lock);
	if (sandbox->removed) {
		mutex_unlock(&list_lock);
		NL_SET_ERR_MSG(extack, "the sandbox is being removed");
		return -ENOENT;
	}
	first = sandbox->next_mm;
	for (unsigned int i = 0; i < n && err >= 0; i++)
		err = attach(sandbox, &process[i], extack);
	mutex_unlock(&list_lock);
	if (err < 0)
		detach_from(sandbox, first);
	medes_sandbox_update(sandbox);
	return min(err, 0);
}

/**
 * medes_sandbox_remove() - forget a sandbox
 * @sandbox: held by the caller
 *
 * Cancels what it has queued. Its deduplicated pages stay so and come back
 * when they are touched.
 *
 * Context: may sleep; waits for nothing but notifiers.
 */
void medes_sandbox_remove(struct medes_sandbox *sandbox)
{
	bool removed;

	mutex_lock(&list_lock);
	removed = sandbox->removed;
	sandbox->removed = true;
	if (!removed)
		xa_erase(&sandboxes, sandbox->id);
	mutex_unlock(&list_lock);
	if (removed)
		return;
	medes_queue_cancel(&sandbox->queue);
	detach_from(sandbox, 0);
	if (cancel_delayed_work(&sandbox->expire))
		medes_sandbox_put(sandbox);
	medes_sysfs_remove(sandbox);
	medes_sandbox_put(sandbox);
}

/**
 * medes_sandbox_find() - the sandbox of this id
 * @id: from user space
 *
 * Context: may sleep.
 * Return: the sandbox, referenced, or NULL.
 */
struct medes_sandbox *medes_sandbox_find(u32 id)
{
	struct medes_sandbox *sandbox;

	mutex_lock(&list_lock);
	sandbox = xa_load(&sandboxes, id);
	if (sandbox)
		kref_get(&sandbox->ref);
	mutex_unlock(&list_lock);
	return sandbox;
}

/**
 * medes_sandbox_next() - the first sandbox with this id or a greater one
 * @id: where to begin; its id on return. Begin with 0.
 *
 * Context: may sleep.
 * Return: the sandbox, referenced, or NULL at the end.
 */
struct medes_sandbox *medes_sandbox_next(u32 *id)
{
	struct medes_sandbox *sandbox;
	unsigned long i = *id;

	mutex_lock(&list_lock);
	sandbox = xa_find(&sandboxes, &i, U32_MAX, XA_PRESENT);
	if (sandbox) {
		kref_get(&sandbox->ref);
		*id = i;
	}
	mutex_unlock(&list_lock);
	return sandbox;
}

/**
 * medes_sandbox_mm_get() - the first address space with this id or a greater
 * @sandbox: held by the caller
 * @id: where to begin; its id on return
 *
 * Context: may sleep.
 * Return: the address space, held by mmget, or NULL when there is none alive.
 */
struct mm_struct *medes_sandbox_mm_get(struct medes_sandbox *sandbox, u32 *id)
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
 * medes_sandbox_exit() - remove all sandboxes
 *
 * Context: module exit, after the netlink family has gone.
 */
void medes_sandbox_exit(void)
{
	struct medes_sandbox *sandbox;
	u32 id = 0;

	while ((sandbox = medes_sandbox_next(&id))) {
		medes_sandbox_remove(sandbox);
		medes_sandbox_put(sandbox);
	}
	xa_destroy(&sandboxes);
	xa_destroy(&mms);
}
