// SPDX-License-Identifier: GPL-2.0
/*
 * Lists: sandboxes, bases, operations, the pages of a sandbox or a base.
 *
 * A dump is made buffer by buffer, each when the reader asks for it, and what
 * is listed may change between. Its place is a cursor in cb->ctx, the smallest
 * id or index not yet given: what is there all the time is listed exactly once,
 * what comes or goes meanwhile may be listed or not.
 *
 * When a buffer is full the put functions say -EMSGSIZE, which the netlink core
 * takes for "more to come" if the buffer holds anything. The core calls one
 * function of a dump at a time, and done() after each start() that succeeded,
 * whenever the reader goes. Scans and base pages hold a reference until then.
 */
#include <linux/sched/signal.h>
#include <net/genetlink.h>
#include "base.h"
#include "fetch.h"
#include "netlink_gen.h"
#include "netlink_parse.h"
#include "netlink_put.h"
#include "read.h"
#include "sandbox.h"
#include "scan.h"

/* Lists of objects, in the order of their ids. */
struct list_dump {
	u64 next;
};

struct scan_dump {
	struct medes_scan *scan;
};

struct base_page_dump {
	struct medes_base *base;
	unsigned long next;
};

/*
 * A message that does not fit into an empty buffer would end the dump, so the
 * buffers of this dump are made for the largest there is.
 */
static void make_room(struct netlink_callback *cb, size_t room)
{
	if (room > cb->min_dump_alloc)
		cb->min_dump_alloc = room;
}

/**
 * medes_nl_sandbox_get_dumpit() - list sandboxes
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate.
 * Return: 0 at the end, -EMSGSIZE when @skb is full.
 */
int medes_nl_sandbox_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct list_dump *dump = (void *)cb->ctx;
	struct medes_sandbox *sandbox;
	u32 id = dump->next;
	int err = 0;

	NL_ASSERT_CTX_FITS(struct list_dump);
	while (dump->next <= U32_MAX) {
		sandbox = medes_sandbox_next(&id);
		if (!sandbox)
			break;
		medes_sandbox_update(sandbox);
		make_room(cb, medes_sandbox_room(sandbox));
		err = medes_put_sandbox(skb, genl_info_dump(cb), sandbox);
		medes_sandbox_put(sandbox);
		if (err)
			break;
		dump->next = (u64)id++ + 1;
	}
	return err;
}

/* Buffers large enough for any sandbox, whichever comes first in one. */
static void measure_sandboxes(struct netlink_callback *cb)
{
	struct medes_sandbox *sandbox;
	u32 id = 0;

	while ((sandbox = medes_sandbox_next(&id))) {
		make_room(cb, medes_sandbox_room(sandbox));
		medes_sandbox_put(sandbox);
		if (id++ == U32_MAX)
			break;
	}
}

/**
 * medes_nl_pre_dumpit() - the gate before a list of objects
 * @cb: dump
 *
 * Context: process.
 * Return: 0, or -EPERM.
 */
int medes_nl_pre_dumpit(struct netlink_callback *cb)
{
	int err = medes_nl_gate(cb->skb, cb->extack);

	if (!err && genl_info_dump(cb)->genlhdr->cmd == MEDES_CMD_SANDBOX_GET)
		measure_sandboxes(cb);
	return err;
}

/**
 * medes_nl_base_get_dumpit() - list bases
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate.
 * Return: 0 at the end, -EMSGSIZE when @skb is full.
 */
int medes_nl_base_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct list_dump *dump = (void *)cb->ctx;
	struct medes_base *base;
	int err = 0;

	while (!err) {
		base = medes_base_next(&dump->next);
		if (!base)
			break;
		err = medes_put_base(skb, genl_info_dump(cb), base);
		medes_base_put(base);
		if (!err)
			dump->next++;
	}
	return err;
}

/**
 * medes_nl_op_get_dumpit() - list operations
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate.
 * Return: 0 at the end, -EMSGSIZE when @skb is full.
 */
int medes_nl_op_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct list_dump *dump = (void *)cb->ctx;
	struct medes_op *op;
	u32 id = dump->next;
	int err = 0;

	while (dump->next <= U32_MAX) {
		op = medes_op_next(&id);
		if (!op)
			break;
		err = medes_put_op(skb, genl_info_dump(cb), op);
		medes_op_put(op);
		if (err)
			break;
		dump->next = (u64)id++ + 1;
	}
	return err;
}

