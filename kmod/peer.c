// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes whose bases we read.
 *
 * Each has a work item that does all there is to do with it, one thing after the
 * other: connect, and when that fails again later, each time later than before;
 * ask now and then whether it is still there; lease what is imported from it, and
 * again before the lease ends. A connection that fails kicks it.
 *
 * No lease needs user space, nor does connecting again: records must come back
 * whatever became of the daemon. The queue has a rescuer, as faults wait for it.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/netlink.h>
#include "cluster.h"
#include "conn.h"
#include "netlink.h"
#include "peer.h"
#include "remote.h"
#include "session.h"
#include "survey.h"
#include "trace.h"

/* How long to wait before trying again. */
#define BACKOFF_MIN 100
#define BACKOFF_MAX 2000

/*
 * A node that is not heard of for so long, and half a second, is away. It takes us
 * for away after a lease's time, which may be short.
 */
#define PING_MS 500U
#define PING_MS_MIN 20U

DECLARE_WAIT_QUEUE_HEAD(medes_peer_changed);

/* A lease to give back. */
struct release {
	struct list_head node;
	u64 base;
	u64 generation;
};

static DEFINE_MUTEX(lock);	/* which peers there are */
static DEFINE_XARRAY_ALLOC(peers);
static u32 cursor;
static struct workqueue_struct *queue;

static void peer_free(struct kref *ref)
{
	kfree(container_of(ref, struct medes_peer, ref));
}

/**
 * medes_peer_put() - drop a reference
 * @peer: from medes_peer_new(), _find() or _next()
 *
 * Context: any.
 */
void medes_peer_put(struct medes_peer *peer)
{
	kref_put(&peer->ref, peer_free);
}

/**
 * medes_peer_kick() - have a peer's work done now
 * @peer: held by the caller
 *
 * Context: any.
 */
void medes_peer_kick(struct medes_peer *peer)
{
	WRITE_ONCE(peer->kicked, true);
	mod_delayed_work(queue, &peer->work, 0);
}

/**
 * medes_peer_session() - use the connection to a node
 * @peer: held by the caller
 *
 * Context: any.
 * Return: the session, for medes_session_put(), or NULL while there is none.
 */
struct medes_session *medes_peer_session(struct medes_peer *peer)
{
	struct medes_session *session;

	spin_lock(&peer->lock);
	session = peer->session;
	if (session && READ_ONCE(session->lost))
		session = NULL;
	if (session)
		atomic_inc(&session->users);
	spin_unlock(&peer->lock);
	return session;
}

/**
 * medes_peer_is_away() - is it away for so long that it counts as lost?
 * @peer: held by the caller
 * @ms: how long
 *
 * Context: any.
 * Return: true if so.
 */
bool medes_peer_is_away(struct medes_peer *peer, unsigned int ms)
{
	bool away;

	spin_lock(&peer->lock);
	away = peer->state != MEDES_PEER_STATE_UP &&
	       time_after_eq(jiffies, peer->since + msecs_to_jiffies(ms));
	spin_unlock(&peer->lock);
	return away;
}

static void set_state(struct medes_peer *peer, enum medes_peer_state state,
		      struct medes_session *session, int error)
{
	bool changed;

	spin_lock(&peer->lock);
	changed = peer->state != state;
	/* from now on it is away */
	if (peer->state == MEDES_PEER_STATE_UP)
		peer->since = jiffies;
	peer->state = state;
	peer->session = session;
	if (error)
		peer->error = error;
	spin_unlock(&peer->lock);
	wake_up_all(&medes_peer_changed);
	if (!changed)
		return;
	trace_medes_peer(peer->id, state, error);
	medes_survey_soon();
	medes_notify_peer(peer);
}

static int refusal_error(int refused)
{
	switch (refused) {
	case MEDES_WIRE_BAD_VERSION:
		return -EPROTONOSUPPORT;
	case MEDES_WIRE_BAD_CLUSTER:
		return -ENETUNREACH;
	case MEDES_WIRE_BAD_KEY:
	case MEDES_WIRE_BAD_TOKEN:
		return -EACCES;
	case MEDES_WIRE_MALFORMED:
		return -EPROTO;
	}
	return 0;
}

