// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to user space.
 *
 * Each function appends one whole message to a buffer, or nothing at all and
 * says -EMSGSIZE. They serve replies, dumps and events alike: genl_info tells
 * which it is. Objects are the caller's references; counters move while they
 * are read, and what is read is a moment's view.
 *
 * Locks: medes_put_sandbox() and medes_sandbox_room() take the sandbox's lock,
 * nothing else takes any.
 */
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/time_namespace.h>
#include <linux/unaligned.h>
#include <net/genetlink.h>
#include "base.h"
#include "codec.h"
#include "devmem.h"
#include "domain.h"
#include "fingerprint.h"
#include "inspect.h"
#include "limits.h"
#include "mm.h"
#include "netlink.h"
#include "netlink_message.h"
#include "netlink_put.h"
#include "pack.h"
#include "sandbox.h"
#include "scan.h"
#include "stats.h"
#include "workspace.h"

static_assert(MEDES_SKETCH * sizeof(u64) == MEDES_SKETCH_LEN);

/* One number, one counter, one process: what they take in a message. */
#define U32_ROOM nla_total_size(sizeof(u32))
#define U64_ROOM nla_total_size(sizeof(u64))
#define PROCESS_ROOM nla_total_size(2 * U32_ROOM + U64_ROOM)

static int put_stats(struct sk_buff *skb, int type,
		     struct medes_account *account)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	unsigned int stat;

	if (!nest)
		return -EMSGSIZE;
	for (stat = 1; stat <= MEDES_A_STATS_MAX; stat++)
		if (medes_put_u64(skb, stat, medes_stat_read(account, stat)))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * medes_put_features() - what this module is
 * @skb: buffer
 * @info: request
 *
 * Context: may sleep.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_features(struct sk_buff *skb, const struct genl_info *info)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = medes_put_u64(skb, MEDES_A_FEATURES_INSTANCE, medes_instance()) ||
	      nla_put_u32(skb, MEDES_A_FEATURES_PAGE_SIZE, PAGE_SIZE) ||
	      nla_put_u32(skb, MEDES_A_FEATURES_ENCODINGS,
			  GENMASK(MEDES_ENCODING_MAX, 0)) ||
	      medes_put_u64(skb, MEDES_A_FEATURES_CHUNK_BYTES, MEDES_CHUNK_BYTES) ||
	      medes_put_u64(skb, MEDES_A_FEATURES_MAX_DEVICE_PAGES,
			    READ_ONCE(medes_limits.max_device_pages)) ||
	      medes_put_u64(skb, MEDES_A_FEATURES_MAX_BASE_BYTES,
			    READ_ONCE(medes_limits.max_base_bytes)) ||
	      medes_put_u64(skb, MEDES_A_FEATURES_MAX_RECORD_BYTES,
			    READ_ONCE(medes_limits.max_record_bytes)) ||
	      put_stats(skb, MEDES_A_FEATURES_STATS, &medes_totals) ||
	      nla_put_u32(skb, MEDES_A_FEATURES_MODES,
			  GENMASK(MEDES_MODE_MAX, 0)) ||
	      nla_put_u32(skb, MEDES_A_FEATURES_RECORD_FORMAT,
			  MEDES_RECORD_FORMAT) ||
	      nla_put_u32(skb, MEDES_A_FEATURES_SKETCH_FORMAT,
			  MEDES_SKETCH_FORMAT);
	return medes_message_end(skb, head, err);
}

/* As /proc/PID/stat shows it, so that it may be given to us again. */
static u64 start_time(struct task_struct *task)
{
	u64 ns = timens_add_boottime_ns(task->start_boottime);

	return div_u64(ns, NSEC_PER_SEC / USER_HZ);
}

/* A process may have gone, or be unknown in the reader's pid namespace. */
static int put_owner(struct sk_buff *skb, struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	u32 nr = pid_vnr(pid);
	int err = 0;

	if (!task)
		return 0;
	if (nr)
		err = nla_put_u32(skb, MEDES_A_PROCESS_PID, nr) ||
		      medes_put_u64(skb, MEDES_A_PROCESS_START_TIME,
				    start_time(task));
	put_task_struct(task);
	return err;
}