/**
 * medes_nl_scan_get_start() - begin to scan a sandbox
 * @cb: dump
 *
 * Context: process.
 * Return: 0, or a negative errno.
 */
int medes_nl_scan_get_start(struct netlink_callback *cb)
{
	struct scan_dump *dump = (void *)cb->ctx;
	struct medes_sandbox *sandbox;
	int err = medes_nl_gate(cb->skb, cb->extack);

	NL_ASSERT_CTX_FITS(struct scan_dump);
	if (err)
		return err;
	sandbox = medes_nl_sandbox(genl_info_dump(cb), MEDES_A_PAGE_SANDBOX);
	if (IS_ERR(sandbox))
		return PTR_ERR(sandbox);
	dump->scan = medes_scan_begin(sandbox);
	medes_sandbox_put(sandbox);
	return dump->scan ? 0 : -ENOMEM;
}

/**
 * medes_nl_scan_get_dumpit() - list the pages that could be deduplicated
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate; takes mmap_lock of the sandbox's processes
 * for reading. Looks at memory until the buffer is full or the sandbox ends,
 * or the reader is killed.
 * Return: 0 at the end, -EMSGSIZE when @skb is full, -EINTR.
 */
int medes_nl_scan_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct scan_dump *dump = (void *)cb->ctx;
	struct medes_scanned page;
	int err;

	while ((err = medes_scan_next(dump->scan, &page)) > 0) {
		err = medes_put_page(skb, genl_info_dump(cb), &page);
		if (err) {
			medes_scan_again(dump->scan);
			return err;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return err;
}

/**
 * medes_nl_scan_get_done() - end a scan
 * @cb: dump
 *
 * Context: process; also of who closes the socket.
 * Return: 0.
 */
int medes_nl_scan_get_done(struct netlink_callback *cb)
{
	struct scan_dump *dump = (void *)cb->ctx;

	medes_scan_end(dump->scan);
	return 0;
}

/**
 * medes_nl_base_page_get_start() - begin to list a base's pages
 * @cb: dump
 *
 * Context: process.
 * Return: 0, or a negative errno.
 */
int medes_nl_base_page_get_start(struct netlink_callback *cb)
{
	struct base_page_dump *dump = (void *)cb->ctx;
	const struct genl_info *info = genl_info_dump(cb);
	struct medes_base *base;
	int err = medes_nl_gate(cb->skb, cb->extack);

	NL_ASSERT_CTX_FITS(struct base_page_dump);
	if (err)
		return err;
	base = medes_nl_base(info, MEDES_A_BASE_PAGE_BASE);
	if (IS_ERR(base))
		return PTR_ERR(base);
	dump->base = base;
	dump->next = nla_get_u32_default(info->attrs[MEDES_A_BASE_PAGE_INDEX],
					 0);
	return 0;
}

/* Of a base on other nodes, the next pages come here before they are looked at. */
static int fetch(struct base_page_dump *dump)
{
	struct medes_extent *extent = xa_load(&dump->base->pages, dump->next);

	if (!medes_extent_missing(extent, dump->next - extent->first))
		return 0;
	return medes_fetch_pages(dump->base, dump->next, MEDES_READ_PAGES);
}

/**
 * medes_nl_base_page_get_dumpit() - list a base's pages
 * @skb: buffer
 * @cb: dump
 *
 * Context: process, behind the gate.
 * Return: 0 at the end, -EMSGSIZE when @skb is full; what medes_fetch_pages() says
 * when pages are on other nodes.
 */
int medes_nl_base_page_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct base_page_dump *dump = (void *)cb->ctx;
	struct medes_extent *extent;
	int err;

	for (;; dump->next++) {
		extent = xa_find(&dump->base->pages, &dump->next, U32_MAX,
				 XA_PRESENT);
		if (!extent)
			return 0;
		err = fetch(dump);
		if (err)
			return err;
		err = medes_put_base_page(skb, genl_info_dump(cb), extent,
					  dump->next - extent->first);
		if (err)
			return err;
		cond_resched();
	}
}

/**
 * medes_nl_base_page_get_done() - end a list of a base's pages
 * @cb: dump
 *
 * Context: process; also of who closes the socket.
 * Return: 0.
 */
int medes_nl_base_page_get_done(struct netlink_callback *cb)
{
	struct base_page_dump *dump = (void *)cb->ctx;

	medes_base_put(dump->base);
	return 0;
}
