// SPDX-License-Identifier: GPL-2.0
/*
 * A reserve of pages.
 *
 * Whoever touches a deduplicated page needs a free one at once. When memory is
 * so short that there is none without waiting, the page comes from here and a
 * worker fills the reserve again; only when that is exhausted too has the
 * toucher to reclaim memory by itself, like any other page fault. After
 * mm/mempool.c, but who takes never waits here.
 *
 * Its size is max_reserve_pages. Bulk restores do not draw from it.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "limits.h"
#include "op.h"
#include "reserve.h"

/* When there was no memory, how long to wait before the next try. */
#define TRY_AFTER (HZ / 10)

static DEFINE_SPINLOCK(lock);	/* pages, nr_pages */
static LIST_HEAD(pages);
static unsigned int nr_pages;

static void refill(struct work_struct *work);
static DECLARE_DELAYED_WORK(refill_work, refill);

static struct page *pop(void)
{
	struct page *page;

	spin_lock(&lock);
	page = list_first_entry_or_null(&pages, struct page, lru);
	if (page) {
		list_del(&page->lru);
		WRITE_ONCE(nr_pages, nr_pages - 1);
	}
	spin_unlock(&lock);
	return page;
}

static void push(struct page *page)
{
	spin_lock(&lock);
	list_add(&page->lru, &pages);
	WRITE_ONCE(nr_pages, nr_pages + 1);
	spin_unlock(&lock);
}

/* The reserve is not for reclaim to be pushed hard for. */
static void refill(struct work_struct *work)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN |
			  __GFP_NOMEMALLOC;
	struct page *page;

	while (nr_pages < READ_ONCE(medes_limits.max_reserve_pages)) {
		page = alloc_page(gfp);
		if (!page) {
			queue_delayed_work(system_dfl_wq, &refill_work,
					   TRY_AFTER);
			return;
		}
		push(page);
		cond_resched();
	}
	while (nr_pages > READ_ONCE(medes_limits.max_reserve_pages)) {
		page = pop();
		if (page)
			__free_page(page);
	}
}

/**
 * medes_reserve_take() - a page when there is no other
 *
 * Context: any, but not in interrupts; never waits.
 * Return: a page, or NULL when the reserve is exhausted.
 */
struct page *medes_reserve_take(void)
{
	struct page *page = pop();

	queue_delayed_work(system_dfl_wq, &refill_work, 0);
	return page;
}

/**
 * medes_reserve_resize() - the wanted size has changed
 *
 * Context: any.
 */
void medes_reserve_resize(void)
{
	mod_delayed_work(system_dfl_wq, &refill_work, 0);
}

/**
 * medes_reserve_pages() - how much is in the reserve
 *
 * Context: any.
 * Return: pages.
 */
u64 medes_reserve_pages(void)
{
	return READ_ONCE(nr_pages);
}

/**
 * medes_reserve_init() - begin to fill the reserve
 *
 * Context: module init.
 */
void __init medes_reserve_init(void)
{
	medes_reserve_resize();
}

/**
 * medes_reserve_exit() - give the reserve back
 *
 * Context: module exit; no fault can come.
 */
void medes_reserve_exit(void)
{
	struct page *page;

	cancel_delayed_work_sync(&refill_work);
	while ((page = pop()))
		__free_page(page);
}
