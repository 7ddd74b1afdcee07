// SPDX-License-Identifier: GPL-2.0
/*
 * Scan: walk a sandbox's memory with a cursor, window by window, and say of
 * each page that could be deduplicated what it may be found by. What is
 * deduplicated already is not looked at, so a second round costs what came
 * back in between. All that a scan says is a hint: who stores the page checks
 * it again.
 *
 * A scan is driven by a netlink dump, whose reads are serialised by its
 * socket. Between two reads it holds no page and no address space, only the
 * cursor and the sandbox: who stops reading keeps nothing in memory.
 */
#include <linux/highmem.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "mm.h"
#include "sandbox.h"
#include "scan.h"
#include "stats.h"
#include "view.h"

/**
 * medes_scan_begin() - begin to scan a sandbox
 * @sandbox: the scan takes a reference of its own
 *
 * Context: may sleep.
 * Return: the scan, or NULL without memory.
 */
struct medes_scan *medes_scan_begin(struct medes_sandbox *sandbox)
{
	struct medes_scan *scan = kzalloc_obj(*scan);

	if (!scan)
		return NULL;
	kref_get(&sandbox->ref);
	scan->sandbox = sandbox;
	return scan;
}

/* The next address space, if there is one. */
static int next_mm(struct medes_scan *scan)
{
	u32 was = scan->mm;
	struct mm_struct *mm = medes_mm_get(scan->sandbox, &scan->mm,
					    NULL);

	if (!mm)
		return 0;
	if (scan->mm != was)
		scan->address = 0;
	scan->view = medes_view_open(mm);
	if (IS_ERR(scan->view)) {
		int err = PTR_ERR(scan->view);

		scan->view = NULL;
		return err;
	}
	scan->page = 0;
	return 1;
}

static void done_mm(struct medes_scan *scan)
{
	medes_view_close(scan->view);
	scan->view = NULL;
	scan->mm++;
	scan->address = 0;
}

/* The next window of this address space, if there is one. */
static int next_window(struct medes_scan *scan)
{
	int err;

	medes_view_release(scan->view);
	scan->page = 0;
	err = medes_view_read(scan->view, scan->address, TASK_SIZE_MAX);
	if (err > 0)
		scan->address = scan->view->start +
				((unsigned long)scan->view->nr << PAGE_SHIFT);
	return err;
}

static void look(struct medes_scan *scan, unsigned int i,
		 struct medes_scanned *found)
{
	struct medes_account *account = scan->sandbox->account;
	const void *bytes = kmap_local_page(scan->view->page[i]);

	found->mm = scan->mm;
	found->address = scan->view->start + ((unsigned long)i << PAGE_SHIFT);
	found->hash = medes_page_hash(bytes, account->seed);
	medes_fingerprint(bytes, account->seed, found->sketch);
	found->huge = test_bit(i, scan->view->huge);
	kunmap_local(bytes);
	medes_count(account, SCANNED, 1);
}

/**
 * medes_scan_next() - find the next page
 * @scan: from medes_scan_begin()
 * @found: filled when there is one
 *
 * Context: may sleep; takes mmap_lock for read.
 * Return: 1 when there is one, 0 at the end, -ENOMEM, -EINTR when killed.
 */
int medes_scan_next(struct medes_scan *scan, struct medes_scanned *found)
{
	int err;

	for (;;) {
		if (!scan->view) {
			err = next_mm(scan);
			if (err <= 0)
				return err;
		}
		while (scan->page < scan->view->nr) {
			unsigned int i = scan->page++;

			if (scan->view->page[i]) {
				look(scan, i, found);
				return 1;
			}
		}
		err = next_window(scan);
		if (err < 0)
			return err;
		if (!err)
			done_mm(scan);
		cond_resched();
	}
}

/**
 * medes_scan_again() - pause, and give the last page once more afterwards
 * @scan: after medes_scan_next() returned 1
 *
 * Context: may sleep.
 */
void medes_scan_again(struct medes_scan *scan)
{
	medes_count(scan->sandbox->account, SCANNED, -1);
	scan->address = scan->view->start +
			((unsigned long)(scan->page - 1) << PAGE_SHIFT);
	medes_view_close(scan->view);
	scan->view = NULL;
}

/**
 * medes_scan_end() - end a scan, wherever it is
 * @scan: from medes_scan_begin()
 *
 * Context: may sleep.
 */
void medes_scan_end(struct medes_scan *scan)
{
	if (scan->view)
		medes_view_close(scan->view);
	medes_sandbox_put(scan->sandbox);
	kfree(scan);
}
