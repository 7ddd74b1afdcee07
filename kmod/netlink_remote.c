// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about bases that nodes share: export and import, replicas, copies,
 * leases.
 *
 * Locks: none; a base is referenced.
 */
#include <net/genetlink.h>
#include "base.h"
#include "export.h"
#include "netlink_gen.h"
#include "netlink_parse.h"
#include "netlink_put.h"
#include "op.h"
#include "remote.h"

static int answer(struct genl_info *info, struct sk_buff *msg, int err)
{
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

/**
 * medes_nl_base_export_doit() - let other nodes read a base
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_base_export_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_base *base = medes_nl_base(info, MEDES_A_BASE_ID);
	struct sk_buff *msg;
	u64 generation;
	int err;

	if (IS_ERR(base))
		return PTR_ERR(base);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = -ENOMEM;
	if (msg) {
		err = medes_export(base, &generation, info->extack) ?:
		      medes_put_export(msg, info, base->id, generation);
		err = answer(info, msg, err);
	}
	medes_base_put(base);
	return err;
}

/**
 * medes_nl_base_unexport_doit() - let no other node read it any more
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_base_unexport_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_base *base = medes_nl_base(info, MEDES_A_BASE_ID);
	int err;

	if (IS_ERR(base))
		return PTR_ERR(base);
	err = medes_unexport(base, info->attrs[MEDES_A_BASE_FORCE],
			     info->extack);
	medes_base_put(base);
	return err;
}

static int parse_replica(const struct genl_info *info,
			 const struct nlattr *attr, bool whole,
			 struct medes_replica_info *replica)
{
	struct nlattr *tb[MEDES_A_REPLICA_STATE + 1];
	int err = nla_parse_nested(tb, MEDES_A_REPLICA_STATE, attr,
				   medes_replica_nl_policy, info->extack);

	if (err)
		return err;
	memset(replica, 0, sizeof(*replica));
	if (!tb[MEDES_A_REPLICA_PEER] ||
	    (whole && (!tb[MEDES_A_REPLICA_BASE] ||
		       !tb[MEDES_A_REPLICA_GENERATION]))) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a replica needs peer, base and generation");
		return -EINVAL;
	}
	replica->peer = nla_get_u32(tb[MEDES_A_REPLICA_PEER]);
	if (!whole)
		return 0;
	replica->base = nla_get_u64(tb[MEDES_A_REPLICA_BASE]);
	replica->generation = nla_get_u64(tb[MEDES_A_REPLICA_GENERATION]);
	return 0;
}

/* The replicas that a request names; return how many, one at least. */
static int parse_replicas(const struct genl_info *info, bool whole,
			  struct medes_replica_info *replica, int most)
{
	const struct nlattr *attr;
	int left, err, n = 0;

	if (medes_nl_need(info, MEDES_A_BASE_REPLICA, "replica"))
		return -EINVAL;
	nlmsg_for_each_attr_type(attr, MEDES_A_BASE_REPLICA, info->nlhdr,
				 GENL_HDRLEN, left) {
		if (n == most) {
			NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
						"more than %d times \"replica\" in one message",
						most);
			return -E2BIG;
		}
		err = parse_replica(info, attr, whole, &replica[n++]);
		if (err)
			return err;
	}
	return n;
}

static struct medes_base *import(struct genl_info *info)
{
	struct medes_replica_info replica[MEDES_REPLICAS_MAX];
	const char *name, *domain, *function;
	int n, err;

	err = medes_nl_name(info, MEDES_A_BASE_NAME, "name", &name) ?:
	      medes_nl_name(info, MEDES_A_BASE_DOMAIN, "domain", &domain);
	if (err)
		return ERR_PTR(err);
	function = name;
	if (info->attrs[MEDES_A_BASE_FUNCTION])
		err = medes_nl_name(info, MEDES_A_BASE_FUNCTION, "function",
				    &function);
	if (err)
		return ERR_PTR(err);
	n = parse_replicas(info, true, replica, MEDES_REPLICAS_MAX);
	if (n < 0)
		return ERR_PTR(n);
	return medes_remote_import(name, domain, function, replica, n,
				   info->extack);
}

