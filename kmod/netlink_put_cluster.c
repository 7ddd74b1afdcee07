// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to user space about what nodes share; see netlink_put.c.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include "base.h"
#include "cache.h"
#include "cluster.h"
#include "device.h"
#include "export.h"
#include "incoming.h"
#include "netlink_message.h"
#include "netlink_put.h"
#include "peer.h"
#include "remote.h"

static int put_refused(struct sk_buff *skb, int type,
		       enum medes_wire_status status)
{
	return medes_put_u64(skb, type,
			     atomic64_read(&medes_cluster.refused[status]));
}

static int put_identity(struct sk_buff *skb)
{
	if (!medes_cluster_is_set())
		return 0;
	return nla_put_string(skb, MEDES_A_CLUSTER_NAME, medes_cluster.name) ||
	       nla_put_string(skb, MEDES_A_CLUSTER_NODE, medes_cluster.node) ||
	       nla_put_u16(skb, MEDES_A_CLUSTER_PORT, medes_cluster.port) ||
	       medes_put_u64(skb, MEDES_A_CLUSTER_NODE_ID,
			     medes_cluster.node_id);
}

/**
 * medes_put_cluster() - the cluster, but not its key
 * @skb: buffer
 * @info: request
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_cluster(struct sk_buff *skb, const struct genl_info *info)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = put_identity(skb) ||
	      nla_put_u32(skb, MEDES_A_CLUSTER_DEVICES,
			  medes_device_count()) ||
	      (medes_incoming_listens() &&
	       nla_put_flag(skb, MEDES_A_CLUSTER_LISTENING)) ||
	      put_refused(skb, MEDES_A_CLUSTER_REFUSED_VERSION,
			  MEDES_WIRE_BAD_VERSION) ||
	      put_refused(skb, MEDES_A_CLUSTER_REFUSED_CLUSTER,
			  MEDES_WIRE_BAD_CLUSTER) ||
	      put_refused(skb, MEDES_A_CLUSTER_REFUSED_KEY,
			  MEDES_WIRE_BAD_KEY) ||
	      put_refused(skb, MEDES_A_CLUSTER_REFUSED_TOKEN,
			  MEDES_WIRE_BAD_TOKEN) ||
	      put_refused(skb, MEDES_A_CLUSTER_REFUSED_MALFORMED,
			  MEDES_WIRE_MALFORMED);
	return medes_message_end(skb, head, err);
}

static int put_address(struct sk_buff *skb,
		       const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *in6 = (void *)address;
	const struct sockaddr_in *in = (void *)address;

	if (address->ss_family == AF_INET)
		return nla_put(skb, MEDES_A_PEER_ADDRESS,
			       sizeof(in->sin_addr), &in->sin_addr) ||
		       nla_put_u16(skb, MEDES_A_PEER_PORT,
				   ntohs(in->sin_port));
	return nla_put(skb, MEDES_A_PEER_ADDRESS, sizeof(in6->sin6_addr),
		       &in6->sin6_addr) ||
	       nla_put_u16(skb, MEDES_A_PEER_PORT, ntohs(in6->sin6_port));
}

/* What the peer's lock protects. */
static int put_state(struct sk_buff *skb, struct medes_peer *peer)
{
	int err;

	spin_lock(&peer->lock);
	err = (peer->name[0] &&
	       (nla_put_string(skb, MEDES_A_PEER_NAME, peer->name) ||
		medes_put_u64(skb, MEDES_A_PEER_NODE_ID, peer->node_id))) ||
	      nla_put_u32(skb, MEDES_A_PEER_STATE, peer->state) ||
	      nla_put_s32(skb, MEDES_A_PEER_ERROR, peer->error);
	spin_unlock(&peer->lock);
	return err;
}

