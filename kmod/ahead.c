// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that were rebuilt ahead of being mapped.
 *
 * A bulk restore rebuilds a batch of pages before it unmaps any, so that what
 * is slow keeps nobody from a page. Until they are mapped, the rebuilt pages
 * are here, by their records, and whoever touches one of them in the meantime
 * takes it instead of rebuilding it once more.
 *
 * A record's page is put here, taken and cancelled by different tasks:
 *
 *  - put and take happen under the folio lock of the record's device page, or
 *    when the record is freed, after the last reference to that page. So a
 *    page in the table is always its record's.
 *  - who put it may cancel any time, and gets it back if nobody was faster.
 *
 * The table is empty unless a restore is at work; all others pay one load.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/spinlock.h>
#include "ahead.h"

#define BUCKET_BITS 6

static struct bucket {
	spinlock_t lock;	/* list, and node and page of what is in it */
	struct hlist_head list;
} buckets[1 << BUCKET_BITS];

static atomic_t nr_ahead;

static struct bucket *bucket_of(const struct medes_record *record)
{
	return &buckets[hash_ptr(record, BUCKET_BITS)];
}

/**
 * medes_ahead_init() - prepare the table
 *
 * Context: module init.
 */
void __init medes_ahead_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(buckets); i++)
		spin_lock_init(&buckets[i].lock);
}

/**
 * medes_ahead_put() - keep a page that was rebuilt
 * @ahead: the caller's, who cancels it before it goes
 * @record: whose device page is locked
 * @page: its bytes; in nobody's hands but the table's from now on
 *
 * Context: any, but not in interrupts.
 */
void medes_ahead_put(struct medes_ahead *ahead, struct medes_record *record,
		     struct page *page)
{
	struct bucket *bucket = bucket_of(record);

	ahead->record = record;
	ahead->page = page;
	atomic_inc(&nr_ahead);
	spin_lock(&bucket->lock);
	hlist_add_head(&ahead->node, &bucket->list);
	spin_unlock(&bucket->lock);
}

static struct page *remove(struct medes_ahead *ahead)
{
	struct page *page = ahead->page;

	hlist_del_init(&ahead->node);
	ahead->page = NULL;
	atomic_dec(&nr_ahead);
	return page;
}

/**
 * medes_ahead_take() - take a record's page if somebody has rebuilt it
 * @record: whose device page is locked, or that is being freed
 *
 * Context: any, but not in interrupts; page table locks may be held.
 * Return: the page, the caller's now, or NULL.
 */
struct page *medes_ahead_take(struct medes_record *record)
{
	struct page *page = NULL;
	struct medes_ahead *ahead;
	struct bucket *bucket;

	if (!atomic_read(&nr_ahead))
		return NULL;
	bucket = bucket_of(record);
	spin_lock(&bucket->lock);
	hlist_for_each_entry(ahead, &bucket->list, node) {
		if (ahead->record != record)
			continue;
		page = remove(ahead);
		break;
	}
	spin_unlock(&bucket->lock);
	return page;
}

/**
 * medes_ahead_cancel() - have a page back that nobody took
 * @ahead: given to medes_ahead_put() by the same caller
 *
 * Context: any, but not in interrupts.
 * Return: the page, or NULL when somebody took it.
 */
struct page *medes_ahead_cancel(struct medes_ahead *ahead)
{
	struct bucket *bucket = bucket_of(ahead->record);
	struct page *page = NULL;

	spin_lock(&bucket->lock);
	if (ahead->page)
		page = remove(ahead);
	spin_unlock(&bucket->lock);
	return page;
}
