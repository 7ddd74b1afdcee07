// SPDX-License-Identifier: GPL-2.0
/*
 * Extents: what a base grows by.
 *
 * Who makes an extent fills its slots and publishes those that shall stay; then
 * it is trimmed. While it is filled it is a user of its base, so that the base
 * cannot go. What was published never changes, and stays as long as the base.
 *
 * The pages of an extent are together in memory if that can be had: so it is
 * registered for other nodes in one piece.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "base.h"
#include "cache.h"
#include "limits.h"
#include "pack.h"
#include "stats.h"

/**
 * medes_extent_size() - what one extent costs
 * @extent: of a base that the caller holds; its lock is held
 *
 * Context: any.
 * Return: bytes of its pages and of itself.
 */
u64 medes_extent_size(struct medes_extent *extent)
{
	u64 bytes = sizeof(*extent);

	lockdep_assert_held(&extent->base->lock);
	if (extent->far)
		return bytes + sizeof(*extent->far);
	for (u32 i = 0; i < extent->count; i++)
		bytes += extent->page[i] ? PAGE_SIZE : extent->packed[i].len;
	return bytes;
}

/**
 * medes_extent_free() - free an extent that is in no base any more
 * @extent: that nobody else knows
 *
 * Context: may sleep.
 */
void medes_extent_free(struct medes_extent *extent)
{
	if (extent->far) {
		medes_far_free(extent);
		medes_base_account(-(s64)sizeof(*extent));
		kvfree(extent);
		return;
	}
	for (u32 i = 0; i < extent->count; i++) {
		if (extent->page[i]) {
			__free_page(extent->page[i]);
			medes_base_account(-(s64)PAGE_SIZE);
		}
		medes_pack_free(extent, i);
	}
	medes_base_account(-(s64)sizeof(*extent));
	kvfree(extent);
}

/* All pages of an extent: together if that can be had, else one by one. */
static int alloc_pages_of(struct medes_extent *extent)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct page *block = NULL;
	unsigned int order = ilog2(MEDES_EXTENT_PAGES);

	if (extent->count == MEDES_EXTENT_PAGES)
		block = alloc_pages(gfp, order);
	if (block)
		split_page(block, order);
	for (u32 i = 0; i < extent->count; i++) {
		extent->page[i] = block ? block + i :
				  alloc_page(GFP_KERNEL | __GFP_NOWARN |
					     __GFP_RETRY_MAYFAIL);
		if (!extent->page[i])
			return -ENOMEM;
		medes_base_account(PAGE_SIZE);
	}
	return 0;
}

/* Make it part of the base: at an index, or where there is room. */
static int insert_extent(struct medes_extent *extent, const u32 *first)
{
	struct medes_base *base = extent->base;
	u32 at = first ? *first : base->next;

	lockdep_assert_held(&base->lock);
	if (base->dropped)
		return -ENOENT;
	if (base->pinned)
		return -EBUSY;
	if (at < base->next || at > U32_MAX - extent->count)
		return -ENOSPC;
	extent->first = at;
	base->next = at + extent->count;
	base->filling++;
	atomic64_inc(&base->users);
	list_add_tail(&extent->node, &base->extents);
	return 0;
}

static struct medes_extent *new_extent(struct medes_base *base,
				       const u32 *first, u32 count)
{
	struct medes_extent *extent;
	int err;

	if (medes_base_bytes() + count * PAGE_SIZE >
	    READ_ONCE(medes_limits.max_base_bytes))
		return ERR_PTR(-ENOSPC);
	extent = kvzalloc_obj(*extent);
	if (!extent)
		return ERR_PTR(-ENOMEM);
	medes_base_account(sizeof(*extent));
	extent->base = base;
	extent->count = count;

	err = alloc_pages_of(extent);
	if (!err) {
		mutex_lock(&base->lock);
		err = insert_extent(extent, first);
		mutex_unlock(&base->lock);
	}
	if (!err)
		return extent;
	medes_extent_free(extent);
	return ERR_PTR(err);
}

/**
 * medes_extent_new() - room for more pages in a base
 * @base: held by the caller
 * @count: pages, at most MEDES_EXTENT_PAGES
 *
 * The caller fills and publishes slots, then trims the extent. Until then the
 * base can't be dropped.
 *
 * Context: may sleep.
 * Return: the extent, or ERR_PTR(): -ENOSPC at the ceiling, -ENOENT when the
 * base was dropped, -EBUSY when it is exported, -ENOMEM.
 */
struct medes_extent *medes_extent_new(struct medes_base *base, u32 count)
{
	return new_extent(base, NULL, count);
}

/**
 * medes_extent_new_at() - the same, at an index
 * @base: held by the caller
 * @first: index, above all that there are
 * @count: pages, at most MEDES_EXTENT_PAGES
 *
 * Context: may sleep.
 * Return: as medes_extent_new(); -ENOSPC also when the index is taken.
 */
struct medes_extent *medes_extent_new_at(struct medes_base *base, u32 first,
					 u32 count)
{
	return new_extent(base, &first, count);
}