static int put_mm(struct sk_buff *skb, struct medes_mm *mm)
{
	struct nlattr *nest = nla_nest_start(skb, MEDES_A_SANDBOX_PROCESS);

	if (!nest || put_owner(skb, mm->pid) ||
	    nla_put_u32(skb, MEDES_A_PROCESS_MM, mm->id))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_mms(struct sk_buff *skb, struct medes_sandbox *sandbox)
{
	struct medes_mm *mm;
	int err = 0;

	mutex_lock(&sandbox->lock);
	list_for_each_entry(mm, &sandbox->mms, node) {
		err = put_mm(skb, mm);
		if (err)
			break;
	}
	mutex_unlock(&sandbox->lock);
	return err;
}

/**
 * medes_sandbox_room() - bytes that a sandbox's message may take
 * @sandbox: the sandbox
 *
 * Context: may sleep; takes the sandbox's lock.
 * Return: bytes, right for the processes that it has now.
 */
size_t medes_sandbox_room(struct medes_sandbox *sandbox)
{
	size_t processes;

	mutex_lock(&sandbox->lock);
	processes = list_count_nodes(&sandbox->mms);
	mutex_unlock(&sandbox->lock);
	return genlmsg_total_size(2 * U32_ROOM +
				  3 * nla_total_size(MEDES_NAME_MAX + 1) +
				  nla_total_size(MEDES_A_STATS_MAX * U64_ROOM) +
				  processes * PROCESS_ROOM) + NLMSG_HDRLEN;
}

/**
 * medes_put_sandbox() - a sandbox, its processes and counters
 * @skb: buffer
 * @info: request or event
 * @sandbox: the sandbox
 *
 * Context: may sleep; takes the sandbox's lock. Processes are named as the
 * caller's pid namespace knows them.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_sandbox(struct sk_buff *skb, const struct genl_info *info,
		      struct medes_sandbox *sandbox)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = nla_put_u32(skb, MEDES_A_SANDBOX_ID, sandbox->id) ||
	      nla_put_string(skb, MEDES_A_SANDBOX_NAME, sandbox->name) ||
	      nla_put_string(skb, MEDES_A_SANDBOX_DOMAIN,
			     sandbox->domain->name) ||
	      nla_put_string(skb, MEDES_A_SANDBOX_FUNCTION,
			     sandbox->function) ||
	      nla_put_u32(skb, MEDES_A_SANDBOX_STATE,
			  READ_ONCE(sandbox->state)) ||
	      put_stats(skb, MEDES_A_SANDBOX_STATS, sandbox->account) ||
	      put_mms(skb, sandbox);
	return medes_message_end(skb, head, err);
}

static u32 used_pages(struct medes_base *base)
{
	struct medes_extent *extent;
	unsigned long index;
	u32 used = 0;

	xa_for_each(&base->pages, index, extent)
		used += !!atomic_read(&extent->users[index - extent->first]);
	return used;
}

/**
 * medes_put_base() - a base
 * @skb: buffer
 * @info: request
 * @base: the base
 *
 * Context: may sleep.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_base(struct sk_buff *skb, const struct genl_info *info,
		   struct medes_base *base)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = medes_put_u64(skb, MEDES_A_BASE_ID, base->id) ||
	      nla_put_string(skb, MEDES_A_BASE_NAME, base->name) ||
	      nla_put_string(skb, MEDES_A_BASE_DOMAIN, base->domain->name) ||
	      nla_put_string(skb, MEDES_A_BASE_FUNCTION, base->function) ||
	      nla_put_u32(skb, MEDES_A_BASE_PAGES,
			  atomic_read(&base->nr_pages)) ||
	      nla_put_u32(skb, MEDES_A_BASE_USED_PAGES, used_pages(base)) ||
	      medes_put_u64(skb, MEDES_A_BASE_USERS,
			    atomic64_read(&base->users)) ||
	      medes_put_u64(skb, MEDES_A_BASE_BYTES, medes_base_size(base)) ||
	      medes_put_base_shared(skb, base);
	return medes_message_end(skb, head, err);
}

/* What cannot be read resembles nothing. */
static void print_base_page(struct medes_extent *extent, u32 slot, u64 *hash,
			    u64 sketch[MEDES_SKETCH])
{
	u64 seed = extent->base->domain->seed;
	struct medes_decoder *decoder = medes_decoder_get();
	const void *page;

	rcu_read_lock();
	page = medes_extent_read(extent, slot, decoder);
	if (page) {
		*hash = medes_page_hash(page, seed);
		medes_fingerprint(page, seed, sketch);
	} else {
		*hash = 0;
		memset(sketch, 0, MEDES_SKETCH * sizeof(*sketch));
	}
	rcu_read_unlock();
	medes_decoder_put(decoder);
}

/**
 * medes_put_base_page() - hash and sketch of a base page
 * @skb: buffer
 * @info: request
 * @extent: of a base that the caller holds
 * @slot: of a page that was published there; published pages never change
 *
 * Context: any; some microseconds, none when @skb is full.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_base_page(struct sk_buff *skb, const struct genl_info *info,
			struct medes_extent *extent, u32 slot)
{
	void *head = medes_message_begin(skb, info);
	struct nlattr *hash, *sketch;
	u64 windows[MEDES_SKETCH];
	u64 whole;
	int err;

	if (!head)
		return -EMSGSIZE;
	hash = nla_reserve(skb, MEDES_A_BASE_PAGE_HASH, sizeof(whole));
	sketch = nla_reserve(skb, MEDES_A_BASE_PAGE_SKETCH, sizeof(windows));
	err = !hash || !sketch ||
	      nla_put_u32(skb, MEDES_A_BASE_PAGE_INDEX,
			  extent->first + slot) ||
	      nla_put_u32(skb, MEDES_A_BASE_PAGE_USERS,
			  atomic_read(&extent->users[slot]));
	if (!err) {
		print_base_page(extent, slot, &whole, windows);
		put_unaligned(whole, (u64 *)nla_data(hash));
		memcpy(nla_data(sketch), windows, sizeof(windows));
	}
	return medes_message_end(skb, head, err);
}

/**
 * medes_put_page() - a page that a scan found
 * @skb: buffer
 * @info: request
 * @page: the page
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_page(struct sk_buff *skb, const struct genl_info *info,
		   const struct medes_scanned *page)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = nla_put_u32(skb, MEDES_A_PAGE_MM, page->mm) ||
	      medes_put_u64(skb, MEDES_A_PAGE_ADDRESS, page->address) ||
	      medes_put_u64(skb, MEDES_A_PAGE_HASH, page->hash) ||
	      nla_put(skb, MEDES_A_PAGE_SKETCH, sizeof(page->sketch),
		      page->sketch) ||
	      (page->huge && nla_put_flag(skb, MEDES_A_PAGE_HUGE));
	return medes_message_end(skb, head, err);
}

/**
 * medes_put_op() - an operation
 * @skb: buffer
 * @info: request or event
 * @op: the operation
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_op(struct sk_buff *skb, const struct genl_info *info,
		 struct medes_op *op)
{
	/* Of an operation that ended, everything below is final. */
	enum medes_op_state state = smp_load_acquire(&op->state);
	void *head = medes_message_begin(skb, info);
	bool pages = op->kind == MEDES_OP_KIND_DEDUP ||
		     op->kind == MEDES_OP_KIND_DEMARCATE;
	int err;

	if (!head)
		return -EMSGSIZE;
	err = nla_put_u32(skb, MEDES_A_OP_ID, op->id) ||
	      nla_put_u32(skb, MEDES_A_OP_KIND, op->kind) ||
	      nla_put_u32(skb, MEDES_A_OP_STATE, state) ||
	      (op->sandbox_id &&
	       nla_put_u32(skb, MEDES_A_OP_SANDBOX, op->sandbox_id)) ||
	      (pages && nla_put_u32(skb, MEDES_A_OP_MM, op->mm)) ||
	      (op->base_id && medes_put_u64(skb, MEDES_A_OP_BASE, op->base_id)) ||
	      medes_put_u64(skb, MEDES_A_OP_TOTAL, READ_ONCE(op->total)) ||
	      medes_put_u64(skb, MEDES_A_OP_DONE, READ_ONCE(op->done)) ||
	      medes_put_u64(skb, MEDES_A_OP_STORED, READ_ONCE(op->stored)) ||
	      medes_put_u64(skb, MEDES_A_OP_LOST, READ_ONCE(op->lost)) ||
	      nla_put_s32(skb, MEDES_A_OP_ERROR, READ_ONCE(op->error)) ||
	      (op->working_set &&
	       nla_put_flag(skb, MEDES_A_OP_WORKING_SET)) ||
	      medes_put_u64(skb, MEDES_A_OP_ELAPSED_NS, READ_ONCE(op->elapsed_ns)) ||
	      nla_put_u32(skb, MEDES_A_OP_MODE, op->mode);
	return medes_message_end(skb, head, err);
}

