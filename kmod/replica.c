// SPDX-License-Identifier: GPL-2.0
/*
 * Replicas, for who reads: which node is asked for pages, and whether there is
 * one at all.
 *
 * A replica is used in the very session in which its keys were learned: a key of
 * an older one would make the queue pair fail, and with it what others read. So a
 * node that has gone and come back is not asked before its table was read again
 * (lease.c), and one that is known to be away is not asked at all.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include "base.h"
#include "cache.h"
#include "limits.h"
#include "peer.h"
#include "read.h"
#include "replica.h"

/**
 * medes_replica_new() - a replica that waits to be leased
 * @info: what user space says
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: the replica, referenced, of no base yet; ERR_PTR(): -ENOENT, -ENOMEM.
 */
struct medes_replica *medes_replica_new(const struct medes_replica_info *info,
					struct netlink_ext_ack *extack)
{
	struct medes_replica *replica = kzalloc_obj(*replica);

	if (!replica)
		return ERR_PTR(-ENOMEM);
	kref_init(&replica->ref);
	replica->peer = medes_peer_find(info->peer);
	if (!replica->peer) {
		kfree(replica);
		NL_SET_ERR_MSG_FMT(extack, "no peer has the id %u", info->peer);
		return ERR_PTR(-ENOENT);
	}
	replica->base = info->base;
	replica->generation = info->generation;
	replica->state = MEDES_REPLICA_STATE_WAITING;
	return replica;
}

static void replica_free(struct kref *ref)
{
	struct medes_replica *replica = container_of(ref, struct medes_replica,
						     ref);

	medes_peer_put(replica->peer);
	kvfree(replica->key);
	kfree(replica);
}

/**
 * medes_replica_put() - drop a reference
 * @replica: from medes_replica_new() or _of()
 *
 * Context: may sleep.
 */
void medes_replica_put(struct medes_replica *replica)
{
	kref_put(&replica->ref, replica_free);
}

/**
 * medes_replica_of() - a node's replica of a base, if it may be leased
 * @remote: of the base, held by the caller
 * @peer: the node
 *
 * Context: any.
 * Return: the replica, referenced; NULL when there is none, or it was refused.
 */
struct medes_replica *medes_replica_of(struct medes_remote *remote,
				       struct medes_peer *peer)
{
	struct medes_replica *found = NULL;

	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr; i++)
		if (remote->replica[i]->peer == peer &&
		    remote->replica[i]->state != MEDES_REPLICA_STATE_REFUSED)
			found = remote->replica[i];
	if (found)
		kref_get(&found->ref);
	spin_unlock(&remote->lock);
	return found;
}

/**
 * medes_replica_enter() - a replica has another state
 * @remote: its base's
 * @replica: the replica
 * @state: the state
 *
 * Context: any.
 * Return: false when it is the base's no more, and nothing is changed.
 */
bool medes_replica_enter(struct medes_remote *remote,
			 struct medes_replica *replica,
			 enum medes_replica_state state)
{
	bool listed;

	spin_lock(&remote->lock);
	listed = replica->listed;
	if (listed)
		replica->state = state;
	spin_unlock(&remote->lock);
	return listed;
}

/* Its node's session, if pages can be read in it now. */
static struct medes_session *session_of(const struct medes_replica *replica)
{
	struct medes_session *session;

	if (replica->state != MEDES_REPLICA_STATE_READY)
		return NULL;
	session = medes_peer_session(replica->peer);
	if (!session || session->serial == replica->serial)
		return session;
	medes_session_put(session);
	return NULL;
}

/**
 * medes_remote_pick() - where to read pages from
 * @base: imported, held by the caller
 * @tried: replicas not to be picked, a bit each; the one picked is added
 * @want: pages of this base
 * @nr: of them
 * @from: receives where each is
 *
 * Replicas take turns.
 *
 * Context: any.
 * Return: a session with the node, used by the caller, or NULL when none of the
 * others is ready.
 */
struct medes_session *medes_remote_pick(struct medes_base *base,
					unsigned int *tried,
					const struct medes_want *want,
					unsigned int nr,
					struct medes_read_from *from)
{
	struct medes_remote *remote = base->remote;
	unsigned int begin = atomic_inc_return(&remote->next);
	struct medes_session *session = NULL;

	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr && !session; i++) {
		const struct medes_replica *replica =
			remote->replica[(begin + i) % remote->nr];

		if (*tried & replica->bit)
			continue;
		session = session_of(replica);
		if (!session)
			continue;
		*tried |= replica->bit;
		for (unsigned int k = 0; k < nr; k++) {
			const struct medes_far *far = want[k].extent->far;

			from[k] = replica->key[far->nr];
			from[k].iova += far->at[want[k].slot] * PAGE_SIZE;
		}
	}
	spin_unlock(&remote->lock);
	return session;
}

/**
 * medes_remote_refuse() - a node does not let us read a base after all
 * @base: imported, held by the caller
 * @serial: of the session in which that became known
 *
 * Its next session may learn better.
 *
 * Context: any.
 */
void medes_remote_refuse(struct medes_base *base, u32 serial)
{
	struct medes_remote *remote = base->remote;

	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr; i++)
		if (remote->replica[i]->serial == serial &&
		    remote->replica[i]->state == MEDES_REPLICA_STATE_READY)
			remote->replica[i]->state = MEDES_REPLICA_STATE_WAITING;
	spin_unlock(&remote->lock);
}

/**
 * medes_remote_is_ready() - can a base be read?
 * @base: imported, held by the caller
 * @except: replicas that do not count, a bit each
 *
 * Context: any.
 * Return: true when a session with one of the others is ready.
 */
bool medes_remote_is_ready(struct medes_base *base, unsigned int except)
{
	unsigned int tried = except;
	struct medes_session *session = medes_remote_pick(base, &tried, NULL,
							  0, NULL);

	if (session)
		medes_session_put(session);
	return session;
}

/* May this replica give an answer yet? */
static bool may_answer(const struct medes_replica *replica)
{
	return replica->state != MEDES_REPLICA_STATE_REFUSED &&
	       !medes_peer_is_away(replica->peer,
				   READ_ONCE(medes_limits.read_timeout_ms));
}

/**
 * medes_remote_is_lost() - is there no use in waiting for a base?
 * @base: imported, held by the caller
 * @except: replicas that do not count, a bit each
 *
 * Context: any.
 * Return: true when every replica was refused, or is on a node that is away for as
 * long as anybody would wait.
 */
bool medes_remote_is_lost(struct medes_base *base, unsigned int except)
{
	struct medes_remote *remote = base->remote;
	bool lost = true;

	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr && lost; i++)
		lost = except & remote->replica[i]->bit ||
		       !may_answer(remote->replica[i]);
	spin_unlock(&remote->lock);
	return lost;
}

/**
 * medes_remote_reach() - who gives the pages of a base?
 * @base: imported, held by the caller
 *
 * Context: any.
 * Return: whether somebody does now, may again, or nobody any more.
 */
enum medes_reach medes_remote_reach(struct medes_base *base)
{
	struct medes_remote *remote = base->remote;
	bool refused = true;

	if (medes_remote_is_ready(base, 0))
		return MEDES_REACH_READY;
	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr && refused; i++)
		refused = remote->replica[i]->state ==
			  MEDES_REPLICA_STATE_REFUSED;
	spin_unlock(&remote->lock);
	return refused ? MEDES_REACH_ORPHANED : MEDES_REACH_AWAY;
}
