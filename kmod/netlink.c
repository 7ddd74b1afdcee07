// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: set-up, the gate, sandboxes and bases.
 *
 * uapi/medes.yaml is the protocol; netlink_gen.c has its tables and calls the
 * medes_nl_* functions here, in netlink_op.c and in netlink_dump.c. The core
 * validates attributes strictly against the generated policies before that.
 *
 * The gate: hashes of every process's memory pass here, so CAP_NET_ADMIN,
 * which network plug-ins have, is not enough. Each request and each dump's
 * start needs CAP_SYS_ADMIN and CAP_SYS_PTRACE as well, and all three of the
 * sender and of who opened the socket, who reads the answer. They have to hold
 * in the initial user namespace, and there is one family, in the initial
 * network namespace.
 *
 * Requests run in parallel and take no lock here; every object that they use
 * is referenced. The family is registered last and unregistered first, and a
 * dump that is open holds the module.
 */
#include <linux/capability.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include "base.h"
#include "inspect.h"
#include "mm.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_parse.h"
#include "netlink_put.h"
#include "sandbox.h"

static u64 instance __ro_after_init;

/* CAP_NET_ADMIN of the sender is the specification's, and checked before. */
static const struct {
	int cap;
	const char *name;
} needed[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
};

/* The specification has no word for capabilities of a group. */
static const struct genl_multicast_group groups[] = {
	[MEDES_NLGRP_EVENTS] = {
		.name = MEDES_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN | GENL_MCAST_CAP_SYS_ADMIN,
	},
};

/**
 * medes_netlink_init() - open the module to user space
 *
 * Context: module init, after everything else.
 * Return: 0, or what genl_register_family() says.
 */
int __init medes_netlink_init(void)
{
	int err;

	instance = get_random_u64();
	medes_nl_family.netnsok = false;
	medes_nl_family.mcgrps = groups;
	medes_nl_family.n_mcgrps = ARRAY_SIZE(groups);
	err = genl_register_family(&medes_nl_family);
	if (!err)
		medes_events_open();
	return err;
}

/**
 * medes_netlink_exit() - close the module to user space
 *
 * Context: module exit, before everything else. No request runs and no event
 * is on its way after this.
 */
void medes_netlink_exit(void)
{
	medes_events_close();
	genl_unregister_family(&medes_nl_family);
}

/**
 * medes_instance() - the number of this load of the module
 *
 * Context: any, after medes_netlink_init() began.
 * Return: a random number; ids are valid as long as it stays the same.
 */
u64 medes_instance(void)
{
	return instance;
}

/**
 * medes_nl_gate() - may the sender do this
 * @skb: request
 * @extack: receives the reason
 *
 * netlink_capable() alone does not look at who opened the socket when the
 * sender gives the address.
 *
 * Context: process, with the sender's socket in use.
 * Return: 0, or -EPERM.
 */
int medes_nl_gate(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	const struct file *opener = NETLINK_CB(skb).sk->sk_socket->file;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (netlink_capable(skb, needed[i].cap) &&
		    file_ns_capable(opener, &init_user_ns, needed[i].cap))
			continue;
		NL_SET_ERR_MSG_FMT(extack,
				   "%s in the initial user namespace is needed",
				   needed[i].name);
		return -EPERM;
	}
	return 0;
}

/**
 * medes_nl_pre_doit() - the gate before every request
 * @ops: unused
 * @skb: request
 * @info: request
 *
 * Context: process.
 * Return: 0, or -EPERM.
 */
int medes_nl_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		      struct genl_info *info)
{
	return medes_nl_gate(skb, info->extack);
}

static int reply(struct genl_info *info, struct sk_buff *skb, int err)
{
	if (!err)
		return genlmsg_reply(skb, info);
	nlmsg_free(skb);
	return err;
}

/**
 * medes_nl_features_get_doit() - what this module is
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or -ENOMEM.
 */
int medes_nl_features_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return -ENOMEM;
	return reply(info, msg, medes_put_features(msg, info));
}

/* Processes may join between the measuring and the filling. */
static int reply_sandbox(struct genl_info *info, struct medes_sandbox *sandbox)
{
	struct sk_buff *msg;
	int err;

	medes_sandbox_update(sandbox);
	do {
		msg = genlmsg_new(medes_sandbox_room(sandbox), GFP_KERNEL);
		if (!msg)
			return -ENOMEM;
		err = medes_put_sandbox(msg, info, sandbox);
		if (!err)
			return genlmsg_reply(msg, info);
		nlmsg_free(msg);
	} while (err == -EMSGSIZE);
	return err;
}

/* Optional: what is not labelled is its own function. */
static int parse_function(const struct genl_info *info, int type,
			  const char *name, const char **function)
{
	*function = name;
	if (!info->attrs[type])
		return 0;
	return medes_nl_name(info, type, "function", function);
}

static int new_sandbox(struct genl_info *info,
		       const struct medes_process *processes, unsigned int n)
{
	const char *name, *domain, *function;
	struct medes_sandbox *sandbox;
	int err;

	err = medes_nl_name(info, MEDES_A_SANDBOX_NAME, "name", &name) ?:
	      medes_nl_name(info, MEDES_A_SANDBOX_DOMAIN, "domain", &domain) ?:
	      parse_function(info, MEDES_A_SANDBOX_FUNCTION, name, &function);
	if (err)
		return err;
	sandbox = medes_sandbox_new(name, domain, function, info->extack);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	err = medes_mm_attach(sandbox, processes, n, info->extack) ?:
	      reply_sandbox(info, sandbox);
	if (err)
		medes_sandbox_remove(sandbox);
	medes_sandbox_put(sandbox);
	return err;
}