/**
 * medes_put_op_id() - the answer to a request that queued an operation
 * @skb: buffer
 * @info: request
 * @id: of the operation
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_op_id(struct sk_buff *skb, const struct genl_info *info, u32 id)
{
	void *head = medes_message_begin(skb, info);

	if (!head)
		return -EMSGSIZE;
	return medes_message_end(skb, head, nla_put_u32(skb, MEDES_A_OP_ID, id));
}

/**
 * medes_put_loss() - a page that could not be rebuilt
 * @skb: buffer
 * @info: event
 * @loss: what is known of it
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_loss(struct sk_buff *skb, const struct genl_info *info,
		   const struct medes_loss *loss)
{
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = nla_put_u32(skb, MEDES_A_LOSS_SANDBOX, loss->sandbox) ||
	      (loss->address &&
	       medes_put_u64(skb, MEDES_A_LOSS_ADDRESS, loss->address)) ||
	      nla_put_u32(skb, MEDES_A_LOSS_ENCODING, loss->encoding) ||
	      (loss->base &&
	       (medes_put_u64(skb, MEDES_A_LOSS_BASE, loss->base) ||
		nla_put_u32(skb, MEDES_A_LOSS_INDEX, loss->index))) ||
	      nla_put_u32(skb, MEDES_A_LOSS_REASON, loss->reason);
	return medes_message_end(skb, head, err);
}

/**
 * medes_put_record() - where a page is and what is kept of it
 * @skb: buffer
 * @info: request, of record-get
 * @mm: address space that was looked at
 * @found: what was found there
 *
 * Context: any.
 * Return: 0, or -EMSGSIZE when @skb is full.
 */
