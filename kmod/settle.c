// SPDX-License-Identifier: GPL-2.0
/*
 * Settle: the fast records of a sandbox that stays idle are made again, densely.
 *
 * The sandbox's pages are found among all device pages, not in its page tables:
 * no mmap_lock is taken, and the pages of processes that have left it (forked
 * children) are settled, too.
 *
 * A device page's record changes only under the lock of its folio, which a fault
 * and a restore hold as well while they use the record. To encode takes some
 * hundred microseconds, too long for a fault to wait. So the folio is held twice:
 * once to decode the record, some microseconds; once to put the new one in its
 * place, if the old one still stands there, which takes no time. In between the
 * page may come back, go, or be deduplicated again: then the new record is for
 * nothing. The folio's lock is tried and never waited for, and a fault that meets
 * our reference is tried again by the processor.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "base.h"
#include "codec.h"
#include "devmem.h"
#include "fetch.h"
#include "op.h"
#include "pack.h"
#include "record.h"
#include "sandbox.h"
#include "settle.h"
#include "stats.h"
#include "workspace.h"

/* Shorter records gain nothing: zsmalloc's classes are 16 bytes apart. */
#define SETTLE_ABOVE 48
#define CLASS_BYTES 16

/**
 * struct settle - an operation at work
 * @op: the operation
 * @account: of its sandbox
 * @was: the record that is made again; a name only, unless its folio is locked
 * @checksum: of its page, likewise @len: of its bytes
 * @extent: of its base page, used by us; or NULL
 * @slot: of the base page
 * @page: what it gives
 */
struct settle {
	struct medes_op *op;
	struct medes_account *account;
	struct medes_record *was;
	u64 checksum;
	unsigned int len;
	struct medes_extent *extent;
	u32 slot;
	u8 page[PAGE_SIZE];
};

/* The record of a device page, locked and held; NULL when it can't be had. */
static struct medes_record *hold(struct page *page)
{
	struct medes_record *record = medes_devmem_lock(page);

	if (!record || (!record->read && !record->lost))
		return record;
	medes_devmem_unlock(page);
	return NULL;
}

/* Take what making the record again needs. False: it stays as it is. */
static bool take(struct settle *s, struct page *page)
{
	struct medes_record *record = hold(page);
	bool taken = false;

	if (!record)
		return false;
	if (record->account != s->account)
		goto out;
	s->op->done++;
	if (record->dense || record->len < SETTLE_ABOVE ||
	    medes_record_decode(record, s->page))
		goto out;
	s->was = record;
	s->checksum = record->checksum;
	s->len = record->len;
	s->extent = record->extent;
	s->slot = record->slot;
	if (s->extent)
		medes_extent_use(s->extent, s->slot);
	taken = true;
out:
	medes_devmem_unlock(page);
	return taken;
}

static bool is_shorter(unsigned int len, unsigned int was)
{
	return DIV_ROUND_UP(len, CLASS_BYTES) < DIV_ROUND_UP(was, CLASS_BYTES);
}

static struct medes_record *make(struct settle *s)
{
	struct medes_encoder *encoder = medes_encoder_get();
	struct medes_record *record = NULL;
	struct medes_coded coded;
	int len;

	if (!encoder)
		return NULL;
	len = medes_encoder_run(encoder, s->op->mode, s->page, s->extent, s->slot,
				&coded);
	if (len >= 0 && is_shorter(len, s->len))
		record = medes_record_new(s->account, s->checksum, &coded,
					  s->extent, s->slot);
	medes_encoder_put(encoder);
	return IS_ERR(record) ? NULL : record;
}

/* The new record in the old one's place, if that stands there still. */
static void replace(struct settle *s, struct page *page,
		    struct medes_record *record)
{
	struct medes_record *now = hold(page);

	if (now) {
		/* Another record may have got the memory of the old one. */
		if (now == s->was && now->checksum == s->checksum &&
		    now->account == s->account) {
			medes_devmem_replace(page, record);
			record = now;
			s->op->stored++;
			medes_count(s->account, SETTLED, 1);
		}
		medes_devmem_unlock(page);
	}
	medes_record_unused(record);
}

static void settle_page(struct settle *s, struct page *page)
{
	struct medes_record *record;

	if (!page_ref_count(page) || !take(s, page))
		return;
	record = make(s);
	if (record)
		replace(s, page, record);
	if (s->extent)
		medes_extent_unuse(s->extent, s->slot);
}

/* The next stretch of device memory; false at the end. */
static bool step(struct settle *s, struct medes_devmem_cursor *cursor)
{
	int idx = medes_devmem_enter();
	unsigned long pfn;
	bool more = medes_devmem_next(cursor, &pfn);

	if (more)
		medes_fetch_devices(pfn, MEDES_DEVMEM_STRETCH, s->account);
	for (unsigned int i = 0; more && i < MEDES_DEVMEM_STRETCH; i++)
		settle_page(s, pfn_to_page(pfn + i));
	medes_devmem_leave(idx);
	return more;
}

static int settle_all(struct settle *s)
{
	struct medes_devmem_cursor cursor = {};
	u64 begin = ktime_get_ns();
	int err = 0;

	while (!err && step(s, &cursor)) {
		if (!medes_op_progress(s->op))
			err = -ECANCELED;
		cond_resched();
	}
	medes_devmem_stop(&cursor);
	medes_count(s->account, SETTLE_NS, ktime_get_ns() - begin);
	return err;
}

/**
 * medes_settle_run() - make the fast records of a sandbox again, densely; or
 *	pack a base
 * @op: settle
 *
 * Context: worker; may sleep, takes no lock that a fault waits for.
 * Return: 0, also when some were busy or got no shorter, -ECANCELED, -ENOMEM.
 */
int medes_settle_run(struct medes_op *op)
{
	struct settle *s;
	int err;

	if (op->base)
		return medes_pack_run(op);
	s = kmalloc_obj(*s);
	if (!s)
		return -ENOMEM;
	s->op = op;
	s->account = op->sandbox->account;
	op->total = medes_live_pages(s->account);
	err = settle_all(s);
	kfree(s);
	return err;
}