/**
 * medes_nl_sandbox_new_doit() - take processes in as a sandbox
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0; when it fails, with a negative errno, there is no new sandbox.
 */
int medes_nl_sandbox_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_process *processes;
	int n = medes_nl_processes(info, &processes);
	int err;

	if (n < 0)
		return n;
	err = new_sandbox(info, processes, n);
	kfree(processes);
	return err;
}

/**
 * medes_nl_sandbox_attach_doit() - take more processes into a sandbox
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_sandbox_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_sandbox *sandbox;
	struct medes_process *processes;
	int n, err;

	sandbox = medes_nl_sandbox(info, MEDES_A_SANDBOX_ID);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	n = medes_nl_processes(info, &processes);
	if (n < 0) {
		err = n;
		goto out;
	}
	err = medes_mm_attach(sandbox, processes, n, info->extack) ?:
	      reply_sandbox(info, sandbox);
	kfree(processes);
out:
	medes_sandbox_put(sandbox);
	return err;
}

/**
 * medes_nl_sandbox_del_doit() - forget a sandbox
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_sandbox_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_sandbox *sandbox;

	sandbox = medes_nl_sandbox(info, MEDES_A_SANDBOX_ID);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	medes_sandbox_remove(sandbox);
	medes_sandbox_put(sandbox);
	return 0;
}

/**
 * medes_nl_sandbox_get_doit() - show a sandbox
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_sandbox_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_sandbox *sandbox;
	int err;

	sandbox = medes_nl_sandbox(info, MEDES_A_SANDBOX_ID);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	err = reply_sandbox(info, sandbox);
	medes_sandbox_put(sandbox);
	return err;
}

static int reply_base(struct genl_info *info, struct medes_base *base)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return -ENOMEM;
	return reply(info, msg, medes_put_base(msg, info, base));
}

/**
 * medes_nl_base_new_doit() - make an empty base
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0; when it fails, with a negative errno, there is no new base.
 */
int medes_nl_base_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name, *domain, *function;
	struct medes_base *base;
	int err;

	err = medes_nl_name(info, MEDES_A_BASE_NAME, "name", &name) ?:
	      medes_nl_name(info, MEDES_A_BASE_DOMAIN, "domain", &domain) ?:
	      parse_function(info, MEDES_A_BASE_FUNCTION, name, &function);
	if (err)
		return err;
	base = medes_base_new(name, domain, function, NULL, info->extack);
	if (IS_ERR(base))
		return PTR_ERR(base);
	err = reply_base(info, base);
	if (err)
		medes_base_drop(base->id, info->extack);
	medes_base_put(base);
	return err;
}

/**
 * medes_nl_base_del_doit() - drop a base
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno: a base that records refer to stays.
 */
int medes_nl_base_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (medes_nl_need(info, MEDES_A_BASE_ID, "base id"))
		return -EINVAL;
	return medes_base_drop(nla_get_u64(info->attrs[MEDES_A_BASE_ID]),
			       info->extack);
}

/**
 * medes_nl_base_get_doit() - show a base
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_base_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_base *base = medes_nl_base(info, MEDES_A_BASE_ID);
	int err;

	if (IS_ERR(base))
		return PTR_ERR(base);
	err = reply_base(info, base);
	medes_base_put(base);
	return err;
}

static int inspect(struct genl_info *info, struct medes_sandbox *sandbox,
		   u32 *mm_id, struct medes_found *found)
{
	const struct nlattr *id = info->attrs[MEDES_A_RECORD_MM];
	u64 address = nla_get_u64(info->attrs[MEDES_A_RECORD_ADDRESS]);
	struct mm_struct *mm;
	int err;

	*mm_id = nla_get_u32_default(id, 0);
	mm = medes_mm_get(sandbox, mm_id, NULL);
	if (!mm || (id && *mm_id != nla_get_u32(id))) {
		if (mm)
			mmput(mm);
		GENL_SET_ERR_MSG(info, "the sandbox has no such live address space");
		return -ESRCH;
	}
	err = medes_inspect(mm, address, found);
	mmput(mm);
	if (err == -EFAULT)
		GENL_SET_ERR_MSG_FMT(info, "nothing is mapped at 0x%llx",
				     address);
	else if (err)
		GENL_SET_ERR_MSG(info, "the page is on its way: try again");
	return err;
}

/**
 * medes_nl_record_get_doit() - where a page is and what is kept of it
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_record_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_sandbox *sandbox;
	struct medes_found found;
	struct sk_buff *msg;
	u32 mm;
	int err;

	if (medes_nl_need(info, MEDES_A_RECORD_ADDRESS, "address"))
		return -EINVAL;
	sandbox = medes_nl_sandbox(info, MEDES_A_RECORD_SANDBOX);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	err = inspect(info, sandbox, &mm, &found);
	medes_sandbox_put(sandbox);
	if (err)
		return err;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	return reply(info, msg, medes_put_record(msg, info, mm, &found));
}
