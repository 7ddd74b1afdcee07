// SPDX-License-Identifier: GPL-2.0
/*
 * What a request asks for.
 *
 * The generated policies have checked types, lengths and ranges when these are
 * called, of every attribute and of nested ones too; what is left is what a
 * policy cannot say. Each refusal names its reason in the extended ack. The
 * reasons stay shorter than its 80 bytes, so they show numbers but no names.
 *
 * Attributes that may come many times are read from the message itself:
 * info->attrs has only the last of each.
 *
 * No locks here; what is returned is referenced, and the caller's to drop.
 */
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <net/genetlink.h>
#include "base.h"
#include "mm.h"
#include "netlink_gen.h"
#include "netlink_parse.h"
#include "sandbox.h"

/**
 * medes_nl_need() - refuse a request that lacks an attribute
 * @info: the request
 * @type: the attribute
 * @what: its name, for people
 *
 * Context: any.
 * Return: 0, or -EINVAL when it is missing.
 */
int medes_nl_need(const struct genl_info *info, int type, const char *what)
{
	if (!GENL_REQ_ATTR_CHECK(info, type))
		return 0;
	GENL_SET_ERR_MSG_FMT(info, "attribute \"%s\" is missing", what);
	return -EINVAL;
}

/**
 * medes_nl_name() - the name of something
 * @info: the request
 * @type: the attribute, which has to be there
 * @what: its name, for people
 * @name: receives a string that lives as long as the request
 *
 * Names end up in tables, paths and command lines, so they are one word.
 *
 * Context: any.
 * Return: 0, or -EINVAL when it is missing, empty, or has other characters than
 * visible ASCII, or a slash.
 */
int medes_nl_name(const struct genl_info *info, int type, const char *what,
		  const char **name)
{
	const char *c;

	if (medes_nl_need(info, type, what))
		return -EINVAL;
	*name = nla_data(info->attrs[type]);
	for (c = *name; *c; c++)
		if (!isascii(*c) || !isgraph(*c) || *c == '/')
			break;
	if (!*c && c != *name)
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(info->extack, info->attrs[type],
				"%s has to be visible ASCII without \"/\", not empty",
				what);
	return -EINVAL;
}

/**
 * medes_nl_sandbox() - the sandbox of an id
 * @info: the request
 * @type: the attribute, which has to be there
 *
 * Context: may sleep.
 * Return: the sandbox, referenced; ERR_PTR of -EINVAL when the attribute is
 * missing, of -ENOENT when no sandbox has that id.
 */
struct medes_sandbox *medes_nl_sandbox(const struct genl_info *info, int type)
{
	struct medes_sandbox *sandbox;
	u32 id;

	if (medes_nl_need(info, type, "sandbox id"))
		return ERR_PTR(-EINVAL);
	id = nla_get_u32(info->attrs[type]);
	sandbox = medes_sandbox_find(id);
	if (sandbox)
		return sandbox;
	NL_SET_ERR_MSG_ATTR_FMT(info->extack, info->attrs[type],
				"no sandbox has the id %u", id);
	return ERR_PTR(-ENOENT);
}

/**
 * medes_nl_base() - the base of an id
 * @info: the request
 * @type: the attribute, which has to be there
 *
 * Context: may sleep.
 * Return: the base, referenced; ERR_PTR of -EINVAL when the attribute is
 * missing, of -ENOENT when no base has that id.
 */
struct medes_base *medes_nl_base(const struct genl_info *info, int type)
{
	struct medes_base *base;
	u64 id;

	if (medes_nl_need(info, type, "base id"))
		return ERR_PTR(-EINVAL);
	id = nla_get_u64(info->attrs[type]);
	base = medes_base_find(id);
	if (base)
		return base;
	NL_SET_ERR_MSG_ATTR_FMT(info->extack, info->attrs[type],
				"no base has the id %llu", id);
	return ERR_PTR(-ENOENT);
}

/* How often an attribute comes: once at least, max times at most. */
static int count(const struct genl_info *info, int type, const char *what,
		 unsigned int max)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int left;

	nlmsg_for_each_attr_type(attr, type, info->nlhdr, GENL_HDRLEN, left) {
		if (n++ < max)
			continue;
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"more than %u times \"%s\" in one message",
					max, what);
		return -E2BIG;
	}
	return n ?: medes_nl_need(info, type, what);
}