/**
 * medes_nl_base_import_doit() - make a base of pages on other nodes
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno and there is no new base.
 */
int medes_nl_base_import_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	struct medes_base *base;
	int err;

	if (!msg)
		return -ENOMEM;
	base = import(info);
	if (IS_ERR(base)) {
		nlmsg_free(msg);
		return PTR_ERR(base);
	}
	err = answer(info, msg, medes_put_base_id(msg, info, base->id));
	if (err)
		medes_base_drop(base->id, info->extack);
	medes_base_put(base);
	return err;
}

/* The imported base that a request names. */
static struct medes_base *find_imported(const struct genl_info *info)
{
	struct medes_base *base = medes_nl_base(info, MEDES_A_BASE_ID);

	if (IS_ERR(base) || base->remote)
		return base;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MEDES_A_BASE_ID],
			    "the base is not imported: it is here");
	medes_base_put(base);
	return ERR_PTR(-EINVAL);
}

/**
 * medes_nl_replica_add_doit() - know another node that has a base's pages
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_replica_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_base *base = find_imported(info);
	struct medes_replica_info replica;
	int err;

	if (IS_ERR(base))
		return PTR_ERR(base);
	err = parse_replicas(info, true, &replica, 1);
	if (err > 0)
		err = medes_remote_add(base, &replica, info->extack);
	medes_base_put(base);
	return err;
}

/**
 * medes_nl_replica_del_doit() - read a base from a node no more
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_replica_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_base *base = find_imported(info);
	struct medes_replica_info replica;
	int err;

	if (IS_ERR(base))
		return PTR_ERR(base);
	err = parse_replicas(info, false, &replica, 1);
	if (err > 0)
		err = medes_remote_del(base, &replica,
				       info->attrs[MEDES_A_BASE_FORCE],
				       info->extack);
	medes_base_put(base);
	return err;
}

static int check_copy(const struct genl_info *info, const struct medes_op *op)
{
	if (op->base->domain != op->source->domain) {
		GENL_SET_ERR_MSG(info, "the bases are of different domains");
		return -EXDEV;
	}
	if (op->base->remote) {
		GENL_SET_ERR_MSG(info, "an imported base can't be copied into");
		return -EINVAL;
	}
	if (op->base == op->source || atomic_read(&op->base->nr_pages)) {
		GENL_SET_ERR_MSG(info, "the base to copy into has to be empty");
		return -EINVAL;
	}
	return 0;
}

/**
 * medes_nl_copy_doit() - queue a base to be copied
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_copy_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_op *op = medes_op_new(MEDES_OP_KIND_COPY, NULL, 0);
	struct medes_base *base;
	int err = 0;

	if (!op)
		return -ENOMEM;
	base = medes_nl_base(info, MEDES_A_OP_BASE);
	if (IS_ERR(base))
		err = PTR_ERR(base);
	else
		op->base = base;
	base = err ? ERR_PTR(err) : medes_nl_base(info, MEDES_A_OP_SOURCE);
	if (IS_ERR(base))
		err = PTR_ERR(base);
	else
		op->source = base;
	err = err ?: check_copy(info, op) ?: medes_nl_submit(info, op);
	medes_op_put(op);
	return err;
}

/**
 * medes_nl_lease_get_dumpit() - list leases on our bases
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate.
 * Return: 0 at the end, -EMSGSIZE when @skb is full.
 */
int medes_nl_lease_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned int *next = (void *)cb->ctx;
	struct medes_lease_info lease;

	for (; medes_lease_get(*next, &lease); ++*next)
		if (medes_put_lease(skb, genl_info_dump(cb), &lease))
			return -EMSGSIZE;
	return 0;
}

/**
 * medes_nl_lease_del_doit() - end all leases of a node
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or -ENOENT when it has none.
 */
int medes_nl_lease_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	u64 node_id;

	if (medes_nl_need(info, MEDES_A_LEASE_NODE_ID, "node id"))
		return -EINVAL;
	node_id = nla_get_u64(info->attrs[MEDES_A_LEASE_NODE_ID]);
	if (medes_lease_end(node_id))
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(info->extack, info->attrs[MEDES_A_LEASE_NODE_ID],
				"node %#llx has no lease", node_id);
	return -ENOENT;
}
