// SPDX-License-Identifier: GPL-2.0
/*
 * The working set.
 *
 * What a sandbox touches when it runs again is much the same each time. So the
 * pages that come back after a dedup are logged, in their order, and the next
 * time they can be brought back before they are asked for.
 *
 *   fault.c     logs what was touched, and its neighbours as guessed
 *   restore.c   brings the set back; all of that is guessed
 *   store.c     settles the log when the sandbox is deduplicated again, and
 *               judges each guessed page that it stores: was it touched?
 *
 * A guess that was wrong MISSES_MAX times in succession leaves the set, and a
 * neighbour that never was right at once. So the set survives any number of
 * rounds, grows by what is touched, and shrinks by what is brought for nothing.
 *
 * Whether a page was touched says the accessed bit of its page table entry,
 * which is clear in a page that came back until somebody uses it. Reclaim
 * clears it too; that costs a page its place only if it happens twice.
 *
 * The log is written under folio locks, so its room is taken by operations,
 * between faults. When there is no room, the set is not complete: it is a
 * hint, a cache of what was seen, and may be dropped any time. Its memory is
 * bounded by max_cache_bytes, and the shrinker frees sets that no operation has
 * used since it looked last.
 *
 * Only operations of the sandbox, one at a time, change settled pages.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "limits.h"
#include "mm.h"
#include "stats.h"
#include "workingset.h"

#define MISSES_MAX 2

/* What is listed is sorted by address within groups of so many pages. */
#define GROUP 512U

/* Room for the log: this and half of what could come back. */
#define ROOM_MIN 256

static DEFINE_MUTEX(lock);	/* all; outside of ws->lock */
static LIST_HEAD(all);
static atomic64_t total_bytes;
static struct shrinker *shrinker;

/**
 * medes_ws_new() - make an empty working set
 * @account: of the sandbox
 *
 * Context: may sleep.
 * Return: the set with one reference, or NULL without memory.
 */
struct medes_ws *medes_ws_new(struct medes_account *account)
{
	struct medes_ws *ws = kzalloc_obj(*ws);

	if (!ws)
		return NULL;
	kref_init(&ws->ref);
	spin_lock_init(&ws->lock);
	ws->account = medes_account_get(account);
	mutex_lock(&lock);
	list_add_tail(&ws->node, &all);
	mutex_unlock(&lock);
	return ws;
}

/* Give a set other pages; return the old ones, to be freed without the lock. */
static struct medes_ws_page *replace(struct medes_ws *ws,
				     struct medes_ws_page *page, u32 nr,
				     u32 max)
{
	struct medes_ws_page *old = ws->page;

	lockdep_assert_held(&ws->lock);
	atomic64_add(((s64)max - ws->max) * sizeof(*page), &total_bytes);
	medes_count(ws->account, WORKING_SET, (s64)nr - (ws->nr - ws->gone));
	ws->page = page;
	ws->nr = nr;
	ws->settled = min(ws->settled, nr);
	ws->gone = 0;
	ws->max = max;
	return old;
}

static void empty(struct medes_ws *ws)
{
	struct medes_ws_page *old;

	spin_lock(&ws->lock);
	old = replace(ws, NULL, 0, 0);
	spin_unlock(&ws->lock);
	kvfree(old);
}

static void ws_free(struct kref *ref)
{
	struct medes_ws *ws = container_of(ref, struct medes_ws, ref);

	mutex_lock(&lock);
	list_del(&ws->node);
	mutex_unlock(&lock);
	/* A fault that found it before may log still: there is no room. */
	empty(ws);
	medes_account_put(ws->account);
	kfree_rcu(ws, rcu);
}

/**
 * medes_ws_get() - take a reference
 * @ws: of an address space that cannot go
 *
 * Context: any.
 */
void medes_ws_get(struct medes_ws *ws)
{
	kref_get(&ws->ref);
}

/**
 * medes_ws_put() - drop a reference
 * @ws: from medes_ws_new() or medes_ws_get()
 *
 * Context: may sleep.
 */
void medes_ws_put(struct medes_ws *ws)
{
	kref_put(&ws->ref, ws_free);
}

static void append(struct medes_ws *ws, unsigned long start, u64 pages,
		   bool used)
{
	unsigned int i;

	lockdep_assert_held(&ws->lock);
	for_each_set_bit(i, (unsigned long *)&pages, MEDES_WS_STRETCH) {
		if (ws->nr == ws->max)
			return;
		ws->page[ws->nr++] = (struct medes_ws_page){
			.address = start + i * PAGE_SIZE,
			.order = ws->next++,
			.used = used,
			.guessed = !used,
		};
		medes_count(ws->account, WORKING_SET, 1);
	}
}

