// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module's operations. A list that changed while it was read is read again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "ops.h"
#include "parse.h"

#define SMALL 512			/* room for names and numbers */
#define PROCESS_SIZE 32			/* a process attribute, nested */
#define TARGET_SIZE 48			/* a target attribute, nested */
#define REPEATS 8			/* of an inconsistent list */

#define PUT(type, msg, attr, value) \
	do { \
		if (nla_put_##type(msg, attr, value)) \
			goto full; \
	} while (0)

static int refuse_full(struct medes_nl *nl, struct nl_msg *msg)
{
	nlmsg_free(msg);
	return medes_nl_fail(nl, -EMSGSIZE, "the request does not fit into one netlink message");
}

static int on_features(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd;
	return medes_parse_features(nlh, arg);
}

int medes_features_get(struct medes_nl *nl, struct medes_features *out)
{
	memset(out, 0, sizeof(*out));
	return medes_nl_request(nl, medes_nl_message(nl, MEDES_CMD_FEATURES_GET, 0, 0),
				on_features, out);
}

static int put_processes(struct nl_msg *msg, const struct medes_process *p, size_t n)
{
	struct nlattr *nest;

	for (; n; n--, p++) {
		nest = nla_nest_start(msg, NLA_F_NESTED | MEDES_A_SANDBOX_PROCESS);
		if (!nest)
			return -EMSGSIZE;
		PUT(u32, msg, MEDES_A_PROCESS_PID, p->pid);
		PUT(u64, msg, MEDES_A_PROCESS_START_TIME, p->start_time);
		nla_nest_end(msg, nest);
	}
	return 0;
full:
	return -EMSGSIZE;
}

static int on_sandbox(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_sandbox *out = arg;

	(void)cmd;
	medes_sandbox_clear(out);
	return medes_parse_sandbox(nlh, out);
}

/**
 * medes_sandbox_new() - take processes in as a sandbox
 * @nl: the socket
 * @name: unique name
 * @domain: sharing domain
 * @function: label, may be NULL
 * @processes: pid and start time of each
 * @n: at most MEDES_PROCESSES_MAX
 * @out: the sandbox, to be cleared by the caller
 */
int medes_sandbox_new(struct medes_nl *nl, const char *name, const char *domain,
		      const char *function, const struct medes_process *processes, size_t n,
		      struct medes_sandbox *out)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_SANDBOX_NEW, 0,
					      SMALL + n * PROCESS_SIZE);

	memset(out, 0, sizeof(*out));
	if (!msg)
		return -ENOMEM;
	PUT(string, msg, MEDES_A_SANDBOX_NAME, name);
	PUT(string, msg, MEDES_A_SANDBOX_DOMAIN, domain);
	if (function)
		PUT(string, msg, MEDES_A_SANDBOX_FUNCTION, function);
	if (put_processes(msg, processes, n))
		goto full;
	return medes_nl_request(nl, msg, on_sandbox, out);
full:
	return refuse_full(nl, msg);
}

/**
 * medes_sandbox_attach() - take more processes into a sandbox
 * @nl: the socket
 * @id: the sandbox
 * @processes: pid and start time of each; any number, sent in several messages
 * @n: how many
 */
int medes_sandbox_attach(struct medes_nl *nl, uint32_t id, const struct medes_process *processes,
			 size_t n)
{
	struct nl_msg *msg;
	size_t now;
	int err;

	for (; n; n -= now, processes += now) {
		now = n < MEDES_PROCESSES_MAX ? n : MEDES_PROCESSES_MAX;
		msg = medes_nl_message(nl, MEDES_CMD_SANDBOX_ATTACH, 0, SMALL + now * PROCESS_SIZE);
		if (!msg)
			return -ENOMEM;
		PUT(u32, msg, MEDES_A_SANDBOX_ID, id);
		if (put_processes(msg, processes, now))
			goto full;
		err = medes_nl_request(nl, msg, NULL, NULL);
		if (err)
			return err;
	}
	return 0;
full:
	return refuse_full(nl, msg);
}

/* Requests that name one object by a u32 or u64. */
static int request_u32(struct medes_nl *nl, uint8_t cmd, int attr, uint32_t id, medes_nl_fn fn,
		       void *arg)
{
	struct nl_msg *msg = medes_nl_message(nl, cmd, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u32, msg, attr, id);
	return medes_nl_request(nl, msg, fn, arg);
full:
	return refuse_full(nl, msg);
}