/**
 * medes_put_peer() - a node
 * @skb: buffer
 * @info: request or event
 * @peer: the node
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_peer(struct sk_buff *skb, const struct genl_info *info,
		   struct medes_peer *peer)
{
	const struct {
		int type;
		atomic64_t *value;
	} counters[] = {
		{ MEDES_A_PEER_CONNECTS, &peer->connects },
		{ MEDES_A_PEER_READS, &peer->reads },
		{ MEDES_A_PEER_PAGES, &peer->pages },
		{ MEDES_A_PEER_FAILURES, &peer->failures },
		{ MEDES_A_PEER_READ_NS, &peer->read_ns },
		{ MEDES_A_PEER_BATCHES, &peer->batches },
	};
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = nla_put_u32(skb, MEDES_A_PEER_ID, peer->id) ||
	      put_address(skb, &peer->address) || put_state(skb, peer);
	for (unsigned int i = 0; i < ARRAY_SIZE(counters) && !err; i++)
		err = medes_put_u64(skb, counters[i].type,
				    atomic64_read(counters[i].value));
	return medes_message_end(skb, head, err);
}

static int put_replica(struct sk_buff *skb,
		       const struct medes_replica_info *replica)
{
	struct nlattr *nest = nla_nest_start(skb, MEDES_A_BASE_REPLICA);

	if (!nest ||
	    nla_put_u32(skb, MEDES_A_REPLICA_PEER, replica->peer) ||
	    medes_put_u64(skb, MEDES_A_REPLICA_BASE, replica->base) ||
	    medes_put_u64(skb, MEDES_A_REPLICA_GENERATION,
			  replica->generation) ||
	    nla_put_u32(skb, MEDES_A_REPLICA_STATE, replica->state))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * medes_put_base_shared() - what of a base is other nodes' business
 * @skb: buffer, in a message about the base
 * @base: the base
 *
 * Context: may sleep.
 * Return: 0, or not when @skb is full.
 */
int medes_put_base_shared(struct sk_buff *skb, struct medes_base *base)
{
	struct medes_replica_info replica;
	u64 generation;
	u32 leases;
	int err = 0;

	if (medes_export_look(base, &generation, &leases))
		return medes_put_u64(skb, MEDES_A_BASE_GENERATION,
				     generation) ||
		       nla_put_u32(skb, MEDES_A_BASE_LEASES, leases);
	if (!base->remote)
		return 0;
	for (unsigned int i = 0; !err && medes_remote_look(base, i, &replica);
	     i++)
		err = put_replica(skb, &replica);
	return err ?: nla_put_u32(skb, MEDES_A_BASE_CACHED,
				  medes_cache_count(base));
}

/**
 * medes_put_export() - the answer to who exports a base
 * @skb: buffer
 * @info: request
 * @id: of the base
 * @generation: of the export
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_export(struct sk_buff *skb, const struct genl_info *info, u64 id,
		     u64 generation)
{
	void *head = medes_message_begin(skb, info);

	if (!head)
		return -EMSGSIZE;
	return medes_message_end(skb, head,
				 medes_put_u64(skb, MEDES_A_BASE_ID, id) ||
				 medes_put_u64(skb, MEDES_A_BASE_GENERATION,
					       generation));
}

/**
 * medes_put_base_id() - the answer to who imports a base
 * @skb: buffer
 * @info: request
 * @id: of the base
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_base_id(struct sk_buff *skb, const struct genl_info *info, u64 id)
{
	void *head = medes_message_begin(skb, info);

	if (!head)
		return -EMSGSIZE;
	return medes_message_end(skb, head,
				 medes_put_u64(skb, MEDES_A_BASE_ID, id));
}

/**
 * medes_put_lease() - a lease on one of our bases
 * @skb: buffer
 * @info: request
 * @lease: the lease
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_lease(struct sk_buff *skb, const struct genl_info *info,
		    const struct medes_lease_info *lease)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = medes_put_u64(skb, MEDES_A_LEASE_BASE, lease->base) ||
	      medes_put_u64(skb, MEDES_A_LEASE_NODE_ID, lease->node_id) ||
	      nla_put_string(skb, MEDES_A_LEASE_NAME, lease->name) ||
	      medes_put_u64(skb, MEDES_A_LEASE_LEFT_MS, lease->left_ms);
	return medes_message_end(skb, head, err);
}
