// SPDX-License-Identifier: GPL-2.0
/*
 * Fetching: base pages of other nodes come into the cache before anything is
 * unmapped or encoded that needs them.
 *
 * What is wanted is collected, then read in one batch for each base. A batch that
 * fails is read again, from another replica or from the same when its node is back;
 * a page that comes with other bytes than its hash says is read from another
 * replica only. Nobody waits longer than read_timeout_ms, nor for a base that is
 * away for longer than that already.
 *
 * What is wanted counts as used, so its base stays.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/wait.h>
#include "base.h"
#include "cache.h"
#include "devmem.h"
#include "domain.h"
#include "fetch.h"
#include "fingerprint.h"
#include "limits.h"
#include "moves.h"
#include "peer.h"
#include "read.h"
#include "record.h"
#include "remote.h"
#include "stats.h"
#include "trace.h"

/* Batches that they may take. */
#define GROUPS 64

/* How often to look whether there is hope still. */
#define LOOK_EVERY (HZ / 10)

/**
 * struct group - what is wanted of one base, in one batch
 * @first: of the wants
 * @nr: of them, those that are not here
 * @read: under way, or NULL
 * @serial: of its session
 * @asked: the replica that was asked, a bit
 * @tried: replicas that failed, a bit each
 * @bad: replicas that had other bytes; never asked again
 */
struct group {
	unsigned int first;
	unsigned int nr;
	struct medes_read *read;
	u32 serial;
	unsigned int asked;
	unsigned int tried;
	unsigned int bad;
};

/**
 * struct medes_fetch - what is wanted
 * @nr: pages
 * @nr_groups: batches, from medes_fetch_start() on
 * @want: the pages; those of a base stand together then
 * @group: the batches
 */
struct medes_fetch {
	unsigned int nr;
	unsigned int nr_groups;
	struct medes_want want[MEDES_FETCH_PAGES];
	struct group group[GROUPS];
};

/**
 * medes_fetch_new() - want nothing yet
 *
 * Context: may sleep.
 * Return: for medes_fetch_free() or _run(); NULL without memory.
 */
struct medes_fetch *medes_fetch_new(void)
{
	return kvzalloc_obj(struct medes_fetch);
}

/**
 * medes_fetch_free() - want nothing any more
 * @f: from medes_fetch_new(); reads under way go on by themselves
 *
 * Context: may sleep.
 */
void medes_fetch_free(struct medes_fetch *f)
{
	for (unsigned int i = 0; i < f->nr_groups; i++)
		if (f->group[i].read)
			medes_read_put(f->group[i].read);
	for (unsigned int i = 0; i < f->nr; i++)
		medes_extent_unuse(f->want[i].extent, f->want[i].slot);
	kvfree(f);
}

/**
 * medes_fetch_add() - want a page, if it is not here
 * @f: not started; when it has MEDES_FETCH_PAGES, nothing happens
 * @extent: of any base that has a user, or NULL
 * @slot: of the page
 *
 * Context: any.
 */
void medes_fetch_add(struct medes_fetch *f, struct medes_extent *extent,
		     u32 slot)
{
	if (!medes_extent_missing(extent, slot) || f->nr == MEDES_FETCH_PAGES)
		return;
	medes_extent_use(extent, slot);
	f->want[f->nr].extent = extent;
	f->want[f->nr++].slot = slot;
}

/**
 * medes_fetch_add_record() - want what a record needs
 * @f: not started
 * @record: kept alive by the caller
 *
 * Context: any.
 */
void medes_fetch_add_record(struct medes_fetch *f,
			    const struct medes_record *record)
{
	if (!record->extent)
		return;
	for (u32 i = 0; i < MEDES_NEAR; i++)
		if (record->reach >> i & 1)
			medes_fetch_add(f, record->extent,
					record->slot + i - MEDES_ITSELF);
}

/**
 * medes_fetch_add_device() - want what a device page's record needs
 * @f: not started
 * @device: that exists, see medes_devmem_enter()
 * @account: of the sandbox whose records count; NULL: all do
 *
 * Context: any.
 */
void medes_fetch_add_device(struct medes_fetch *f, struct page *device,
			    const struct medes_account *account)
{
	struct medes_record *record = medes_devmem_lock(device);

	if (!record)
		return;
	if (!account || record->account == account)
		medes_fetch_add_record(f, record);
	medes_devmem_unlock(device);
}

/**
 * medes_fetch_is_empty() - is nothing wanted?
 * @f: from medes_fetch_new()
 *
 * Context: any.
 * Return: true if so.
 */
bool medes_fetch_is_empty(const struct medes_fetch *f)
{
	return !f->nr;
}

static int by_place(const void *one, const void *other)
{
	const struct medes_want *a = one, *b = other;
	const struct medes_base *x = a->extent->base, *y = b->extent->base;

	if (x != y)
		return x < y ? -1 : 1;
	return cmp_int((u64)a->extent->first + a->slot,
		       (u64)b->extent->first + b->slot);
}

