// SPDX-License-Identifier: GPL-2.0
/*
 * Imported bases.
 *
 * Its pages are on other nodes, its replicas, which all have the very same under
 * the same indexes. Where they are there is learned from the table of each, read
 * by RDMA once for every session; the first table that comes makes the base's
 * extents, every other has to agree with it, page for page, by the hashes.
 *
 * The peers' work leases and reads tables, one replica at a time; @leasing keeps
 * replicas from being added or removed meanwhile. Who wants to read takes @lock
 * only, for as long as it takes to look up some keys.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/netlink.h>
#include "base.h"
#include "cache.h"
#include "limits.h"
#include "peer.h"
#include "read.h"
#include "remote.h"
#include "wire.h"

/**
 * struct replica - a node that has the pages
 * @peer: the node, held
 * @base: its id there
 * @generation: of it
 * @state: under the remote base's lock
 * @serial: of the session in which @key is valid; likewise
 * @key: of each extent; likewise
 */
struct replica {
	struct medes_peer *peer;
	u64 base;
	u64 generation;
	enum medes_replica_state state;
	u32 serial;
	struct medes_read_from *key;
};

/**
 * struct medes_remote - where the pages of a base are
 * @node: in the list of all
 * @base: that has them; NULL until it is made
 * @leasing: protects @nr, @replica and @extents; held while a node is asked
 * @lock: protects @nr, @replica, and the state of each
 * @nr: of @replica
 * @replica: the nodes
 * @extents: of the table; 0 until the first was read
 * @next: replica to begin with
 */
struct medes_remote {
	struct list_head node;
	struct medes_base *base;
	struct mutex leasing;	/* who the replicas are, extents */
	spinlock_t lock;	/* who the replicas are, their state and keys */
	unsigned int nr;
	struct replica replica[MEDES_REPLICAS_MAX];
	u32 extents;
	atomic_t next;
};

static DEFINE_MUTEX(list_lock);	/* the list */
static LIST_HEAD(remotes);

atomic_t medes_remotes;

static int add(struct medes_remote *remote,
	       const struct medes_replica_info *info,
	       struct netlink_ext_ack *extack)
{
	struct replica *replica = &remote->replica[remote->nr];
	struct medes_peer *peer;

	lockdep_assert_held(&remote->leasing);
	if (remote->nr == MEDES_REPLICAS_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a base has at most %u replicas",
				   MEDES_REPLICAS_MAX);
		return -ENOSPC;
	}
	for (unsigned int i = 0; i < remote->nr; i++)
		if (remote->replica[i].peer->id == info->peer) {
			NL_SET_ERR_MSG_FMT(extack, "peer %u has a replica already",
					   info->peer);
			return -EEXIST;
		}
	peer = medes_peer_find(info->peer);
	if (!peer) {
		NL_SET_ERR_MSG_FMT(extack, "no peer has the id %u", info->peer);
		return -ENOENT;
	}
	atomic_inc(&peer->replicas);
	spin_lock(&remote->lock);
	replica->peer = peer;
	replica->base = info->base;
	replica->generation = info->generation;
	replica->state = MEDES_REPLICA_STATE_WAITING;
	replica->key = NULL;
	remote->nr++;
	spin_unlock(&remote->lock);
	return 0;
}

static void forget(struct replica *replica)
{
	atomic_dec(&replica->peer->replicas);
	if (replica->state == MEDES_REPLICA_STATE_READY)
		medes_peer_release(replica->peer, replica->base,
				   replica->generation);
	medes_peer_put(replica->peer);
	kvfree(replica->key);
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
		forget(&remote->replica[--remote->nr]);
	kfree(remote);
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
	mutex_init(&remote->leasing);
	spin_lock_init(&remote->lock);
	mutex_lock(&remote->leasing);
	for (unsigned int i = 0; i < nr && !err; i++)
		err = add(remote, &info[i], extack);
	mutex_unlock(&remote->leasing);
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
	for (unsigned int i = 0; i < nr; i++)
		medes_peer_kick(remote->replica[i].peer);
	return base;
}

