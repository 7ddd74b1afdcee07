// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on request: dedup, demarcate, restore, settle, and what became of
 * them.
 *
 * A request is checked in full before anything is queued. What is checked here
 * is said to the caller at once; processes end and bases are dropped at any
 * time, so the worker checks again when the operation's turn comes.
 *
 * Locks: none; sandbox, base and operation are referenced.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <net/genetlink.h>
#include "base.h"
#include "mm.h"
#include "netlink_gen.h"
#include "netlink_parse.h"
#include "netlink_put.h"
#include "sandbox.h"
#include "stats.h"

/**
 * medes_nl_submit() - queue an operation and tell its id
 * @info: request
 * @op: complete
 *
 * The room for the answer comes first: what is queued is always answered.
 *
 * Context: process.
 * Return: 0, or a negative errno and nothing was queued.
 */
int medes_nl_submit(struct genl_info *info, struct medes_op *op)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	int err;

	if (!msg)
		return -ENOMEM;
	err = medes_op_submit(op, info->extack) ?:
	      medes_put_op_id(msg, info, op->id);
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

/* Does the sandbox have the address space that the request names? */
static int parse_mm(const struct genl_info *info, struct medes_op *op)
{
	struct mm_struct *mm;
	u32 id;

	if (medes_nl_need(info, MEDES_A_OP_MM, "mm"))
		return -EINVAL;
	op->mm = nla_get_u32(info->attrs[MEDES_A_OP_MM]);
	id = op->mm;
	mm = medes_mm_get(op->sandbox, &id, NULL);
	if (mm)
		mmput(mm);
	if (mm && id == op->mm)
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(info->extack, info->attrs[MEDES_A_OP_MM],
				"the sandbox has no live address space %u",
				op->mm);
	return -ESRCH;
}

static int check_base(const struct genl_info *info,
		      const struct medes_sandbox *sandbox,
		      const struct medes_base *base)
{
	if (base->domain == sandbox->domain)
		return 0;
	GENL_SET_ERR_MSG_FMT(info,
			     "base %llu is of another domain than sandbox %u",
			     base->id, sandbox->id);
	return -EXDEV;
}

static int check_target(const struct genl_info *info,
			const struct medes_sandbox *sandbox,
			const struct medes_target *target)
{
	struct medes_base *base = medes_base_find(target->base);
	int err;

	if (!base) {
		GENL_SET_ERR_MSG_FMT(info, "no base has the id %llu",
				     target->base);
		return -ENOENT;
	}
	err = check_base(info, sandbox, base);
	if (!err && !xa_load(&base->pages, target->index)) {
		GENL_SET_ERR_MSG_FMT(info, "base %llu has no page %u",
				     target->base, target->index);
		err = -ERANGE;
	}
	medes_base_put(base);
	return err;
}

static int parse_dedup(const struct genl_info *info, struct medes_op *op)
{
	unsigned int i;
	int err;

	if (info->attrs[MEDES_A_OP_MODE])
		op->mode = nla_get_u32(info->attrs[MEDES_A_OP_MODE]);
	err = parse_mm(info, op) ?:
	      medes_nl_targets(info, true, op->target, op->nr_targets);
	for (i = 0; i < op->nr_targets && !err; i++)
		if (op->target[i].base)
			err = check_target(info, op->sandbox, &op->target[i]);
	return err;
}

static int parse_demarcate(const struct genl_info *info, struct medes_op *op)
{
	struct medes_base *base = medes_nl_base(info, MEDES_A_OP_BASE);

	if (IS_ERR(base))
		return PTR_ERR(base);
	op->base = base;
	if (base->remote) {
		NL_SET_ERR_MSG(info->extack, "an imported base gets no more pages");
		return -EINVAL;
	}
	return check_base(info, op->sandbox, base) ?:
	       parse_mm(info, op) ?:
	       medes_nl_targets(info, false, op->target, op->nr_targets);
}

/* An operation on pages that the request names. */
static int queue(struct genl_info *info, enum medes_op_kind kind,
		 int (*parse)(const struct genl_info *info,
			      struct medes_op *op))
{
	struct medes_sandbox *sandbox;
	struct medes_op *op;
	int n, err;

	sandbox = medes_nl_sandbox(info, MEDES_A_OP_SANDBOX);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	n = medes_nl_count_targets(info);
	if (n < 0) {
		err = n;
		goto out;
	}
	op = medes_op_new(kind, sandbox, n);
	if (!op) {
		err = -ENOMEM;
		goto out;
	}
	err = parse(info, op) ?: medes_nl_submit(info, op);
	medes_op_put(op);
out:
	medes_sandbox_put(sandbox);
	return err;
}

/**
 * medes_nl_dedup_doit() - queue pages to be stored
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno and nothing was queued.
 */
int medes_nl_dedup_doit(struct sk_buff *skb, struct genl_info *info)
{
	return queue(info, MEDES_OP_KIND_DEDUP, parse_dedup);
}