/* Each page once, those of a base together, in the order of their indexes. */
static void arrange(struct medes_fetch *f)
{
	struct medes_want *want = f->want;
	unsigned int n = 0;

	sort(want, f->nr, sizeof(*want), by_place, NULL);
	for (unsigned int i = 0; i < f->nr; i++) {
		if (n && !by_place(&want[n - 1], &want[i]))
			medes_extent_unuse(want[i].extent, want[i].slot);
		else
			want[n++] = want[i];
	}
	f->nr = n;
	for (unsigned int i = 0; i < n; i++) {
		struct group *g = &f->group[f->nr_groups];

		if (i && want[i].extent->base == want[i - 1].extent->base &&
		    g[-1].nr < MEDES_READ_PAGES) {
			g[-1].nr++;
			continue;
		}
		if (f->nr_groups == GROUPS)
			break;
		g->first = i;
		g->nr = 1;
		f->nr_groups++;
	}
}

/* Begin to read; return 0, -ENXIO when nobody can be asked now, or an error. */
static int post(struct medes_fetch *f, struct group *g)
{
	struct medes_read_from *from;
	struct medes_session *session;
	unsigned int before = g->tried | g->bad, tried = before;
	struct medes_want *want = &f->want[g->first];
	int err = -ENXIO;

	from = kmalloc_objs(*from, g->nr);
	if (!from)
		return -ENOMEM;
	session = medes_remote_pick(want->extent->base, &tried, want, g->nr,
				    from);
	if (!session)
		goto out;
	g->asked = tried & ~before;
	g->serial = session->serial;
	g->read = medes_read_new(g->nr, GFP_KERNEL | __GFP_NOWARN);
	if (!g->read) {
		medes_session_put(session);
		err = -ENOMEM;
		goto out;
	}
	err = medes_read_post(g->read, session, from);
	if (err) {
		medes_read_put(g->read);
		g->read = NULL;
		g->tried |= g->asked;
	}
out:
	kfree(from);
	return err;
}

static bool is_right(const struct medes_want *want, struct page *page)
{
	const struct medes_extent *extent = want->extent;

	return medes_page_hash(page_address(page),
			       extent->base->domain->seed) ==
	       extent->far->hash[want->slot];
}

/* Take what has come; what is wrong stays wanted. Return 0 or -ENOMEM. */
static int take(struct medes_fetch *f, struct group *g)
{
	struct medes_want *want = &f->want[g->first];
	unsigned int left = 0;
	int err = 0;

	for (unsigned int i = 0; i < g->nr; i++) {
		struct page *page = g->read->page[i];

		if (!is_right(&want[i], page)) {
			atomic64_inc(&medes_totals.value[MEDES_A_STATS_REMOTE_BAD]);
			swap(want[left], want[i]);
			left++;
			continue;
		}
		g->read->page[i] = NULL;
		err = medes_cache_insert(want[i].extent, want[i].slot, page) ?:
		      err;
	}
	atomic64_add(g->nr, &medes_totals.value[MEDES_A_STATS_REMOTE_PAGES]);
	atomic64_add(g->read->nr_wr,
		     &medes_totals.value[MEDES_A_STATS_REMOTE_READS]);
	g->nr = left;
	if (left)
		g->bad |= g->asked;
	return err;
}

/* Wait for what is under way. */
static int collect(struct medes_fetch *f, struct group *g)
{
	struct medes_base *base = f->want[g->first].extent->base;
	int err = medes_read_wait(g->read);

	if (!err) {
		err = take(f, g);
	} else if (err != -EINTR) {
		g->tried |= g->asked;
		if (err == -EREMOTEIO)
			medes_remote_refuse(base, g->serial);
	}
	medes_read_put(g->read);
	g->read = NULL;
	return err;
}

/* Nobody can be asked now: wait until that changes. */
static int wait_for_peer(struct group *g, struct medes_base *base,
			 unsigned long deadline)
{
	long left;

	if (time_after_eq(jiffies, deadline) ||
	    medes_remote_is_lost(base, g->bad))
		return g->bad ? -EILSEQ : -EHOSTUNREACH;
	g->tried = 0;
	left = wait_event_killable_timeout(medes_peer_changed,
					   medes_remote_is_ready(base, g->bad),
					   min(LOOK_EVERY, deadline - jiffies));
	return left < 0 ? -EINTR : 0;
}

static void mark_bad(struct medes_fetch *f, struct group *g)
{
	for (unsigned int i = 0; i < g->nr; i++) {
		struct medes_want *want = &f->want[g->first + i];

		set_bit(want->slot, want->extent->far->bad);
	}
}