/**
 * medes_remote_add() - know another node that has the pages
 * @base: imported, held by the caller
 * @info: the replica
 * @extack: for the reason of a refusal
 *
 * Context: may sleep, while another replica is leased.
 * Return: 0, -EEXIST, -ENOENT, -ENOSPC.
 */
int medes_remote_add(struct medes_base *base,
		     const struct medes_replica_info *info,
		     struct netlink_ext_ack *extack)
{
	struct medes_remote *remote = base->remote;
	int err;

	mutex_lock(&remote->leasing);
	err = add(remote, info, extack);
	if (!err)
		medes_peer_kick(remote->replica[remote->nr - 1].peer);
	mutex_unlock(&remote->leasing);
	return err;
}

static unsigned int count_ready(const struct medes_remote *remote)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < remote->nr; i++)
		n += remote->replica[i].state == MEDES_REPLICA_STATE_READY;
	return n;
}

/**
 * medes_remote_del() - read from a node no more
 * @base: imported, held by the caller
 * @info: the replica; only its peer counts
 * @force: although it is the last that is ready
 * @extack: for the reason of a refusal
 *
 * Context: may sleep, while another replica is leased.
 * Return: 0, -ENOENT, -EBUSY.
 */
int medes_remote_del(struct medes_base *base,
		     const struct medes_replica_info *info, bool force,
		     struct netlink_ext_ack *extack)
{
	struct medes_remote *remote = base->remote;
	struct replica gone = {};
	int err = -ENOENT;

	mutex_lock(&remote->leasing);
	spin_lock(&remote->lock);
	for (unsigned int i = 0; i < remote->nr; i++) {
		struct replica *replica = &remote->replica[i];

		if (replica->peer->id != info->peer)
			continue;
		err = 0;
		if (!force && atomic64_read(&base->users) &&
		    replica->state == MEDES_REPLICA_STATE_READY &&
		    count_ready(remote) == 1) {
			err = -EBUSY;
			break;
		}
		gone = *replica;
		*replica = remote->replica[--remote->nr];
		break;
	}
	spin_unlock(&remote->lock);
	mutex_unlock(&remote->leasing);
	if (gone.peer)
		forget(&gone);
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
	const struct replica *replica;
	bool found = false;

	if (!remote)
		return false;
	spin_lock(&remote->lock);
	if (nr < remote->nr) {
		replica = &remote->replica[nr];
		info->peer = replica->peer->id;
		info->base = replica->base;
		info->generation = replica->generation;
		info->state = replica->state;
		found = true;
	}
	spin_unlock(&remote->lock);
	return found;
}

/* Read part of a table: as many pages as one batch takes. */
static int read_some(struct medes_session *session, u8 *to, size_t len,
		     u64 iova, u32 rkey)
{
	unsigned int nr = DIV_ROUND_UP(len, PAGE_SIZE);
	struct medes_read_from from[MEDES_READ_PAGES];
	struct medes_read *read;
	int err;

	read = medes_read_new(nr, GFP_KERNEL);
	if (!read)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++) {
		from[i].iova = iova + i * PAGE_SIZE;
		from[i].rkey = rkey;
	}
	atomic_inc(&session->users);	/* of the batch */
	err = medes_read_post(read, session, from) ?: medes_read_wait(read);
	for (unsigned int i = 0; i < nr && !err; i++)
		memcpy(to + i * PAGE_SIZE, page_address(read->page[i]),
		       min(len - i * PAGE_SIZE, PAGE_SIZE));
	medes_read_put(read);
	return err;
}