/**
 * medes_extent_new_far() - an extent whose pages are on other nodes
 * @base: held by the caller, of other nodes
 * @first: index of the first page
 * @count: slots, at most MEDES_EXTENT_PAGES
 *
 * The caller fills in extent->far and publishes slots. It need not be trimmed.
 *
 * Context: may sleep.
 * Return: the extent, or ERR_PTR(): -ENOENT when the base was dropped, -ENOMEM.
 */
struct medes_extent *medes_extent_new_far(struct medes_base *base, u32 first,
					  u32 count)
{
	struct medes_extent *extent = kvzalloc_obj(*extent);
	int err;

	if (!extent)
		return ERR_PTR(-ENOMEM);
	medes_base_account(sizeof(*extent));
	extent->base = base;
	extent->count = count;
	err = medes_far_new(extent);
	if (!err) {
		mutex_lock(&base->lock);
		err = insert_extent(extent, &first);
		if (!err)
			base->filling--;
		mutex_unlock(&base->lock);
	}
	if (!err) {
		atomic64_dec(&base->users);
		return extent;
	}
	medes_extent_free(extent);
	return ERR_PTR(err);
}

/**
 * medes_extent_fill() - copy a page into a slot that is not published
 * @extent: from medes_extent_new(), of the same caller
 * @slot: below its count
 * @bytes: PAGE_SIZE bytes
 *
 * Context: any.
 */
void medes_extent_fill(struct medes_extent *extent, u32 slot, const void *bytes)
{
	memcpy(page_address(extent->page[slot]), bytes, PAGE_SIZE);
}

/**
 * medes_extent_publish() - let records of anybody refer to a slot
 * @extent: from medes_extent_new(), of the same caller
 * @slot: filled; its bytes never change from now on
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int medes_extent_publish(struct medes_extent *extent, u32 slot)
{
	struct medes_base *base = extent->base;
	int err;

	err = xa_err(xa_store(&base->pages, extent->first + slot, extent,
			      GFP_KERNEL));
	if (err)
		return err;
	atomic_inc(&base->nr_pages);
	if (!extent->far)
		atomic64_inc(&medes_totals.value[MEDES_A_STATS_BASE_PAGES]);
	return 0;
}

/**
 * medes_extent_trim() - free the slots that were neither published nor used
 * @extent: from medes_extent_new(); the caller is done with it
 *
 * Context: may sleep.
 */
void medes_extent_trim(struct medes_extent *extent)
{
	struct medes_base *base = extent->base;
	u32 left = 0;

	for (u32 i = 0; i < extent->count; i++) {
		if (xa_load(&base->pages, extent->first + i) ||
		    atomic_read(&extent->users[i])) {
			left++;
			continue;
		}
		__free_page(extent->page[i]);
		extent->page[i] = NULL;
		medes_base_account(-(s64)PAGE_SIZE);
	}
	mutex_lock(&base->lock);
	base->filling--;
	if (!left)
		list_del(&extent->node);
	mutex_unlock(&base->lock);
	if (!left)
		medes_extent_free(extent);
	atomic64_dec(&base->users);
}

/**
 * medes_extent_use() - one record more refers to a base page
 * @extent: that cannot go: new, or of a base that has a user already
 * @slot: which page
 *
 * Context: any.
 */
void medes_extent_use(struct medes_extent *extent, u32 slot)
{
	atomic64_inc(&extent->base->users);
	atomic_inc(&extent->users[slot]);
}

/**
 * medes_extent_unuse() - one record less refers to a base page
 * @extent: not to be touched afterwards
 * @slot: which page
 *
 * Context: any; records are freed under page table locks.
 */
void medes_extent_unuse(struct medes_extent *extent, u32 slot)
{
	struct medes_base *base = extent->base;

	/* The extent may go with the first, the base with the second. */
	atomic_dec_return_release(&extent->users[slot]);
	atomic64_dec_return_release(&base->users);
}

/**
 * medes_base_use() - become a user of a page that user space named
 * @base: held by the caller
 * @index: of the page
 * @slot: of the page in the extent, on return
 *
 * Context: may sleep.
 * Return: the extent, to be given up by medes_extent_unuse(), or NULL when the
 * base has no such page or was dropped.
 */
struct medes_extent *medes_base_use(struct medes_base *base, u32 index,
				    u32 *slot)
{
	struct medes_extent *extent = NULL;

	mutex_lock(&base->lock);
	if (!base->dropped)
		extent = xa_load(&base->pages, index);
	if (extent) {
		*slot = index - extent->first;
		medes_extent_use(extent, *slot);
	}
	mutex_unlock(&base->lock);
	return extent;
}

/**
 * medes_extent_has() - may a record reach into a page beside its base page?
 * @extent: of the base page, that cannot go
 * @slot: of the page beside it, which may be none
 *
 * What was published stays as long as the base. So who uses one page of an extent
 * needs to count as a user of no other.
 *
 * Context: any.
 * Return: true when the page is there.
 */
bool medes_extent_has(struct medes_extent *extent, u32 slot)
{
	return slot < extent->count &&
	       xa_load(&extent->base->pages, extent->first + slot) == extent;
}
