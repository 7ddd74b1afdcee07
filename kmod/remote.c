// SPDX-License-Identifier: GPL-2.0
/*
 * Imported bases.
 *
 * Its pages are on other nodes, its replicas, which all have the very same under
 * the same indexes. Which nodes those are, user space says and changes; here is the
 * list of them. What is in the base, and where on each node, comes from their tables
 * (table.c), which the peers' work reads when it leases the base (lease.c). Who wants
 * to read picks a replica (replica.c).
 *
 * No lock is held while a node is asked. A replica that is removed is gone for who
 * reads at once, and is freed when the peer's work has let go of it.
 */
#include <linux/slab.h>
#include <net/netlink.h>
#include "base.h"
#include "peer.h"
#include "replica.h"
#include "survey.h"

static DEFINE_MUTEX(list_lock);	/* the list */
static LIST_HEAD(remotes);

atomic_t medes_remotes;

static bool has_bit(const struct medes_remote *remote, unsigned int bit)
{
	for (unsigned int i = 0; i < remote->nr; i++)
		if (remote->replica[i]->bit == bit)
			return true;
	return false;
}

/* One that has gone may stand in a set still: its bit comes again as late as can be. */
static unsigned int next_bit(struct medes_remote *remote)
{
	unsigned int bit;

	lockdep_assert_held(&remote->lock);
	do
		bit = 1U << remote->made++ % 32;
	while (has_bit(remote, bit));
	return bit;
}

static int insert(struct medes_remote *remote, struct medes_replica *replica,
		  struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&remote->lock);
	for (unsigned int i = 0; i < remote->nr; i++)
		if (remote->replica[i]->peer == replica->peer) {
			NL_SET_ERR_MSG_FMT(extack, "peer %u has a replica already",
					   replica->peer->id);
			return -EEXIST;
		}
	if (remote->nr == MEDES_REPLICAS_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a base has at most %u replicas",
				   MEDES_REPLICAS_MAX);
		return -ENOSPC;
	}
	atomic_inc(&replica->peer->replicas);
	replica->bit = next_bit(remote);
	replica->listed = true;
	remote->replica[remote->nr++] = replica;
	return 0;
}

static int add(struct medes_remote *remote,
	       const struct medes_replica_info *info,
	       struct netlink_ext_ack *extack)
{
	struct medes_replica *replica = medes_replica_new(info, extack);
	int err;

	if (IS_ERR(replica))
		return PTR_ERR(replica);
	spin_lock(&remote->lock);
	err = insert(remote, replica, extack);
	spin_unlock(&remote->lock);
	if (err)
		medes_replica_put(replica);
	return err;
}

/* It is in the base's list no more. */
static void forget(struct medes_replica *replica)
{
	atomic_dec(&replica->peer->replicas);
	if (replica->state == MEDES_REPLICA_STATE_READY)
		medes_peer_release(replica->peer, replica->base,
				   replica->generation);
	medes_replica_put(replica);
}

/**
 * medes_remote_free() - the end of it
 * @remote: of a base that nobody can find any more
 *
 * Context: may sleep.
 */
void medes_remote_free(struct medes_remote *remote)
{
	mutex_lock(&list_lock);
	if (!list_empty(&remote->node))
		list_del(&remote->node);
	mutex_unlock(&list_lock);
	atomic_dec(&medes_remotes);
	while (remote->nr)
		forget(remote->replica[--remote->nr]);
	kfree(remote);
}

/* Have the nodes asked for it. */
static void kick(struct medes_remote *remote)
{
	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr; i++)
		medes_peer_kick(remote->replica[i]->peer);
	spin_unlock(&remote->lock);
}

/**
 * medes_remote_import() - make a base of pages on other nodes
 * @name: as of medes_base_new(), likewise @domain and @function
 * @info: its replicas
 * @nr: of them
 * @extack: for the reason of a refusal
 *
 * It has no pages until one of them is ready.
 *
 * Context: may sleep; waits for no node.
 * Return: the base, referenced, or ERR_PTR(): -EEXIST, -ENOENT for a peer that is
 * not known, -ENOSPC, -ENOMEM.
 */
struct medes_base *medes_remote_import(const char *name, const char *domain,
				       const char *function,
				       const struct medes_replica_info *info,
				       unsigned int nr,
				       struct netlink_ext_ack *extack)
{
	struct medes_remote *remote = kzalloc_obj(*remote);
	struct medes_base *base;
	int err = 0;

