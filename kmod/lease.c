// SPDX-License-Identifier: GPL-2.0
/*
 * Leases on bases of other nodes, and with them the keys by which pages are read.
 *
 * All of it is done by the peer's own work, one base after the other. Nothing is
 * locked while a node is asked or its table is read: base and replica are held, and
 * when a replica has been removed meanwhile, what was granted is given back. So one
 * slow node delays neither another's leases nor a request of user space.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "base.h"
#include "peer.h"
#include "read.h"
#include "replica.h"
#include "survey.h"
#include "table.h"
#include "wire.h"

/* Are its keys those of this session? */
static bool has_keys(struct medes_remote *remote, struct medes_replica *replica,
		     const struct medes_session *session)
{
	bool has;

	spin_lock(&remote->lock);
	has = replica->state == MEDES_REPLICA_STATE_READY &&
	      replica->serial == session->serial;
	spin_unlock(&remote->lock);
	return has;
}

static void refuse(struct medes_remote *remote, struct medes_replica *replica)
{
	medes_replica_enter(remote, replica, MEDES_REPLICA_STATE_REFUSED);
	medes_survey_soon();
}

static int take_keys(struct medes_remote *remote, struct medes_replica *replica,
		     const struct medes_wire_table *table, u32 serial)
{
	const struct medes_wire_extent *extent = medes_wire_extents(table);
	u32 extents = le32_to_cpu(table->extents);
	struct medes_read_from *key, *old = NULL;
	bool listed;

	key = kvmalloc_objs(*key, extents);
	if (!key)
		return -ENOMEM;
	for (u32 i = 0; i < extents; i++) {
		key[i].iova = le64_to_cpu(extent[i].iova);
		key[i].rkey = le32_to_cpu(extent[i].rkey);
	}
	spin_lock(&remote->lock);
	listed = replica->listed;
	if (listed) {
		old = replica->key;
		replica->key = key;
		replica->serial = serial;
		replica->state = MEDES_REPLICA_STATE_READY;
	}
	spin_unlock(&remote->lock);
	kvfree(listed ? old : key);
	if (listed)
		medes_survey_soon();
	return 0;
}

/* Where the pages are; the first time also which. */
static void learn(struct medes_remote *remote, struct medes_replica *replica,
		  struct medes_session *session,
		  const struct medes_wire_grant *grant)
{
	struct medes_wire_table *table = medes_table_read(session, grant);
	int err = PTR_ERR_OR_ZERO(table);

	if (!err) {
		err = medes_table_take(remote, table) ?:
		      take_keys(remote, replica, table, session->serial);
		kvfree(table);
	}
	if (err == -ESTALE || err == -EPROTO)
		refuse(remote, replica);
}

/* A lease, or a renewed one; and where the pages are, if that is not known. */
static void lease(struct medes_remote *remote, struct medes_replica *replica,
		  struct medes_session *session)
{
	struct medes_wire_message message = {
		.type = cpu_to_le16(MEDES_WIRE_LEASE),
		.lease.base = cpu_to_le64(replica->base),
		.lease.generation = cpu_to_le64(replica->generation),
	};
	int err = medes_session_ask(session, &message);

	if (err == MEDES_WIRE_NO_BASE) {
		refuse(remote, replica);
		return;
	}
	if (err)
		return;
	/* it has to be the answer to what was asked */
	if (message.grant.base != cpu_to_le64(replica->base) ||
	    message.grant.generation != cpu_to_le64(replica->generation))
		refuse(remote, replica);
	else if (!has_keys(remote, replica, session))
		learn(remote, replica, session, &message.grant);
	if (!READ_ONCE(replica->listed))
		medes_peer_release(replica->peer, replica->base,
				   replica->generation);
}

/**
 * medes_remote_lease() - lease what is imported from a node, and what was leased
 * @peer: the node
 * @session: with it
 *
 * Context: the peer's work; may sleep, for as long as the node takes.
 */
void medes_remote_lease(struct medes_peer *peer, struct medes_session *session)
{
	struct medes_remote *remote = NULL;
	struct medes_replica *replica;

	while ((remote = medes_remote_next(remote))) {
		replica = medes_replica_of(remote, peer);
		if (!replica)
			continue;
		if (!READ_ONCE(session->lost))
			lease(remote, replica, session);
		medes_replica_put(replica);
	}
}