/* Try; return how many ms until the next try, 0 when it worked. */
static unsigned int try_connect(struct medes_peer *peer)
{
	struct medes_session *session;
	int refused, error;

	session = medes_session_open(peer, &refused);
	if (!IS_ERR(session)) {
		atomic64_inc(&peer->connects);
		peer->backoff = BACKOFF_MIN;
		peer->kicked = true;
		set_state(peer, MEDES_PEER_STATE_UP, session, 0);
		return 0;
	}
	error = refusal_error(refused);
	if (error) {
		set_state(peer, MEDES_PEER_STATE_REFUSED, NULL, error);
		return BACKOFF_MAX;
	}
	set_state(peer, MEDES_PEER_STATE_DOWN, NULL, PTR_ERR(session));
	peer->backoff = min(2 * peer->backoff, BACKOFF_MAX);
	return peer->backoff / 2;
}

static void drop_session(struct medes_peer *peer)
{
	struct medes_session *session = peer->session;

	set_state(peer, MEDES_PEER_STATE_DOWN, NULL, -ENOTCONN);
	medes_session_close(session);
	peer->backoff = BACKOFF_MIN;
}

static struct release *next_release(struct medes_peer *peer)
{
	struct release *release;

	spin_lock(&peer->lock);
	release = list_first_entry_or_null(&peer->releases, struct release,
					   node);
	if (release)
		list_del(&release->node);
	spin_unlock(&peer->lock);
	return release;
}

static void give_back(struct medes_peer *peer, struct medes_session *session)
{
	struct release *release;

	while ((release = next_release(peer))) {
		struct medes_wire_message message = {
			.type = cpu_to_le16(MEDES_WIRE_RELEASE),
			.lease.base = cpu_to_le64(release->base),
			.lease.generation = cpu_to_le64(release->generation),
		};

		medes_session_ask(session, &message);
		kfree(release);
	}
}

/* Of one that is connected. */
static void tend(struct medes_peer *peer, struct medes_session *session)
{
	struct medes_wire_message message = {
		.type = cpu_to_le16(MEDES_WIRE_PING),
	};
	unsigned long every = msecs_to_jiffies(session->lease_ms / 3);

	give_back(peer, session);
	if (!xchg(&peer->kicked, false) &&
	    time_before(jiffies, peer->leased + every)) {
		medes_session_ask(session, &message);
		return;
	}
	peer->leased = jiffies;
	medes_remote_lease(peer, session);
	wake_up_all(&medes_peer_changed);
}

static void peer_work(struct work_struct *work)
{
	struct medes_peer *peer = container_of(to_delayed_work(work),
					       struct medes_peer, work);
	unsigned int delay = 0;

	if (peer->session && READ_ONCE(peer->session->lost))
		drop_session(peer);
	if (READ_ONCE(peer->stop))
		return;
	if (!peer->session)
		delay = try_connect(peer);
	if (peer->session) {
		tend(peer, peer->session);
		delay = clamp(peer->session->lease_ms / 3, PING_MS_MIN, PING_MS);
		if (READ_ONCE(peer->session->lost) || READ_ONCE(peer->kicked))
			delay = 0;
	}
	/* a connection that failed to be made has kicked, too: not so soon */
	mod_delayed_work(queue, &peer->work, msecs_to_jiffies(delay));
}

/**
 * medes_peer_new() - know a node
 * @address: its address and port
 * @extack: for the reason of a refusal
 *
 * Context: may sleep.
 * Return: the peer, referenced, or ERR_PTR(): -EEXIST when it is known, -ENONET
 * without a cluster, -ENOMEM.
 */
struct medes_peer *medes_peer_new(const struct sockaddr_storage *address,
				  struct netlink_ext_ack *extack)
{
	struct medes_peer *peer, *other;
	unsigned long i;
	int err = 0;

	if (!medes_cluster_is_set()) {
		NL_SET_ERR_MSG(extack, "the node is in no cluster: cluster-set comes first");
		return ERR_PTR(-ENONET);
	}
	peer = kzalloc_obj(*peer);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	kref_init(&peer->ref);
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->releases);
	INIT_DELAYED_WORK(&peer->work, peer_work);
	peer->address = *address;
	peer->since = jiffies;
	peer->backoff = BACKOFF_MIN;

	mutex_lock(&lock);
	xa_for_each(&peers, i, other)
		if (!memcmp(&other->address, address, sizeof(*address)))
			err = -EEXIST;
	if (err)
		NL_SET_ERR_MSG(extack, "a peer of this address and port is known");
	else
		err = xa_alloc_cyclic(&peers, &peer->id, peer,
				      XA_LIMIT(1, U32_MAX), &cursor,
				      GFP_KERNEL);
	if (err >= 0) {
		kref_get(&peer->ref);
		queue_delayed_work(queue, &peer->work, 0);
	}
	mutex_unlock(&lock);
	if (err >= 0)
		return peer;
	kfree(peer);
	return ERR_PTR(err);
}

