// SPDX-License-Identifier: GPL-2.0
/*
 * Rebuild one page from its record, and what it means when that fails.
 *
 * A page that cannot be rebuilt is lost: nobody ever sees other bytes in its
 * place. Its record stays, with the device page, until the address space lets
 * go of it; every touch is refused again.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/ratelimit.h>
#include "base.h"
#include "devmem.h"
#include "fetch.h"
#include "netlink.h"
#include "rebuild.h"
#include "record.h"
#include "sandbox.h"
#include "stats.h"
#include "trace.h"

static const char * const reasons[] = {
	[MEDES_LOSS_REASON_MALFORMED] = "malformed record",
	[MEDES_LOSS_REASON_CHECKSUM] = "checksum",
	[MEDES_LOSS_REASON_UNREACHABLE] = "no node gives its base page",
};

/* The device page is locked, which is what @lost is written under. */
static void lose(struct medes_record *record, unsigned long address,
		 enum medes_loss_reason reason)
{
	struct medes_extent *extent = record->extent;
	struct medes_loss loss = {
		.sandbox = record->account->sandbox,
		.address = address,
		.encoding = record->encoding,
		.base = extent ? extent->base->id : 0,
		.index = extent ? extent->first + record->slot : 0,
		.reason = reason,
	};

	medes_count(record->account, LOSSES, 1);
	trace_medes_loss(loss.sandbox, address, loss.encoding, loss.base,
			 loss.index, reason);
	/* Said once: who touches a lost page in a loop floods nobody. */
	if (record->lost)
		return;
	record->lost = true;
	medes_count(record->account, PAGES_LOST, 1);
	pr_err_ratelimited("medes: a page of sandbox %u at %#lx is lost (%s)\n",
			   loss.sandbox, address, reasons[reason]);
	medes_notify_loss(&loss);
	medes_sandbox_kick(loss.sandbox);
}

/* A base page has come back, and with it this page. */
static void find_again(struct medes_record *record)
{
	record->lost = false;
	medes_count(record->account, PAGES_LOST, -1);
	medes_sandbox_kick(record->account->sandbox);
}

/**
 * medes_rebuild() - rebuild a page
 * @record: whose device page is locked and held by the caller
 * @page: fresh page to fill
 * @address: where it was touched, for the reports; 0 when that is not known
 *
 * Context: may sleep when the page is lost; mmap_lock may be held for read.
 * Return: 0, -EIO when the page is lost, -EAGAIN when its base page has to be
 * fetched first and there is hope.
 */
int medes_rebuild(struct medes_record *record, struct page *page,
		  unsigned long address)
{
	enum medes_loss_reason reason = MEDES_LOSS_REASON_MALFORMED;
	void *bytes = kmap_local_page(page);
	int err;

	err = medes_record_decode(record, bytes);
	kunmap_local(bytes);
	medes_count(record->account, REBUILT, 1);
	if (!err) {
		if (record->lost)
			find_again(record);
		return 0;
	}
	if (err == -EILSEQ)
		reason = MEDES_LOSS_REASON_CHECKSUM;
	if (err == -EAGAIN &&
	    !medes_fetch_is_vain(record, &reason))
		return -EAGAIN;
	lose(record, address, reason);
	return -EIO;
}

/**
 * medes_rebuild_wanted() - is this entry of migrate_vma a page of ours?
 * @src: entry of the src array after setup
 * @touched: device page that a fault holds, NULL when there is no fault
 *
 * A page that somebody else refers to for a moment can't migrate, which the
 * core finds out too late: after the work.
 *
 * Context: any.
 * Return: true when a destination is to be given for it.
 */
bool medes_rebuild_wanted(unsigned long src, struct page *touched)
{
	struct page *page = migrate_pfn_to_page(src);

	return page && src & MIGRATE_PFN_MIGRATE &&
	       is_device_private_page(page) &&
	       page_pgmap(page)->owner == medes_devmem_owner &&
	       page_ref_count(page) == 1 + (page == touched);
}