static int parse_process(const struct genl_info *info,
			 const struct nlattr *attr,
			 struct medes_process *process)
{
	struct nlattr *tb[MEDES_A_PROCESS_MM + 1];
	int err = nla_parse_nested(tb, MEDES_A_PROCESS_MM, attr,
				   medes_process_nl_policy, info->extack);

	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(info->extack, attr, tb, MEDES_A_PROCESS_PID) ||
	    NL_REQ_ATTR_CHECK(info->extack, attr, tb,
			      MEDES_A_PROCESS_START_TIME)) {
		GENL_SET_ERR_MSG(info, "a process needs pid and start-time");
		return -EINVAL;
	}
	if (tb[MEDES_A_PROCESS_MM]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[MEDES_A_PROCESS_MM],
				    "a request cannot choose a process's mm");
		return -EINVAL;
	}
	process->pid = nla_get_u32(tb[MEDES_A_PROCESS_PID]);
	process->start_time = nla_get_u64(tb[MEDES_A_PROCESS_START_TIME]);
	return 0;
}

/**
 * medes_nl_processes() - the processes that a request names
 * @info: a request of the set "sandbox"
 * @processes: receives an array, for kfree()
 *
 * Context: may sleep.
 * Return: how many; -EINVAL when there are none or one is not complete, -E2BIG
 * when there are too many, -ENOMEM.
 */
int medes_nl_processes(const struct genl_info *info,
		       struct medes_process **processes)
{
	int n = count(info, MEDES_A_SANDBOX_PROCESS, "process",
		      MEDES_PROCESSES_MAX);
	struct medes_process *process;
	const struct nlattr *attr;
	int left, err;

	if (n < 0)
		return n;
	process = kmalloc_objs(*process, n);
	if (!process)
		return -ENOMEM;
	*processes = process;
	nlmsg_for_each_attr_type(attr, MEDES_A_SANDBOX_PROCESS, info->nlhdr,
				 GENL_HDRLEN, left) {
		err = parse_process(info, attr, process++);
		if (err) {
			kfree(*processes);
			return err;
		}
	}
	return n;
}

/**
 * medes_nl_count_targets() - how many pages a request names
 * @info: a request of the set "op"
 *
 * Context: any.
 * Return: how many; -EINVAL when there are none, -E2BIG when there are too many.
 */
int medes_nl_count_targets(const struct genl_info *info)
{
	return count(info, MEDES_A_OP_TARGET, "target", MEDES_TARGETS_MAX);
}

static int parse_base(const struct genl_info *info, const struct nlattr *attr,
		      struct nlattr **tb, bool bases,
		      struct medes_target *target)
{
	const struct nlattr *base = tb[MEDES_A_TARGET_BASE];
	const struct nlattr *index = tb[MEDES_A_TARGET_INDEX];

	target->base = 0;
	target->index = 0;
	if (!base && !index)
		return 0;
	if (!bases) {
		NL_SET_ERR_MSG_ATTR(info->extack, base ?: index,
				    "targets of demarcate are addresses only");
		return -EINVAL;
	}
	if (!base || !index) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a target's base and index come together");
		return -EINVAL;
	}
	target->base = nla_get_u64(base);
	target->index = nla_get_u32(index);
	return 0;
}

static int parse_target(const struct genl_info *info,
			const struct nlattr *attr, bool bases,
			struct medes_target *target)
{
	struct nlattr *tb[MEDES_A_TARGET_INDEX + 1];
	u64 address;
	int err = nla_parse_nested(tb, MEDES_A_TARGET_INDEX, attr,
				   medes_target_nl_policy, info->extack);

	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(info->extack, attr, tb,
			      MEDES_A_TARGET_ADDRESS)) {
		GENL_SET_ERR_MSG(info, "a target needs an address");
		return -EINVAL;
	}
	address = nla_get_u64(tb[MEDES_A_TARGET_ADDRESS]);
	if (!PAGE_ALIGNED(address) || address >= TASK_SIZE_MAX) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"0x%llx is no page of user space",
					address);
		return -EINVAL;
	}
	target->address = address;
	return parse_base(info, attr, tb, bases, target);
}

static int by_address(const void *one, const void *other)
{
	const struct medes_target *a = one, *b = other;

	return a->address < b->address ? -1 : a->address > b->address;
}

/**
 * medes_nl_targets() - the pages that a request names
 * @info: a request of the set "op"
 * @bases: a target may name a base page
 * @targets: receives them, ascending by address
 * @n: what medes_nl_count_targets() found
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL when one is not what it should be, or comes twice.
 */
int medes_nl_targets(const struct genl_info *info, bool bases,
		     struct medes_target *targets, unsigned int n)
{
	struct medes_target *target = targets;
	const struct nlattr *attr;
	unsigned int i;
	int left, err;

	nlmsg_for_each_attr_type(attr, MEDES_A_OP_TARGET, info->nlhdr,
				 GENL_HDRLEN, left) {
		err = parse_target(info, attr, bases, target++);
		if (err)
			return err;
	}
	sort(targets, n, sizeof(*targets), by_address, NULL);
	for (i = 1; i < n; i++) {
		if (targets[i].address != targets[i - 1].address)
			continue;
		GENL_SET_ERR_MSG_FMT(info, "target 0x%lx comes twice",
				     targets[i].address);
		return -EINVAL;
	}
	return 0;
}