/* The table that was granted; nothing of it is believed yet. */
static struct medes_wire_table *read_table(struct medes_session *session,
					   const struct medes_wire_grant *grant)
{
	u32 len = le32_to_cpu(grant->len);
	u64 iova = le64_to_cpu(grant->iova);
	u8 *table = kvmalloc(len, GFP_KERNEL);
	int err = 0;

	if (!table)
		return ERR_PTR(-ENOMEM);
	for (u32 at = 0; at < len && !err; at += MEDES_READ_PAGES * PAGE_SIZE)
		err = read_some(session, table + at,
				min(len - at, MEDES_READ_PAGES * PAGE_SIZE),
				iova + at, le32_to_cpu(grant->rkey));
	/* one that changes while it is read is none */
	if (!err && medes_xxh64(table, len, 0) != le64_to_cpu(grant->checksum))
		err = -EPROTO;
	err = err ?: medes_wire_check_table(table, len,
					    le64_to_cpu(grant->base),
					    le64_to_cpu(grant->generation));
	if (!err)
		return (void *)table;
	kvfree(table);
	return ERR_PTR(err);
}

/* The first table makes an extent. */
static int make_extent(struct medes_base *base, u32 nr,
		       const struct medes_wire_page *page, u32 n)
{
	u32 first = le32_to_cpu(page[0].index);
	u32 count = le32_to_cpu(page[n - 1].index) - first + 1;
	struct medes_extent *extent = medes_extent_new_far(base, first, count);
	int err = 0;

	if (IS_ERR(extent))
		return PTR_ERR(extent);
	extent->far->nr = nr;
	for (u32 i = 0; i < n && !err; i++) {
		u32 slot = le32_to_cpu(page[i].index) - first;

		extent->far->at[slot] = i;
		extent->far->hash[slot] = le64_to_cpu(page[i].hash);
		err = medes_extent_publish(extent, slot);
	}
	return err;
}

/* Every other has to agree. */
static int compare_extent(struct medes_base *base, u32 nr,
			  const struct medes_wire_page *page, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u32 index = le32_to_cpu(page[i].index);
		struct medes_extent *extent = xa_load(&base->pages, index);
		u32 slot;

		if (!extent || extent->far->nr != nr)
			return -ESTALE;
		slot = index - extent->first;
		if (extent->far->at[slot] != i ||
		    extent->far->hash[slot] != le64_to_cpu(page[i].hash))
			return -ESTALE;
	}
	return 0;
}

/* Make the base of a table, or see whether it is the same. */
static int take_table(struct medes_remote *remote,
		      const struct medes_wire_table *table)
{
	const struct medes_wire_extent *extent = medes_wire_extents(table);
	const struct medes_wire_page *page = medes_wire_pages(table);
	u32 extents = le32_to_cpu(table->extents);
	struct medes_base *base = remote->base;
	int err = 0;

	lockdep_assert_held(&remote->leasing);
	if (remote->extents && (remote->extents != extents ||
				atomic_read(&base->nr_pages) !=
				le32_to_cpu(table->pages)))
		return -ESTALE;
	for (u32 i = 0; i < extents && !err; i++) {
		u32 n = le32_to_cpu(extent[i].pages);

		/* some may have been made when memory was short for the rest */
		if (remote->extents ||
		    xa_load(&base->pages, le32_to_cpu(page->index)))
			err = compare_extent(base, i, page, n);
		else
			err = make_extent(base, i, page, n);
		page += n;
	}
	if (!err)
		remote->extents = extents;
	return err;
}

static int take_keys(struct medes_remote *remote, struct replica *replica,
		     const struct medes_wire_table *table, u32 serial)
{
	const struct medes_wire_extent *extent = medes_wire_extents(table);
	struct medes_read_from *key, *old;

	key = kvmalloc_objs(*key, remote->extents);
	if (!key)
		return -ENOMEM;
	for (u32 i = 0; i < remote->extents; i++) {
		key[i].iova = le64_to_cpu(extent[i].iova);
		key[i].rkey = le32_to_cpu(extent[i].rkey);
	}
	spin_lock(&remote->lock);
	old = replica->key;
	replica->key = key;
	replica->serial = serial;
	replica->state = MEDES_REPLICA_STATE_READY;
	spin_unlock(&remote->lock);
	kvfree(old);
	return 0;
}