int medes_put_record(struct sk_buff *skb, const struct genl_info *info, u32 mm,
		     const struct medes_found *found)
{
	bool record = found->place == MEDES_PLACE_RECORD;
	void *head = medes_message_begin(skb, info);
	int err;

	if (!head)
		return -EMSGSIZE;
	err = nla_put_u32(skb, MEDES_A_RECORD_SANDBOX,
			  nla_get_u32(info->attrs[MEDES_A_RECORD_SANDBOX])) ||
	      nla_put_u32(skb, MEDES_A_RECORD_MM, mm) ||
	      medes_put_u64(skb, MEDES_A_RECORD_ADDRESS,
			    nla_get_u64(info->attrs[MEDES_A_RECORD_ADDRESS])) ||
	      nla_put_u32(skb, MEDES_A_RECORD_PLACE, found->place) ||
	      (record &&
	       (nla_put_u32(skb, MEDES_A_RECORD_ENCODING, found->encoding) ||
		nla_put_u32(skb, MEDES_A_RECORD_LEN, found->len))) ||
	      (found->base &&
	       (medes_put_u64(skb, MEDES_A_RECORD_BASE, found->base) ||
		nla_put_u32(skb, MEDES_A_RECORD_INDEX, found->index))) ||
	      (found->lost && nla_put_flag(skb, MEDES_A_RECORD_LOST));
	return medes_message_end(skb, head, err);
}