/**
 * medes_nl_demarcate_doit() - queue pages to become base pages
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno and nothing was queued.
 */
int medes_nl_demarcate_doit(struct sk_buff *skb, struct genl_info *info)
{
	return queue(info, MEDES_OP_KIND_DEMARCATE, parse_demarcate);
}

/* A bulk restore that can't end well is not begun. */
static int check_memory(const struct genl_info *info, u64 pages)
{
	long available = si_mem_available();

	if (available < 0 || pages <= available)
		return 0;
	GENL_SET_ERR_MSG_FMT(info,
			     "restoring takes %llu MiB, %ld MiB are available",
			     pages >> (20 - PAGE_SHIFT),
			     available >> (20 - PAGE_SHIFT));
	return -ENOMEM;
}

/**
 * medes_nl_restore_doit() - queue pages to be brought back
 * @skb: request
 * @info: request, of one sandbox or of everything
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno and nothing was queued.
 */
int medes_nl_restore_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool set = info->attrs[MEDES_A_OP_WORKING_SET];
	enum medes_op_kind kind = MEDES_OP_KIND_RESTORE_ALL;
	struct medes_account *account = &medes_totals;
	struct medes_sandbox *sandbox = NULL;
	struct medes_op *op;
	int err;

	if (info->attrs[MEDES_A_OP_SANDBOX]) {
		kind = MEDES_OP_KIND_RESTORE;
		sandbox = medes_nl_sandbox(info, MEDES_A_OP_SANDBOX);
		if (IS_ERR(sandbox))
			return PTR_ERR(sandbox);
		account = sandbox->account;
	} else if (set) {
		GENL_SET_ERR_MSG(info, "a working set is of one sandbox: name it");
		return -EINVAL;
	}
	err = set ? 0 : check_memory(info, medes_live_pages(account));
	if (err)
		goto out;
	op = medes_op_new(kind, sandbox, 0);
	if (op) {
		op->working_set = set;
		err = medes_nl_submit(info, op);
		medes_op_put(op);
	} else {
		err = -ENOMEM;
	}
out:
	if (sandbox)
		medes_sandbox_put(sandbox);
	return err;
}

/* What a settle is about: a sandbox, or a base. */
static struct medes_op *settle_op(const struct genl_info *info)
{
	struct medes_sandbox *sandbox = NULL;
	struct medes_base *base = NULL;
	struct medes_op *op;

	if (info->attrs[MEDES_A_OP_BASE]) {
		if (info->attrs[MEDES_A_OP_SANDBOX]) {
			NL_SET_ERR_MSG(info->extack,
				       "settle a sandbox or a base, not both");
			return ERR_PTR(-EINVAL);
		}
		base = medes_nl_base(info, MEDES_A_OP_BASE);
		if (IS_ERR(base))
			return ERR_CAST(base);
		if (base->remote) {
			NL_SET_ERR_MSG(info->extack, "an imported base is not packed here");
			medes_base_put(base);
			return ERR_PTR(-EINVAL);
		}
	} else {
		sandbox = medes_nl_sandbox(info, MEDES_A_OP_SANDBOX);
		if (IS_ERR(sandbox))
			return ERR_CAST(sandbox);
	}
	op = medes_op_new(MEDES_OP_KIND_SETTLE, sandbox, 0);
	if (sandbox)
		medes_sandbox_put(sandbox);
	if (op)
		op->base = base;
	else if (base)
		medes_base_put(base);
	return op ?: ERR_PTR(-ENOMEM);
}

/**
 * medes_nl_settle_doit() - queue a sandbox's records to be made again, or a base
 * to be packed
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno and nothing was queued.
 */
int medes_nl_settle_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct medes_op *op = settle_op(info);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->mode = nla_get_u32_default(info->attrs[MEDES_A_OP_MODE],
				       MEDES_MODE_DENSE);
	err = medes_nl_submit(info, op);
	medes_op_put(op);
	return err;
}

/**
 * medes_nl_op_get_doit() - show an operation
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_op_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[MEDES_A_OP_ID];
	struct medes_op *op;
	struct sk_buff *msg;
	int err = -ENOMEM;

	if (medes_nl_need(info, MEDES_A_OP_ID, "operation id"))
		return -EINVAL;
	op = medes_op_find(nla_get_u32(attr));
	if (!op) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"no operation has the id %u, or it ended long ago",
					nla_get_u32(attr));
		return -ENOENT;
	}
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (msg)
		err = medes_put_op(msg, info, op);
	medes_op_put(op);
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

/**
 * medes_nl_op_cancel_doit() - stop an operation
 * @skb: request
 * @info: request
 *
 * Context: process, behind the gate.
 * Return: 0, or a negative errno.
 */
int medes_nl_op_cancel_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (medes_nl_need(info, MEDES_A_OP_ID, "operation id"))
		return -EINVAL;
	return medes_op_cancel(nla_get_u32(info->attrs[MEDES_A_OP_ID]),
			       info->extack);
}