/* All of a base, however long that may take. */
static int finish(struct medes_fetch *f, struct group *g,
		  unsigned long deadline)
{
	struct medes_base *base = f->want[g->first].extent->base;
	int err = 0;

	for (;;) {
		if (g->read) {
			err = collect(f, g);
			if (err == -EINTR || err == -ENOMEM || !g->nr)
				return err;
			atomic64_inc(&medes_totals.value[MEDES_A_STATS_REMOTE_RETRIES]);
			trace_medes_read_retry(base->id, g->nr, err);
		}
		err = post(f, g);
		if (err == -ENXIO)
			err = wait_for_peer(g, base, deadline);
		else if (err == -ENOTCONN || err == -EIO)
			err = 0;
		if (err == -EILSEQ)
			mark_bad(f, g);
		if (err)
			return err;
	}
}

/**
 * medes_fetch_start() - begin to read what is wanted
 * @f: not started; what is wanted is complete
 *
 * Context: may sleep, until there are credits.
 */
void medes_fetch_start(struct medes_fetch *f)
{
	arrange(f);
	/* what fails is seen to by medes_fetch_finish() */
	for (unsigned int i = 0; i < f->nr_groups; i++)
		post(f, &f->group[i]);
}

/**
 * medes_fetch_finish() - wait until what is wanted is here
 * @f: started
 *
 * Context: may sleep, for read_timeout_ms at most, or until killed.
 * Return: 0, -EINTR when killed, -ENOMEM, -EHOSTUNREACH when nodes did not answer
 * in time or have the base no more, -EILSEQ when none has the right bytes. Some
 * pages may be here also then.
 */
int medes_fetch_finish(struct medes_fetch *f)
{
	unsigned long deadline = jiffies +
		msecs_to_jiffies(READ_ONCE(medes_limits.read_timeout_ms));
	int err = 0;

	for (unsigned int i = 0; i < f->nr_groups; i++)
		err = finish(f, &f->group[i], deadline) ?: err;
	return err;
}

/**
 * medes_fetch_run() - read what is wanted, and want nothing any more
 * @f: not started; freed
 *
 * Context: may sleep, as medes_fetch_finish().
 * Return: as medes_fetch_finish().
 */
int medes_fetch_run(struct medes_fetch *f)
{
	int err;

	medes_fetch_start(f);
	err = medes_fetch_finish(f);
	medes_fetch_free(f);
	return err;
}

/**
 * medes_fetch_devices() - fetch what the records of device pages need
 * @pfn: first page frame number, of device pages that exist
 * @n: how many, at most MEDES_READ_PAGES
 * @account: of the sandbox whose records count; NULL: all do
 *
 * Context: between medes_devmem_enter() and _leave(); may sleep.
 */
void medes_fetch_devices(unsigned long pfn, unsigned int n,
			 const struct medes_account *account)
{
	struct medes_fetch *f;

	if (!medes_remote_any())
		return;
	f = medes_fetch_new();
	if (!f)
		return;
	for (unsigned int i = 0; i < n; i++)
		if (page_ref_count(pfn_to_page(pfn + i)))
			medes_fetch_add_device(f, pfn_to_page(pfn + i),
					       account);
	medes_fetch_run(f);
}

/**
 * medes_fetch_pages() - fetch pages of a base
 * @base: held by the caller
 * @index: of the first
 * @n: indexes, at most MEDES_READ_PAGES; some may have no page
 *
 * Context: may sleep.
 * Return: 0, also when the base is here; as medes_fetch_finish(); -ENOENT when the
 * base was dropped.
 */
int medes_fetch_pages(struct medes_base *base, u32 index, unsigned int n)
{
	struct medes_fetch *f;

	if (!base->remote)
		return 0;
	f = medes_fetch_new();
	if (!f)
		return -ENOMEM;
	for (unsigned int i = 0; i < n && index + i >= index; i++) {
		struct medes_extent *extent;
		u32 slot;

		extent = medes_base_use(base, index + i, &slot);
		if (!extent)
			continue;
		medes_fetch_add(f, extent, slot);
		medes_extent_unuse(extent, slot);
	}
	return medes_fetch_run(f);
}

/**
 * medes_fetch_is_vain() - is there no use in fetching a page?
 * @record: kept alive by the caller; some page that it needs is not here
 * @reason: receives why, if so
 *
 * Context: any.
 * Return: true if so.
 */
bool medes_fetch_is_vain(const struct medes_record *record,
			 enum medes_loss_reason *reason)
{
	*reason = MEDES_LOSS_REASON_CHECKSUM;
	for (u32 i = 0; i < MEDES_NEAR; i++)
		if (record->reach >> i & 1 &&
		    test_bit(record->slot + i - MEDES_ITSELF,
			     record->extent->far->bad))
			return true;
	*reason = MEDES_LOSS_REASON_UNREACHABLE;
	return medes_remote_is_lost(record->extent->base, 0);
}