	if (!remote)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&medes_remotes);
	INIT_LIST_HEAD(&remote->node);
	mutex_init(&remote->tables);
	spin_lock_init(&remote->lock);
	for (unsigned int i = 0; i < nr && !err; i++)
		err = add(remote, &info[i], extack);
	base = err ? ERR_PTR(err) :
		     medes_base_new(name, domain, function, remote, extack);
	if (IS_ERR(base)) {
		medes_remote_free(remote);
		return base;
	}
	remote->base = base;
	mutex_lock(&list_lock);
	list_add_tail(&remote->node, &remotes);
	mutex_unlock(&list_lock);
	kick(remote);
	return base;
}

/**
 * medes_remote_add() - know another node that has the pages
 * @base: imported, held by the caller
 * @info: the replica
 * @extack: for the reason of a refusal
 *
 * Context: may sleep; waits for no node.
 * Return: 0, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM.
 */
int medes_remote_add(struct medes_base *base,
		     const struct medes_replica_info *info,
		     struct netlink_ext_ack *extack)
{
	int err = add(base->remote, info, extack);

	if (!err)
		kick(base->remote);
	return err;
}

/* Where a peer's replica stands, or nr. */
static unsigned int place_of(const struct medes_remote *remote, u32 peer)
{
	unsigned int i;

	lockdep_assert_held(&remote->lock);
	for (i = 0; i < remote->nr; i++)
		if (remote->replica[i]->peer->id == peer)
			break;
	return i;
}

/* Would records be left to nodes that cannot give their pages now? */
static bool is_needed(const struct medes_remote *remote, unsigned int i)
{
	if (!atomic64_read(&remote->base->users) ||
	    remote->replica[i]->state == MEDES_REPLICA_STATE_REFUSED)
		return false;
	for (unsigned int k = 0; k < remote->nr; k++)
		if (k != i &&
		    remote->replica[k]->state == MEDES_REPLICA_STATE_READY)
			return false;
	return true;
}

/**
 * medes_remote_del() - read from a node no more
 * @base: imported, held by the caller
 * @info: the replica; only its peer counts
 * @force: although records need it: no other is ready
 * @extack: for the reason of a refusal
 *
 * Context: may sleep; waits for no node.
 * Return: 0, -ENOENT, -EBUSY.
 */
int medes_remote_del(struct medes_base *base,
		     const struct medes_replica_info *info, bool force,
		     struct netlink_ext_ack *extack)
{
	struct medes_remote *remote = base->remote;
	struct medes_replica *gone = NULL;
	unsigned int i;
	int err = 0;

	spin_lock(&remote->lock);
	i = place_of(remote, info->peer);
	if (i == remote->nr) {
		err = -ENOENT;
	} else if (!force && is_needed(remote, i)) {
		err = -EBUSY;
	} else {
		gone = remote->replica[i];
		gone->listed = false;
		remote->replica[i] = remote->replica[--remote->nr];
	}
	spin_unlock(&remote->lock);
	if (gone) {
		forget(gone);
		medes_survey_soon();
	}
	if (err == -ENOENT)
		NL_SET_ERR_MSG_FMT(extack, "the base has no replica on peer %u",
				   info->peer);
	if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "records refer to the base, and no other replica is ready");
	return err;
}

/**
 * medes_remote_look() - one of the replicas of a base
 * @base: held by the caller
 * @nr: which, from 0
 * @info: receives it
 *
 * Context: any.
 * Return: false when there are not so many.
 */
bool medes_remote_look(struct medes_base *base, unsigned int nr,
		       struct medes_replica_info *info)
{
	struct medes_remote *remote = base->remote;
	const struct medes_replica *replica;
	bool found = false;

	if (!remote)
		return false;
	spin_lock(&remote->lock);
	if (nr < remote->nr) {
		replica = remote->replica[nr];
		info->peer = replica->peer->id;
		info->base = replica->base;
		info->generation = replica->generation;
		info->state = replica->state;
		found = true;
	}
	spin_unlock(&remote->lock);
	return found;
}

/**
 * medes_remote_next() - the next imported base
 * @remote: the one before, whose base is held no more; NULL: the first
 *
 * Context: may sleep.
 * Return: the next one, its base held, or NULL at the end.
 */
struct medes_remote *medes_remote_next(struct medes_remote *remote)
{
	struct medes_remote *next = NULL;
	struct list_head *at;

	mutex_lock(&list_lock);
	for (at = remote ? remote->node.next : remotes.next; at != &remotes;
	     at = at->next) {
		next = list_entry(at, struct medes_remote, node);
		/* one that nobody holds is about to leave the list */
		if (kref_get_unless_zero(&next->base->ref))
			break;
		next = NULL;
	}
	mutex_unlock(&list_lock);
	if (remote)
		medes_base_put(remote->base);
	return next;
}