/**
 * medes_ws_log() - pages came back because one was touched
 * @mm: address space
 * @start: address of the first that @brought may tell of
 * @brought: a bit for each page
 * @asked: those of them that were touched
 *
 * Context: any, but not in interrupts; folio locks may be held.
 */
void medes_ws_log(struct mm_struct *mm, unsigned long start, u64 brought,
		  u64 asked)
{
	struct medes_ws *ws;

	rcu_read_lock();
	ws = medes_mm_ws(mm);
	if (ws) {
		spin_lock(&ws->lock);
		/* What was asked for is needed first. */
		append(ws, start, brought & asked, true);
		append(ws, start, brought & ~asked, false);
		spin_unlock(&ws->lock);
	}
	rcu_read_unlock();
}

static int by_address(const void *one, const void *other)
{
	const struct medes_ws_page *a = one, *b = other;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int by_order(const void *one, const void *other)
{
	const struct medes_ws_page *a = one, *b = other;

	return a->order < b->order ? -1 : a->order > b->order;
}

/* One entry for each page, without those that have gone; return how many. */
static u32 merge(struct medes_ws_page *page, u32 nr)
{
	u32 kept = 0;

	sort(page, nr, sizeof(*page), by_address, NULL);
	for (u32 i = 0; i < nr; i++) {
		struct medes_ws_page *last = kept ? &page[kept - 1] : NULL;

		if (page[i].gone)
			continue;
		if (!last || last->address != page[i].address)
			page[kept++] = page[i];
		else if (page[i].guessed)
			last->guessed = true;
		else
			*last = page[i];
	}
	return kept;
}

/* How much room there should be, and may be. */
static u32 room_for(struct medes_ws *ws, u32 nr)
{
	u64 want = nr + ROOM_MIN + medes_live_pages(ws->account) / 2;
	u64 others = atomic64_read(&total_bytes) -
		     (u64)ws->max * sizeof(*ws->page);
	u64 limit = READ_ONCE(medes_limits.max_cache_bytes);
	u64 left = limit > others ? (limit - others) / sizeof(*ws->page) : 0;

	return min3(want, left, (u64)S32_MAX);
}

/**
 * medes_ws_settle() - order the log, and make room for the next
 * @ws: of the sandbox whose operation the caller is
 *
 * Context: may sleep.
 */
void medes_ws_settle(struct medes_ws *ws)
{
	struct medes_ws_page *page, *old;
	u32 max, seen, kept;

	spin_lock(&ws->lock);
	ws->idle = false;
	seen = ws->nr;
	max = room_for(ws, seen);
	/* Nothing new, and room enough: as in most operations of a dedup. */
	if (seen == ws->settled && !ws->gone && ws->max - seen >= (max - min(max, seen)) / 2 &&
	    max >= ws->max / 2) {
		spin_unlock(&ws->lock);
		return;
	}
	spin_unlock(&ws->lock);

	page = max ? kvmalloc_objs(*page, max, GFP_KERNEL | __GFP_NOWARN) : NULL;
	if (!page) {
		empty(ws);
		return;
	}
	spin_lock(&ws->lock);
	/* The shrinker may have been here. */
	seen = min3(seen, ws->nr, max);
	memcpy(page, ws->page, seen * sizeof(*page));
	spin_unlock(&ws->lock);
	kept = merge(page, seen);

	spin_lock(&ws->lock);
	if (ws->nr >= seen) {
		u32 more = min(ws->nr - seen, max - kept);

		memcpy(page + kept, ws->page + seen, more * sizeof(*page));
		old = replace(ws, page, kept + more, max);
		ws->settled = kept;
	} else {
		old = page;
	}
	spin_unlock(&ws->lock);
	kvfree(old);
}

static struct medes_ws_page *find(struct medes_ws *ws, unsigned long address)
{
	u32 low = 0, high = ws->settled;

	lockdep_assert_held(&ws->lock);
	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (ws->page[mid].address == address)
			return &ws->page[mid];
		if (ws->page[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void forget(struct medes_ws *ws, struct medes_ws_page *page)
{
	lockdep_assert_held(&ws->lock);
	page->gone = true;
	ws->gone++;
	medes_count(ws->account, WORKING_SET, -1);
}

/**
 * medes_ws_judge() - a page is being stored: was it right to bring it?
 * @ws: settled by the same operation
 * @address: of the page
 * @used: somebody touched it since it came back
 *
 * Context: any, but not in interrupts.
 */
void medes_ws_judge(struct medes_ws *ws, unsigned long address, bool used)
{
	struct medes_ws_page *page;

	spin_lock(&ws->lock);
	page = find(ws, address);
	if (page && page->gone) {
		/* It was judged already, in this round. */
	} else if (page && page->guessed) {
		page->guessed = false;
		if (used) {
			page->used = true;
			page->missed = 0;
		} else {
			page->missed++;
			medes_count(ws->account, PREFETCH_UNUSED, 1);
			if (!page->used || page->missed == MISSES_MAX)
				forget(ws, page);
		}
	} else if (page) {
		page->missed = 0;
	}
	spin_unlock(&ws->lock);
}

/**
 * medes_ws_guess() - pages of the set came back unasked
 * @ws: of the sandbox whose operation the caller is
 * @start: address of the first that @brought may tell of
 * @brought: a bit for each page
 *
 * Context: any, but not in interrupts.
 */
void medes_ws_guess(struct medes_ws *ws, unsigned long start, u64 brought)
{
	unsigned int i;

	spin_lock(&ws->lock);
	for_each_set_bit(i, (unsigned long *)&brought, MEDES_WS_STRETCH) {
		struct medes_ws_page *page = find(ws, start + i * PAGE_SIZE);

		if (page)
			page->guessed = true;
	}
	spin_unlock(&ws->lock);
}

/* By use, but in groups by address. */
static void order(struct medes_ws_page *page, u32 nr)
{
	sort(page, nr, sizeof(*page), by_order, NULL);
	for (u32 i = 0; i < nr; i += GROUP)
		sort(page + i, min(GROUP, nr - i), sizeof(*page), by_address,
		     NULL);
}

/**
 * medes_ws_list() - the pages of the set, in the order of their use
 * @ws: held by the caller
 * @page: receives an array, for kvfree()
 * @nr: of @page
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int medes_ws_list(struct medes_ws *ws, struct medes_ws_page **page, u32 *nr)
{
	u32 n;

	spin_lock(&ws->lock);
	ws->idle = false;
	n = ws->nr;
	spin_unlock(&ws->lock);
	*nr = 0;
	*page = NULL;
	if (!n)
		return 0;
	*page = kvmalloc_objs(**page, n, GFP_KERNEL | __GFP_NOWARN);
	if (!*page)
		return -ENOMEM;
	spin_lock(&ws->lock);
	n = min(n, ws->nr);
	memcpy(*page, ws->page, n * sizeof(**page));
	spin_unlock(&ws->lock);
	*nr = merge(*page, n);
	order(*page, *nr);
	return 0;
}

/**
 * medes_ws_bytes() - what all working sets cost
 *
 * Context: any.
 * Return: bytes.
 */
u64 medes_ws_bytes(void)
{
	return atomic64_read(&total_bytes);
}

static unsigned long count_objects(struct shrinker *s,
				   struct shrink_control *sc)
{
	return medes_ws_bytes() >> PAGE_SHIFT ?: SHRINK_EMPTY;
}

static unsigned long scan_objects(struct shrinker *s,
				  struct shrink_control *sc)
{
	unsigned long freed = 0;
	struct medes_ws *ws;

	if (!mutex_trylock(&lock))
		return SHRINK_STOP;
	list_for_each_entry(ws, &all, node) {
		struct medes_ws_page *old = NULL;
		u64 bytes;

		if (freed >= sc->nr_to_scan)
			break;
		spin_lock(&ws->lock);
		bytes = (u64)ws->max * sizeof(*ws->page);
		if (ws->idle)
			old = replace(ws, NULL, 0, 0);
		ws->idle = true;
		spin_unlock(&ws->lock);
		if (old)
			freed += bytes >> PAGE_SHIFT;
		kvfree(old);
	}
	mutex_unlock(&lock);
	return freed ?: SHRINK_STOP;
}

/**
 * medes_ws_init() - let memory pressure free what is only a hint
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_ws_init(void)
{
	shrinker = shrinker_alloc(0, "medes-workingset");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_objects;
	shrinker->scan_objects = scan_objects;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(shrinker);
	return 0;
}

/**
 * medes_ws_exit() - the end of working sets
 *
 * Context: module exit; there are no address spaces.
 */
void medes_ws_exit(void)
{
	shrinker_free(shrinker);
}
