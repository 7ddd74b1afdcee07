// SPDX-License-Identifier: GPL-2.0
/*
 * Sandboxes: their list, their state, their life. Their address spaces are in
 * mm.c.
 *
 * A sandbox whose last process has gone is dead, may be revived by an attach
 * (exec), and is removed some seconds later. What it had deduplicated is not
 * its own any more: records refer to the account and outlive it.
 */
#include <linux/slab.h>
#include <net/netlink.h>
#include "domain.h"
#include "mm.h"
#include "netlink.h"
#include "sandbox.h"
#include "stats.h"
#include "sysfs.h"
#include "trace.h"

/* How long a dead sandbox can be revived. */
#define EXPIRE_DELAY (5 * HZ)

DEFINE_MUTEX(medes_sandbox_mutex);	/* see sandbox.h */
static DEFINE_XARRAY_ALLOC(sandboxes);	/* id -> sandbox */
static u32 cursor;

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

/* Forget a sandbox; if it is to be dead for that, only if it is. */
static void forget(struct medes_sandbox *sandbox, bool dead)
{
	bool now;

	mutex_lock(&medes_sandbox_mutex);
	now = !sandbox->removed && !(dead && !list_empty(&sandbox->mms));
	if (now) {
		sandbox->removed = true;
		xa_erase(&sandboxes, sandbox->id);
	}
	mutex_unlock(&medes_sandbox_mutex);
	if (!now)
		return;
	medes_queue_cancel(&sandbox->queue);
	medes_mm_detach_all(sandbox);
	if (cancel_delayed_work(&sandbox->expire))
		medes_sandbox_put(sandbox);
	medes_sysfs_remove(sandbox);
	medes_sandbox_put(sandbox);
}

static void expire(struct work_struct *work)
{
	struct medes_sandbox *sandbox = container_of(to_delayed_work(work),
						     struct medes_sandbox,
						     expire);

	forget(sandbox, true);
	medes_sandbox_put(sandbox);
}

static enum medes_sandbox_state derive(struct medes_sandbox *sandbox)
{
	struct medes_account *account = sandbox->account;

	lockdep_assert_held(&sandbox->lock);
	if (list_empty(&sandbox->mms) && sandbox->next_mm > 1)
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
	WRITE_ONCE(sandbox->state, state);
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
 * Context: process; does not sleep, so page table locks may be held.
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

/**
 * medes_sandbox_tell() - tell of a sandbox whose counters say something new
 * @id: of the sandbox, which may have gone
 *
 * Context: may sleep.
 */
void medes_sandbox_tell(u32 id)
{
	struct medes_sandbox *sandbox = medes_sandbox_find(id);

	if (!sandbox)
		return;
	medes_notify_sandbox(sandbox);
	medes_sandbox_put(sandbox);
}

static int insert(struct medes_sandbox *sandbox, struct netlink_ext_ack *extack)
{
	struct medes_sandbox *other;
	unsigned long i;
	int err;

	lockdep_assert_held(&medes_sandbox_mutex);
	xa_for_each(&sandboxes, i, other) {
		if (strcmp(other->name, sandbox->name))
			continue;
		NL_SET_ERR_MSG_FMT(extack, "a sandbox named %.40s exists",
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
	mutex_lock(&medes_sandbox_mutex);
	err = insert(sandbox, extack);
	if (!err)
		kref_get(&sandbox->ref);
	mutex_unlock(&medes_sandbox_mutex);
	if (!err)
		return sandbox;
	medes_sandbox_put(sandbox);
	return ERR_PTR(err);
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
	forget(sandbox, false);
}

/**
 * medes_sandbox_left() - an address space has left the sandbox
 * @sandbox: held by the caller
 *
 * If that was the last one, the sandbox is removed some seconds later.
 *
 * Context: may sleep.
 */
void medes_sandbox_left(struct medes_sandbox *sandbox)
{
	if (medes_sandbox_update(sandbox) != MEDES_SANDBOX_STATE_DEAD)
		return;
	mutex_lock(&medes_sandbox_mutex);
	if (!sandbox->removed &&
	    queue_delayed_work(medes_wq, &sandbox->expire, EXPIRE_DELAY))
		kref_get(&sandbox->ref);
	mutex_unlock(&medes_sandbox_mutex);
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

	mutex_lock(&medes_sandbox_mutex);
	sandbox = xa_load(&sandboxes, id);
	if (sandbox)
		kref_get(&sandbox->ref);
	mutex_unlock(&medes_sandbox_mutex);
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

	mutex_lock(&medes_sandbox_mutex);
	sandbox = xa_find(&sandboxes, &i, U32_MAX, XA_PRESENT);
	if (sandbox) {
		kref_get(&sandbox->ref);
		*id = i;
	}
	mutex_unlock(&medes_sandbox_mutex);
	return sandbox;
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
	/* A release() that took an address space out may still be queueing. */
	mmu_notifier_synchronize();
	xa_destroy(&sandboxes);
	medes_mm_exit();
}