int medes_sandbox_del(struct medes_nl *nl, uint32_t id)
{
	return request_u32(nl, MEDES_CMD_SANDBOX_DEL, MEDES_A_SANDBOX_ID, id, NULL, NULL);
}

int medes_sandbox_get(struct medes_nl *nl, uint32_t id, struct medes_sandbox *out)
{
	memset(out, 0, sizeof(*out));
	return request_u32(nl, MEDES_CMD_SANDBOX_GET, MEDES_A_SANDBOX_ID, id, on_sandbox, out);
}

/**
 * medes_sandbox_find() - the sandbox of a name
 * @nl: the socket
 * @name: its name
 * @out: the sandbox, to be cleared by the caller
 *
 * Return: 0, -ENOENT when there is none, another negative errno.
 */
int medes_sandbox_find(struct medes_nl *nl, const char *name, struct medes_sandbox *out)
{
	struct medes_sandboxes list;
	int err = medes_sandbox_list(nl, &list);
	size_t i;

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	err = medes_nl_fail(nl, -ENOENT, "no sandbox has the name \"%s\"", name);
	for (i = 0; i < list.n; i++) {
		if (strcmp(list.v[i].name, name))
			continue;
		*out = list.v[i];
		memset(&list.v[i], 0, sizeof(list.v[i]));
		err = 0;
		break;
	}
	medes_sandboxes_clear(&list);
	return err;
}

/* Room for one more element. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return realloc(array, (n ? 2 * n : 1) * size);
}

#define APPEND(list, parse, nlh) ({ \
	void *v = grow((list)->v, (list)->n, sizeof(*(list)->v)); \
	int e = -ENOMEM; \
	if (v) { \
		(list)->v = v; \
		e = parse(nlh, &(list)->v[(list)->n]); \
		if (!e) \
			(list)->n++; \
	} \
	e; })

static int on_sandbox_entry(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_sandboxes *list = arg;

	(void)cmd;
	return APPEND(list, medes_parse_sandbox, nlh);
}

static int on_base_entry(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_bases *list = arg;

	(void)cmd;
	return APPEND(list, medes_parse_base, nlh);
}

static int on_op_entry(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_op_list *list = arg;

	(void)cmd;
	return APPEND(list, medes_parse_op, nlh);
}

static int list(struct medes_nl *nl, uint8_t cmd, medes_nl_fn fn, void *arg,
		void (*clear)(void *arg))
{
	int err, i;

	clear(arg);
	for (i = 0; i < REPEATS; i++) {
		err = medes_nl_request(nl, medes_nl_message(nl, cmd, NLM_F_DUMP, 0), fn, arg);
		if (!err)
			return 0;
		clear(arg);
		if (err != -EINTR)
			return err;
	}
	return medes_nl_fail(nl, -EAGAIN, "the list changes faster than it can be read; try again");
}

static void clear_sandboxes(void *arg)
{
	struct medes_sandboxes *list = arg;

	while (list->n)
		medes_sandbox_clear(&list->v[--list->n]);
	free(list->v);
	list->v = NULL;
}

static void clear_bases(void *arg)
{
	struct medes_bases *list = arg;

	free(list->v);
	list->v = NULL;
	list->n = 0;
}

static void clear_ops(void *arg)
{
	struct medes_op_list *list = arg;

	free(list->v);
	list->v = NULL;
	list->n = 0;
}

int medes_sandbox_list(struct medes_nl *nl, struct medes_sandboxes *out)
{
	memset(out, 0, sizeof(*out));
	return list(nl, MEDES_CMD_SANDBOX_GET, on_sandbox_entry, out, clear_sandboxes);
}

void medes_sandboxes_clear(struct medes_sandboxes *list)
{
	clear_sandboxes(list);
}

static int on_base(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd;
	return medes_parse_base(nlh, arg);
}

int medes_base_new(struct medes_nl *nl, const char *name, const char *domain,
		   const char *function, struct medes_base *out)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_BASE_NEW, 0, SMALL);

	memset(out, 0, sizeof(*out));
	if (!msg)
		return -ENOMEM;
	PUT(string, msg, MEDES_A_BASE_NAME, name);
	PUT(string, msg, MEDES_A_BASE_DOMAIN, domain);
	if (function)
		PUT(string, msg, MEDES_A_BASE_FUNCTION, function);
	return medes_nl_request(nl, msg, on_base, out);
full:
	return refuse_full(nl, msg);
}

int medes_base_del(struct medes_nl *nl, uint64_t id)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_BASE_DEL, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_BASE_ID, id);
	return medes_nl_request(nl, msg, NULL, NULL);
full:
	return refuse_full(nl, msg);
}

int medes_base_list(struct medes_nl *nl, struct medes_bases *out)
{
	memset(out, 0, sizeof(*out));
	return list(nl, MEDES_CMD_BASE_GET, on_base_entry, out, clear_bases);
}

void medes_bases_clear(struct medes_bases *list)
{
	clear_bases(list);
}

static int on_op_id(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_op op;
	int err = medes_parse_op(nlh, &op);

	(void)cmd;
	if (!err)
		*(uint32_t *)arg = op.id;
	return err;
}

static int put_targets(struct nl_msg *msg, const struct medes_target *t, size_t n)
{
	struct nlattr *nest;

	for (; n; n--, t++) {
		nest = nla_nest_start(msg, NLA_F_NESTED | MEDES_A_OP_TARGET);
		if (!nest)
			return -EMSGSIZE;
		PUT(u64, msg, MEDES_A_TARGET_ADDRESS, t->address);
		if (t->base) {
			PUT(u64, msg, MEDES_A_TARGET_BASE, t->base);
			PUT(u32, msg, MEDES_A_TARGET_INDEX, t->index);
		}
		nla_nest_end(msg, nest);
	}
	return 0;
full:
	return -EMSGSIZE;
}

static int store(struct medes_nl *nl, uint8_t cmd, uint32_t sandbox, uint32_t mm, uint64_t base,
		 uint32_t mode, const struct medes_target *targets, size_t n, uint32_t *op)
{
	struct nl_msg *msg = medes_nl_message(nl, cmd, 0, SMALL + n * TARGET_SIZE);

	if (!msg)
		return -ENOMEM;
	PUT(u32, msg, MEDES_A_OP_SANDBOX, sandbox);
	PUT(u32, msg, MEDES_A_OP_MM, mm);
	if (base)
		PUT(u64, msg, MEDES_A_OP_BASE, base);
	if (mode)
		PUT(u32, msg, MEDES_A_OP_MODE, mode);
	if (put_targets(msg, targets, n))
		goto full;
	return medes_nl_request(nl, msg, on_op_id, op);
full:
	return refuse_full(nl, msg);
}

/**
 * medes_dedup_mode() - queue pages of one address space to be stored
 * @nl: the socket
 * @mode: MEDES_MODE_*, what the records may cost to decode
 * @sandbox: id
 * @mm: address space, as the scan named it
 * @targets: the pages
 * @n: at most MEDES_TARGETS_MAX
 * @op: the operation's id
 *
 * Return: 0, -EBUSY or -ENOBUFS when the sandbox's queue is full, another
 * negative errno.
 */
