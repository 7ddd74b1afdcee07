// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about the cluster: this node, its peers.
 *
 * Locks: none; a peer is referenced.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>
#include "cluster.h"
#include "netlink_gen.h"
#include "netlink_parse.h"
#include "netlink_put.h"
#include "peer.h"

/**
 * medes_nl_cluster_set_doit() - join a cluster
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_cluster_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name, *node;
	struct nlattr *key;
	int err;

	err = medes_nl_name(info, MEDES_A_CLUSTER_NAME, "name", &name) ?:
	      medes_nl_name(info, MEDES_A_CLUSTER_NODE, "node", &node) ?:
	      medes_nl_need(info, MEDES_A_CLUSTER_KEY, "key");
	if (err)
		return err;
	key = info->attrs[MEDES_A_CLUSTER_KEY];
	if (nla_len(key) < MEDES_KEY_MIN) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, key,
					"a key has at least %u bytes",
					MEDES_KEY_MIN);
		return -EINVAL;
	}
	return medes_cluster_set(name, node, nla_data(key), nla_len(key),
				 nla_get_u16_default(info->attrs[MEDES_A_CLUSTER_PORT],
						     MEDES_PORT),
				 info->extack);
}

static int answer(struct genl_info *info, struct sk_buff *msg, int err)
{
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

/**
 * medes_nl_cluster_get_doit() - show the cluster
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_cluster_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return -ENOMEM;
	return answer(info, msg, medes_put_cluster(msg, info));
}

static int parse_address(const struct genl_info *info,
			 struct sockaddr_storage *address)
{
	const struct nlattr *attr = info->attrs[MEDES_A_PEER_ADDRESS];
	u16 port = nla_get_u16_default(info->attrs[MEDES_A_PEER_PORT],
				       MEDES_PORT);
	struct sockaddr_in6 *in6 = (void *)address;
	struct sockaddr_in *in = (void *)address;

	if (medes_nl_need(info, MEDES_A_PEER_ADDRESS, "address"))
		return -EINVAL;
	switch (nla_len(attr)) {
	case sizeof(in->sin_addr):
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, nla_data(attr), sizeof(in->sin_addr));
		return 0;
	case sizeof(in6->sin6_addr):
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, nla_data(attr), sizeof(in6->sin6_addr));
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "an address has 4 bytes or 16");
	return -EINVAL;
}

static int reply_peer(struct genl_info *info, struct medes_peer *peer)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return -ENOMEM;
	return answer(info, msg, medes_put_peer(msg, info, peer));
}

/**
 * medes_nl_peer_new_doit() - know a node
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno and no node is known.
 */
int medes_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sockaddr_storage address = {};
	struct medes_peer *peer;
	int err = parse_address(info, &address);

	if (err)
		return err;
	peer = medes_peer_new(&address, info->extack);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = reply_peer(info, peer);
	if (err)
		medes_peer_del(peer->id, info->extack);
	medes_peer_put(peer);
	return err;
}

/**
 * medes_nl_peer_del_doit() - forget a node
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate; waits for the end of the connection.
 * Return: 0, or a negative errno.
 */
int medes_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (medes_nl_need(info, MEDES_A_PEER_ID, "peer id"))
		return -EINVAL;
	return medes_peer_del(nla_get_u32(info->attrs[MEDES_A_PEER_ID]),
			      info->extack);
}

/**
 * medes_nl_peer_get_doit() - show a node
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[MEDES_A_PEER_ID];
	struct medes_peer *peer;
	int err;

	if (medes_nl_need(info, MEDES_A_PEER_ID, "peer id"))
		return -EINVAL;
	peer = medes_peer_find(nla_get_u32(attr));
	if (!peer) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"no peer has the id %u",
					nla_get_u32(attr));
		return -ENOENT;
	}
	err = reply_peer(info, peer);
	medes_peer_put(peer);
	return err;
}

/**
 * medes_nl_peer_get_dumpit() - list nodes
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate.
 * Return: 0 at the end, -EMSGSIZE when @skb is full.
 */
int medes_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *next = (void *)cb->ctx;
	struct medes_peer *peer;
	u32 id = *next;
	int err = 0;

	while (*next <= U32_MAX) {
		peer = medes_peer_next(&id);
		if (!peer)
			break;
		err = medes_put_peer(skb, genl_info_dump(cb), peer);
		medes_peer_put(peer);
		if (err)
			break;
		*next = (u64)id++ + 1;
	}
	return err;
}