static void set_state(struct medes_remote *remote, struct replica *replica,
		      enum medes_replica_state state)
{
	spin_lock(&remote->lock);
	replica->state = state;
	spin_unlock(&remote->lock);
}

/* A lease, or a renewed one; and where the pages are, if that is not known. */
static void lease(struct medes_remote *remote, struct replica *replica,
		  struct medes_session *session)
{
	struct medes_wire_message message = {
		.type = cpu_to_le16(MEDES_WIRE_LEASE),
		.lease.base = cpu_to_le64(replica->base),
		.lease.generation = cpu_to_le64(replica->generation),
	};
	struct medes_wire_table *table;
	int err;

	lockdep_assert_held(&remote->leasing);
	err = medes_session_ask(session, &message);
	if (err == MEDES_WIRE_NO_BASE) {
		set_state(remote, replica, MEDES_REPLICA_STATE_REFUSED);
		return;
	}
	if (err || (replica->state == MEDES_REPLICA_STATE_READY &&
		    replica->serial == session->serial))
		return;
	/* it has to be the answer to what was asked */
	if (message.grant.base != cpu_to_le64(replica->base) ||
	    message.grant.generation != cpu_to_le64(replica->generation)) {
		set_state(remote, replica, MEDES_REPLICA_STATE_REFUSED);
		return;
	}
	table = read_table(session, &message.grant);
	err = PTR_ERR_OR_ZERO(table);
	if (!err) {
		err = take_table(remote, table) ?:
		      take_keys(remote, replica, table, session->serial);
		kvfree(table);
	}
	if (err == -ESTALE || err == -EPROTO)
		set_state(remote, replica, MEDES_REPLICA_STATE_REFUSED);
}

/* The next imported base, held, and the one before no more. */
static struct medes_remote *next_remote(struct medes_remote *remote)
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

/**
 * medes_remote_lease() - lease what is imported from a node, and what was leased
 * @peer: the node
 * @session: with it
 *
 * Context: the peer's work; may sleep.
 */
void medes_remote_lease(struct medes_peer *peer, struct medes_session *session)
{
	struct medes_remote *remote = NULL;

	while ((remote = next_remote(remote))) {
		mutex_lock(&remote->leasing);
		for (unsigned int i = 0; i < remote->nr; i++) {
			struct replica *replica = &remote->replica[i];

			if (replica->peer == peer && !READ_ONCE(session->lost) &&
			    replica->state != MEDES_REPLICA_STATE_REFUSED)
				lease(remote, replica, session);
		}
		mutex_unlock(&remote->leasing);
	}
}

/**
 * medes_remote_pick() - where to read pages from
 * @base: imported, held by the caller
 * @tried: replicas not to be picked, a bit each; the one picked is added
 * @want: pages of this base
 * @nr: of them
 * @from: receives where each is
 *
 * Replicas take turns. The node's generation has been seen in this very session:
 * a key of an older one would make the queue pair fail.
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
		unsigned int n = (begin + i) % remote->nr;
		const struct replica *replica = &remote->replica[n];

		if (*tried & BIT(n) ||
		    replica->state != MEDES_REPLICA_STATE_READY)
			continue;
		session = medes_peer_session(replica->peer);
		if (session && session->serial != replica->serial) {
			medes_session_put(session);
			session = NULL;
		}
		if (!session)
			continue;
		*tried |= BIT(n);
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
		if (remote->replica[i].serial == serial &&
		    remote->replica[i].state == MEDES_REPLICA_STATE_READY)
			remote->replica[i].state = MEDES_REPLICA_STATE_WAITING;
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
static bool may_answer(const struct replica *replica)
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
		lost = except & BIT(i) || !may_answer(&remote->replica[i]);
	spin_unlock(&remote->lock);
	return lost;
}