int medes_dedup_mode(struct medes_nl *nl, uint32_t mode, uint32_t sandbox, uint32_t mm,
		     const struct medes_target *targets, size_t n, uint32_t *op)
{
	return store(nl, MEDES_CMD_DEDUP, sandbox, mm, 0, mode, targets, n, op);
}

/* As medes_dedup_mode(), fast. */
int medes_dedup(struct medes_nl *nl, uint32_t sandbox, uint32_t mm,
		const struct medes_target *targets, size_t n, uint32_t *op)
{
	return medes_dedup_mode(nl, MEDES_MODE_FAST, sandbox, mm, targets, n, op);
}

/**
 * medes_demarcate() - queue pages of one address space to become base pages
 * @nl: the socket
 * @sandbox: id
 * @mm: address space, as the scan named it
 * @base: receives the pages
 * @targets: the pages, addresses only
 * @n: at most MEDES_TARGETS_MAX
 * @op: the operation's id
 *
 * Return: as medes_dedup_mode().
 */
int medes_demarcate(struct medes_nl *nl, uint32_t sandbox, uint32_t mm, uint64_t base,
		    const struct medes_target *targets, size_t n, uint32_t *op)
{
	return store(nl, MEDES_CMD_DEMARCATE, sandbox, mm, base, 0, targets, n, op);
}

/**
 * medes_settle() - queue a sandbox's fast records to be made again, densely
 * @nl: the socket
 * @sandbox: id
 * @op: the operation's id
 */
int medes_settle(struct medes_nl *nl, uint32_t sandbox, uint32_t *op)
{
	return request_u32(nl, MEDES_CMD_SETTLE, MEDES_A_OP_SANDBOX, sandbox, on_op_id, op);
}