/**
 * medes_peer_find() - the peer of this id
 * @id: from user space
 *
 * Context: may sleep.
 * Return: the peer, referenced, or NULL.
 */
struct medes_peer *medes_peer_find(u32 id)
{
	struct medes_peer *peer;

	mutex_lock(&lock);
	peer = xa_load(&peers, id);
	if (peer)
		kref_get(&peer->ref);
	mutex_unlock(&lock);
	return peer;
}

/**
 * medes_peer_next() - the first peer with this id or a greater one
 * @id: where to begin; its id on return. Begin with 0.
 *
 * Context: may sleep.
 * Return: the peer, referenced, or NULL at the end.
 */
struct medes_peer *medes_peer_next(u32 *id)
{
	struct medes_peer *peer;
	unsigned long i = *id;

	mutex_lock(&lock);
	peer = xa_find(&peers, &i, U32_MAX, XA_PRESENT);
	if (peer) {
		kref_get(&peer->ref);
		*id = i;
	}
	mutex_unlock(&lock);
	return peer;
}

static void end(struct medes_peer *peer)
{
	struct release *release;

	/* leases that are to be given back are, if there is a way */
	if (READ_ONCE(peer->session)) {
		medes_peer_kick(peer);
		flush_delayed_work(&peer->work);
	}
	WRITE_ONCE(peer->stop, true);
	disable_delayed_work_sync(&peer->work);
	if (peer->session)
		drop_session(peer);
	while ((release = next_release(peer)))
		kfree(release);
	medes_peer_put(peer);
}

/**
 * medes_peer_del() - forget a node
 * @id: its
 * @extack: for the reason of a refusal
 *
 * Context: may sleep, until the connection has ended.
 * Return: 0, -ENOENT, -EBUSY while a base is imported from it.
 */
int medes_peer_del(u32 id, struct netlink_ext_ack *extack)
{
	struct medes_peer *peer;
	int err = 0;

	mutex_lock(&lock);
	peer = xa_load(&peers, id);
	if (!peer) {
		NL_SET_ERR_MSG_FMT(extack, "no peer has the id %u", id);
		err = -ENOENT;
	} else if (atomic_read(&peer->replicas)) {
		NL_SET_ERR_MSG_FMT(extack, "%d bases are imported from the peer",
				   atomic_read(&peer->replicas));
		err = -EBUSY;
	} else {
		xa_erase(&peers, id);
	}
	mutex_unlock(&lock);
	if (!err)
		end(peer);
	return err;
}

/**
 * medes_peer_release() - give a lease back, soon
 * @peer: held by the caller
 * @base: its id there
 * @generation: of it
 *
 * Without memory the lease ends by itself.
 *
 * Context: may sleep.
 */
void medes_peer_release(struct medes_peer *peer, u64 base, u64 generation)
{
	struct release *release = kmalloc_obj(*release);

	if (!release)
		return;
	release->base = base;
	release->generation = generation;
	spin_lock(&peer->lock);
	list_add_tail(&release->node, &peer->releases);
	spin_unlock(&peer->lock);
	medes_peer_kick(peer);
}

/**
 * medes_peers_hurry() - try all peers again: there may be a way now
 *
 * Context: may sleep.
 */
void medes_peers_hurry(void)
{
	struct medes_peer *peer;
	unsigned long i;

	mutex_lock(&lock);
	xa_for_each(&peers, i, peer)
		medes_peer_kick(peer);
	mutex_unlock(&lock);
}

/**
 * medes_peers_leave() - a device goes
 * @dev: whose sessions end soon after this
 *
 * Context: may sleep.
 */
void medes_peers_leave(struct medes_device *dev)
{
	struct medes_session *session;
	struct medes_peer *peer;
	unsigned long i;

	mutex_lock(&lock);
	xa_for_each(&peers, i, peer) {
		session = medes_peer_session(peer);
		if (!session)
			continue;
		if (session->control->dev == dev)
			medes_session_lose(session);
		medes_session_put(session);
	}
	mutex_unlock(&lock);
}

/**
 * medes_peer_init() - prepare for peers
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_peer_init(void)
{
	queue = alloc_workqueue("medes-reader", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return queue ? 0 : -ENOMEM;
}

/**
 * medes_peer_exit() - forget all peers
 *
 * Context: module exit; there are no records, so nothing is read.
 */
void medes_peer_exit(void)
{
	struct medes_peer *peer;
	unsigned long i;

	xa_for_each(&peers, i, peer) {
		xa_erase(&peers, i);
		end(peer);
	}
	destroy_workqueue(queue);
	xa_destroy(&peers);
}
