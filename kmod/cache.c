// SPDX-License-Identifier: GPL-2.0
/*
 * The cache of base pages that are on other nodes.
 *
 * A page in the cache stands in its extent's slot, as one of a local base does, and
 * is read the same way: inside rcu_read_lock(). It is freed by RCU, so who found it
 * may go on.
 *
 * Bounded by max_fetched_bytes, and shrunk when memory is short. The oldest goes
 * first, but one that was used meanwhile gets another turn, and one that at least
 * promote_users records refer to goes only when there is no other: that is a local
 * copy in all but name.
 *
 * The lock is held for a few instructions and nothing is allocated or waited for
 * under it, so a shrinker may take it wherever it is called.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "cache.h"
#include "limits.h"
#include "read.h"
#include "stats.h"

/**
 * struct medes_cached - a page in the cache
 * @node: in the list, the oldest first
 * @extent: whose page it is, likewise @slot
 * @page: the page
 * @rcu: to free it
 */
struct medes_cached {
	struct list_head node;
	struct medes_extent *extent;
	u32 slot;
	struct page *page;
	struct rcu_head rcu;
};

static DEFINE_SPINLOCK(lock);	/* the list, nr, what stands in slots */
static LIST_HEAD(list);
static unsigned long nr;
static struct shrinker *shrinker;

static void cached_free(struct rcu_head *rcu)
{
	struct medes_cached *cached = container_of(rcu, struct medes_cached,
						   rcu);

	__free_page(cached->page);
	kfree(cached);
}

static void count(int n)
{
	lockdep_assert_held(&lock);
	nr += n;
	atomic64_add(n, &medes_totals.value[MEDES_A_STATS_REMOTE_CACHED]);
}

static void drop(struct medes_cached *cached)
{
	struct medes_extent *extent = cached->extent;

	lockdep_assert_held(&lock);
	WRITE_ONCE(extent->page[cached->slot], NULL);
	extent->far->cached[cached->slot] = NULL;
	list_del(&cached->node);
	count(-1);
	call_rcu(&cached->rcu, cached_free);
}

static bool is_promoted(const struct medes_cached *cached)
{
	u64 users = READ_ONCE(medes_limits.promote_users);

	return users &&
	       atomic_read(&cached->extent->users[cached->slot]) >= users;
}

/* Drop up to so many of those that a number of looks find. */
static unsigned long evict(unsigned long want, unsigned long looks, bool all)
{
	unsigned long done = 0;

	lockdep_assert_held(&lock);
	while (done < want && looks-- && !list_empty(&list)) {
		struct medes_cached *cached =
			list_first_entry(&list, struct medes_cached, node);
		bool touched = test_and_clear_bit(cached->slot,
						  cached->extent->far->touched);

		if (!all && (touched || is_promoted(cached))) {
			list_move_tail(&cached->node, &list);
			continue;
		}
		drop(cached);
		done++;
	}
	return done;
}

static unsigned long room(void)
{
	return READ_ONCE(medes_limits.max_fetched_bytes) >> PAGE_SHIFT;
}

/* Make room: from the oldest, once around the list, then without regard. */
static void trim(unsigned long most)
{
	lockdep_assert_held(&lock);
	if (nr <= most)
		return;
	evict(nr - most, 2 * nr, false);
	if (nr > most)
		evict(nr - most, nr, true);
}

/**
 * medes_cache_trim() - the ceiling has changed
 *
 * Context: process.
 */
void medes_cache_trim(void)
{
	spin_lock(&lock);
	trim(room());
	spin_unlock(&lock);
}

/**
 * medes_cache_insert() - keep a page that was fetched
 * @extent: of other nodes, that cannot go
 * @slot: whose page it is
 * @page: with the right bytes; the cache's from now on, also on error
 *
 * Context: process.
 * Return: 0, also when somebody was faster, or -ENOMEM.
 */
int medes_cache_insert(struct medes_extent *extent, u32 slot,
		       struct page *page)
{
	struct medes_cached *cached = kmalloc_obj(*cached);

	if (!cached) {
		__free_page(page);
		return -ENOMEM;
	}
	cached->extent = extent;
	cached->slot = slot;
	cached->page = page;
	spin_lock(&lock);
	clear_bit(slot, extent->far->bad);
	if (extent->page[slot]) {
		spin_unlock(&lock);
		__free_page(page);
		kfree(cached);
		return 0;
	}
	extent->far->cached[slot] = cached;
	/* not to be the first to go before it was used */
	set_bit(slot, extent->far->touched);
	list_add_tail(&cached->node, &list);
	count(1);
	/* pairs with the acquire in medes_extent_read() */
	smp_store_release(&extent->page[slot], page);
	/* whatever the ceiling, what has just been fetched is used before it goes */
	trim(max(room(), 2UL * MEDES_READ_PAGES * num_online_cpus()));
	spin_unlock(&lock);
	return 0;
}

/**
 * medes_far_read() - look at a page of another node's base
 * @extent: whose page it is, likewise @slot
 * @page: what stands there
 *
 * Context: inside rcu_read_lock().
 * Return: its bytes, or NULL when it is not in the cache.
 */
const void *medes_far_read(struct medes_extent *extent, u32 slot,
			   struct page *page)
{
	if (!page)
		return NULL;
	if (!test_bit(slot, extent->far->touched))
		set_bit(slot, extent->far->touched);
	return page_address(page);
}

/**
 * medes_far_new() - let an extent's pages be on other nodes
 * @extent: new
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int medes_far_new(struct medes_extent *extent)
{
	extent->far = kvzalloc_obj(*extent->far);
	if (!extent->far)
		return -ENOMEM;
	medes_base_account(sizeof(*extent->far));
	return 0;
}

/**
 * medes_far_free() - forget that, and what of it is in the cache
 * @extent: that nobody refers to any more
 *
 * Context: may sleep.
 */
void medes_far_free(struct medes_extent *extent)
{
	for (u32 i = 0; i < extent->count; i++) {
		spin_lock(&lock);
		if (extent->far->cached[i])
			drop(extent->far->cached[i]);
		spin_unlock(&lock);
	}
	medes_base_account(-(s64)sizeof(*extent->far));
	kvfree(extent->far);
}

/**
 * medes_cache_count() - how much of a base is in the cache
 * @base: of other nodes, held by the caller
 *
 * Context: may sleep.
 * Return: pages.
 */
u32 medes_cache_count(struct medes_base *base)
{
	struct medes_extent *extent;
	unsigned long index;
	u32 n = 0;

	xa_for_each(&base->pages, index, extent)
		n += !!READ_ONCE(extent->page[index - extent->first]);
	return n;
}

static unsigned long shrink_count(struct shrinker *s,
				  struct shrink_control *sc)
{
	return READ_ONCE(nr) ?: SHRINK_EMPTY;
}

static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long done;

	spin_lock(&lock);
	done = list_empty(&list) ? SHRINK_STOP :
	       evict(sc->nr_to_scan, sc->nr_to_scan, false);
	spin_unlock(&lock);
	/* none, at first: those that were used get another turn */
	return done;
}

/**
 * medes_cache_init() - prepare the cache
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_cache_init(void)
{
	shrinker = shrinker_alloc(0, "medes-fetched");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrink_count;
	shrinker->scan_objects = shrink_scan;
	shrinker_register(shrinker);
	return 0;
}

/**
 * medes_cache_exit() - the end of it
 *
 * Context: module exit; there are no bases.
 */
void medes_cache_exit(void)
{
	shrinker_free(shrinker);
	rcu_barrier();
}