/**
 * medes_pack() - queue a base's pages to be kept compressed
 * @nl: the socket
 * @base: id
 * @mode: MEDES_MODE_*, how
 * @op: the operation's id
 */
int medes_pack(struct medes_nl *nl, uint64_t base, uint32_t mode, uint32_t *op)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_SETTLE, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	PUT(u64, msg, MEDES_A_OP_BASE, base);
	PUT(u32, msg, MEDES_A_OP_MODE, mode);
	return medes_nl_request(nl, msg, on_op_id, op);
full:
	return refuse_full(nl, msg);
}

static int restore(struct medes_nl *nl, uint32_t sandbox, bool working_set, uint32_t *op)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_RESTORE, 0, SMALL);

	if (!msg)
		return -ENOMEM;
	if (sandbox)
		PUT(u32, msg, MEDES_A_OP_SANDBOX, sandbox);
	if (working_set && nla_put_flag(msg, MEDES_A_OP_WORKING_SET))
		goto full;
	return medes_nl_request(nl, msg, on_op_id, op);
full:
	return refuse_full(nl, msg);
}

/**
 * medes_restore() - queue pages to be brought back
 * @nl: the socket
 * @sandbox: id; 0: every page of the module
 * @op: the operation's id
 */
int medes_restore(struct medes_nl *nl, uint32_t sandbox, uint32_t *op)
{
	return restore(nl, sandbox, false, op);
}

/**
 * medes_restore_set() - queue the pages of a working set to be brought back
 * @nl: the socket
 * @sandbox: id
 * @op: the operation's id
 */
int medes_restore_set(struct medes_nl *nl, uint32_t sandbox, uint32_t *op)
{
	return restore(nl, sandbox, true, op);
}

static int on_op(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd;
	return medes_parse_op(nlh, arg);
}

int medes_op_get(struct medes_nl *nl, uint32_t id, struct medes_op *out)
{
	memset(out, 0, sizeof(*out));
	return request_u32(nl, MEDES_CMD_OP_GET, MEDES_A_OP_ID, id, on_op, out);
}

int medes_op_list(struct medes_nl *nl, struct medes_op_list *out)
{
	memset(out, 0, sizeof(*out));
	return list(nl, MEDES_CMD_OP_GET, on_op_entry, out, clear_ops);
}

void medes_op_list_clear(struct medes_op_list *list)
{
	clear_ops(list);
}

int medes_op_cancel(struct medes_nl *nl, uint32_t id)
{
	return request_u32(nl, MEDES_CMD_OP_CANCEL, MEDES_A_OP_ID, id, NULL, NULL);
}

static int on_record(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd;
	return medes_parse_record(nlh, arg);
}

/**
 * medes_record_get() - where a page is and what is kept of it
 * @nl: the socket
 * @sandbox: id
 * @mm: address space; 0: the sandbox's first
 * @address: of any byte of the page
 * @out: receives it
 */
int medes_record_get(struct medes_nl *nl, uint32_t sandbox, uint32_t mm, uint64_t address,
		     struct medes_record *out)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_RECORD_GET, 0, SMALL);

	memset(out, 0, sizeof(*out));
	if (!msg)
		return -ENOMEM;
	PUT(u32, msg, MEDES_A_RECORD_SANDBOX, sandbox);
	if (mm)
		PUT(u32, msg, MEDES_A_RECORD_MM, mm);
	PUT(u64, msg, MEDES_A_RECORD_ADDRESS, address);
	return medes_nl_request(nl, msg, on_record, out);
full:
	return refuse_full(nl, msg);
}

struct nl_msg *medes_scan_message(struct medes_nl *nl, uint32_t sandbox)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_SCAN_GET, NLM_F_DUMP, SMALL);

	if (msg && nla_put_u32(msg, MEDES_A_PAGE_SANDBOX, sandbox)) {
		refuse_full(nl, msg);
		return NULL;
	}
	return msg;
}

struct nl_msg *medes_base_page_message(struct medes_nl *nl, uint64_t base, uint32_t index)
{
	struct nl_msg *msg = medes_nl_message(nl, MEDES_CMD_BASE_PAGE_GET, NLM_F_DUMP, SMALL);

	if (msg && (nla_put_u64(msg, MEDES_A_BASE_PAGE_BASE, base) ||
		    nla_put_u32(msg, MEDES_A_BASE_PAGE_INDEX, index))) {
		refuse_full(nl, msg);
		return NULL;
	}
	return msg;
}
