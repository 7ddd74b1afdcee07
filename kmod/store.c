// SPDX-License-Identifier: GPL-2.0
/*
 * Store: pages become records (dedup), or base pages and records of them
 * (demarcate).
 *
 * A page is unmapped and locked between migrate_vma_setup() and _finalize(),
 * and whoever touches it then waits. So all that is slow comes before: take a
 * reference, copy the page, give the reference back (a page that somebody
 * holds can't migrate), encode the copy, decode it once to be sure, allocate
 * the record and the device page. What is left to do in between is to compare
 * the page with the copy: equal, and the device page takes its place; changed,
 * and it stays. Nothing is allocated there and nothing can fail.
 *
 * Batches are small, and the lock of the address space is given back after
 * each. Workers (crew.c) take them side by side, each with a view and memory of
 * its own.
 */
#include <linux/highmem.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "base.h"
#include "codec.h"
#include "devmem.h"
#include "fetch.h"
#include "fingerprint.h"
#include "mm.h"
#include "op.h"
#include "ptes.h"
#include "record.h"
#include "remote.h"
#include "sandbox.h"
#include "stats.h"
#include "store.h"
#include "trace.h"
#include "view.h"
#include "workingset.h"
#include "workspace.h"

#define BATCH MEDES_STORE_BATCH

/* One page on its way. */
struct item {
	struct medes_target *target;
	unsigned long address;
	struct page *huge;		/* huge page that it is of; a name only */
	void *copy;			/* PAGE_SIZE bytes, owned by the store */
	struct page *device;		/* reserved */
	struct medes_record *record;	/* NULL: the page stays */
	bool stored;			/* the device page took its place */
	bool base_page;			/* demarcate: its copy is in a slot */
};

/**
 * struct medes_store - a worker's means
 * @storing: what it shares with the others
 * @op: the operation
 * @account: of its sandbox
 * @view: of the address space
 * @base: newest base looked up, referenced
 * @stored: pages, of the batch
 * @item: the batch
 * @nr: items in it
 * @pte: what the page tables said before
 * @src: for migrate_vma, likewise @dst
 */
struct medes_store {
	struct medes_storing *storing;
	struct medes_op *op;
	struct medes_account *account;
	struct medes_view *view;
	struct medes_base *base;
	unsigned int stored;
	struct item item[BATCH];
	unsigned int nr;
	pte_t pte[BATCH];
	unsigned long src[BATCH];
	unsigned long dst[BATCH];
	u8 copies[BATCH][PAGE_SIZE];
};

/* The base page that a target names, as a user of it; NULL for none. */
static struct medes_extent *use_base(struct medes_store *s,
				     const struct medes_target *target,
				     u32 *slot)
{
	if (!target->base)
		return NULL;
	if (s->base && s->base->id != target->base) {
		medes_base_put(s->base);
		s->base = NULL;
	}
	if (!s->base)
		s->base = medes_base_find(target->base);
	if (!s->base || s->base->domain != s->op->sandbox->domain)
		return NULL;
	return medes_base_use(s->base, target->index, slot);
}

/*
 * Have base pages of other nodes here, and those beside them, before any page is
 * looked at.
 */
static void fetch_bases(struct medes_store *s,
			const struct medes_target *target, unsigned int n)
{
	struct medes_fetch *f = medes_remote_any() ? medes_fetch_new() : NULL;
	struct medes_extent *extent;
	u32 slot;

	if (!f)
		return;
	for (unsigned int i = 0; i < n; i++) {
		extent = use_base(s, &target[i], &slot);
		if (!extent)
			continue;
		for (u32 k = 0; k < MEDES_NEAR; k++) {
			u32 at = slot + k - MEDES_ITSELF;

			if (medes_extent_has(extent, at))
				medes_fetch_add(f, extent, at);
		}
		medes_extent_unuse(extent, slot);
	}
	/* against one that does not come, nothing is encoded */
	medes_fetch_run(f);
}

/* A record of the item's copy, or why not. */
static struct medes_record *encode_in(struct medes_encoder *encoder,
				      struct medes_store *s,
				      struct item *item,
				      struct medes_extent *extent, u32 slot)
{
	struct medes_coded coded;
	int len;

	len = medes_encoder_run(encoder, s->op->mode, item->copy, extent, slot,
				&coded);
	if (len < 0)
		return ERR_PTR(len);
	return medes_record_new(s->account,
				medes_page_hash(item->copy, s->account->seed),
				&coded, extent, slot);
}

static struct medes_record *encode(struct medes_store *s, struct item *item,
				   struct medes_extent *extent, u32 slot)
{
	struct medes_encoder *encoder = medes_encoder_get();
	struct medes_record *record;

	if (!encoder)
		return ERR_PTR(-ENOMEM);
	record = encode_in(encoder, s, item, extent, slot);
	medes_encoder_put(encoder);
	return record;
}

/* Dedup: what the target's base page makes of the copy. */
static struct medes_record *make_record(struct medes_store *s, struct item *item,
					const struct medes_target *target)
{
	struct medes_extent *extent;
	struct medes_record *record;
	u32 slot = 0;

	extent = use_base(s, target, &slot);
	record = encode(s, item, extent, slot);
	if (extent)
		medes_extent_unuse(extent, slot);
	return record;
}

/* Demarcate: the copy becomes a base page, the record is the same as that. */
static struct medes_record *make_base_page(struct medes_store *s, struct item *item)
{
	if (medes_page_is_zero(item->copy))
		return encode(s, item, NULL, 0);
	item->base_page = true;
	medes_extent_fill(s->storing->extent, item->target->index, item->copy);
	return encode(s, item, s->storing->extent, item->target->index);
}

static void refuse(struct medes_store *s, int err)
{
	switch (err) {
	case -E2BIG:
		medes_count(s->account, REFUSED_SIZE, 1);
		break;
	case -EILSEQ:
		medes_count(s->account, REFUSED_UNSUITED, 1);
		break;
	default:
		medes_count(s->account, REFUSED_MEMORY, 1);
	}
}

/* Copy one page of the view and make its record. */
static void prepare(struct medes_store *s, struct medes_target *target)
{
	unsigned long i = (target->address - s->view->start) >> PAGE_SHIFT;
	struct item *item = &s->item[s->nr];
	struct page *page = s->view->page[i];
	struct medes_record *record;

	if (!page) {
		medes_count(s->account, REFUSED_UNSUITED, 1);
		return;
	}
	memset(item, 0, sizeof(*item));
	item->target = target;
	item->address = target->address;
	item->huge = test_bit(i, s->view->huge) ? compound_head(page) : NULL;
	item->copy = s->copies[s->nr];
	memcpy_from_page(item->copy, page, 0, PAGE_SIZE);

	record = s->storing->extent ? make_base_page(s, item) :
			     make_record(s, item, target);
	if (IS_ERR(record)) {
		refuse(s, PTR_ERR(record));
		return;
	}
	if (medes_devmem_take(&item->device, 1)) {
		medes_record_unused(record);
		medes_count(s->account, REFUSED_MEMORY, 1);
		return;
	}
	item->record = record;
	s->nr++;
}

/* Give back what did not come to stand for a page. */
static void drop_item(struct item *item)
{
	if (!item->record)
		return;
	medes_devmem_give_back(item->device);
	medes_record_unused(item->record);
	item->record = NULL;
}

/* Somebody holds the page. */
static void leave_held(struct medes_store *s, struct item *item)
{
	item->target->held = true;
	if (s->storing->last)
		medes_count(s->account, REFUSED_PINNED, 1);
}

/* May the device page take the place of what is mapped? The page is locked. */
static bool unchanged(struct medes_store *s, struct item *item, unsigned long src)
{
	struct page *page = migrate_pfn_to_page(src);
	const void *bytes;
	bool same;

	if (!(src & MIGRATE_PFN_MIGRATE)) {
		leave_held(s, item);
		return false;
	}
	if (!page || !medes_page_suits(page) || PageCompound(page)) {
		medes_count(s->account, REFUSED_UNSUITED, 1);
		return false;
	}
	bytes = kmap_local_page(page);
	same = !memcmp(bytes, item->copy, PAGE_SIZE);
	kunmap_local(bytes);
	if (!same)
		medes_count(s->account, REFUSED_CHANGED, 1);
	return same;
}

static void trace_stored(struct medes_store *s, const struct item *item)
{
	const struct medes_record *record = item->record;
	const struct medes_extent *extent = record->extent;

	trace_medes_store(s->account->sandbox, item->address, record->encoding,
			  record->len, extent ? extent->base->id : 0,
			  extent ? extent->first + record->slot : 0);
}

/* The first to split this huge page? Several workers may see it whole. */
static bool first_split(struct medes_storing *storing, struct page *huge)
{
	bool first = true;

	spin_lock(&storing->lock);
	for (unsigned int i = 0; i < MEDES_STORE_SPLITS && first; i++)
		first = storing->split[i] != huge;
	if (first)
		storing->split[storing->nr_split++ % MEDES_STORE_SPLITS] = huge;
	spin_unlock(&storing->lock);
	return first;
}

/* Transparent huge pages that setup has split for this run. */
static void count_split(struct medes_store *s, const struct item *item,
			unsigned int n)
{
	struct page *last = NULL;

	for (unsigned int i = 0; i < n; i++) {
		if (item[i].huge && item[i].huge != last &&
		    first_split(s->storing, item[i].huge))
			medes_count(s->account, THP_SPLIT, 1);
		last = item[i].huge;
	}
}

/* Replace a run of neighbours: item[first], ... item[first + n - 1]. */
static void replace_run(struct medes_store *s, struct vm_area_struct *vma,
			unsigned int first, unsigned int n)
{
	struct item *item = &s->item[first];
	struct migrate_vma args = {
		.vma = vma,
		.src = s->src,
		.dst = s->dst,
		.start = item->address,
		.end = item->address + n * PAGE_SIZE,
		.pgmap_owner = medes_devmem_owner,
		.flags = MIGRATE_VMA_SELECT_SYSTEM,
	};

	memset(s->dst, 0, sizeof(s->dst));
	medes_ptes_read(vma->vm_mm, item->address, n, s->pte);
	if (migrate_vma_setup(&args)) {
		medes_count(s->account, REFUSED_UNSUITED, n);
		return;
	}
	count_split(s, item, n);
	for (unsigned int i = 0; i < n; i++) {
		if (!unchanged(s, &item[i], s->src[i]))
			continue;
		medes_devmem_start(item[i].device, item[i].record);
		s->dst[i] = migrate_pfn(page_to_pfn(item[i].device));
	}
	migrate_vma_pages(&args);
	for (unsigned int i = 0; i < n; i++) {
		if (!s->dst[i])
			continue;
		if (s->src[i] & MIGRATE_PFN_MIGRATE) {
			trace_stored(s, &item[i]);
			medes_ws_judge(s->storing->set, item[i].address,
				       pte_present(s->pte[i]) &&
				       pte_young(s->pte[i]));
			item[i].stored = true;
			s->stored++;
			medes_count(s->account, STORED, 1);
		} else {
			leave_held(s, &item[i]);
			item[i].record->read = true;
		}
		/* The device page has it now; finalize frees what failed. */
		item[i].record = NULL;
	}
	migrate_vma_finalize(&args);
}

/* Replace the batch, run by run. */
static void replace(struct medes_store *s, struct mm_struct *mm)
{
	unsigned int first = 0, n;

	mmap_read_lock(mm);
	for (; first < s->nr; first += n) {
		struct item *item = &s->item[first];
		struct vm_area_struct *vma = vma_lookup(mm, item->address);

		for (n = 1; first + n < s->nr; n++)
			if (item[n].address != item->address + n * PAGE_SIZE ||
			    !vma || item[n].address >= vma->vm_end)
				break;
		if (vma && medes_vma_suits(vma))
			replace_run(s, vma, first, n);
		else
			medes_count(s->account, REFUSED_UNSUITED, n);
	}
	mmap_read_unlock(mm);
}

/* Others may refer to the base pages that the batch yielded. */
static void publish(struct medes_store *s)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		struct item *item = &s->item[i];

		if (item->stored && item->base_page &&
		    !medes_extent_publish(s->storing->extent, item->target->index))
			atomic64_inc(&s->account->value[MEDES_A_STATS_BASE_PAGES]);
	}
}

/**
 * medes_store_batch() - store a batch
 * @s: the worker
 * @target: the first of some, sorted by address
 * @n: how many there are
 * @stored: receives how many pages became records
 *
 * Takes as many targets as lie in one window of the view, at most
 * MEDES_STORE_BATCH.
 *
 * Context: worker; may sleep, takes mmap_lock of the address space for read.
 * Return: how many targets that were, or a negative errno.
 */
int medes_store_batch(struct medes_store *s, struct medes_target *target,
		      unsigned int n, unsigned int *stored)
{
	struct mm_struct *mm = s->view->mm;
	unsigned int in = 0;
	int err;

	*stored = 0;
	s->stored = 0;
	n = min(n, BATCH);
	fetch_bases(s, target, n);
	err = medes_view_read(s->view, target->address,
			      target[n - 1].address + PAGE_SIZE);
	if (err < 0)
		return err;
	if (!err) {
		medes_count(s->account, REFUSED_UNSUITED, n);
		return n;
	}
	/* Those before the window lie in no VMA that suits. */
	while (in < n && target[in].address < s->view->start)
		in++;
	if (in) {
		medes_count(s->account, REFUSED_UNSUITED, in);
		medes_view_release(s->view);
		return in;
	}
	s->nr = 0;
	while (in < n && target[in].address < s->view->start +
	       ((unsigned long)s->view->nr << PAGE_SHIFT))
		prepare(s, &target[in++]);
	medes_view_release(s->view);

	replace(s, mm);
	publish(s);
	for (unsigned int i = 0; i < s->nr; i++)
		drop_item(&s->item[i]);
	*stored = s->stored;
	return in;
}

/**
 * medes_store_new() - the means of a worker
 * @storing: shared by the workers of an operation
 * @mm: the address space, held by the caller; the worker holds it, too
 *
 * Context: may sleep; takes mmap_lock.
 * Return: the worker's means, or NULL without memory.
 */
struct medes_store *medes_store_new(struct medes_storing *storing,
				    struct mm_struct *mm)
{
	struct medes_store *s = kvzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	mmget(mm);
	s->view = medes_view_open(mm);
	if (IS_ERR(s->view)) {
		kvfree(s);
		return NULL;
	}
	s->storing = storing;
	s->op = storing->op;
	s->account = storing->op->sandbox->account;
	return s;
}

/**
 * medes_store_free() - a worker is done
 * @s: from medes_store_new()
 *
 * Context: may sleep; ends the address space when that has no other user.
 */
void medes_store_free(struct medes_store *s)
{
	medes_view_close(s->view);
	if (s->base)
		medes_base_put(s->base);
	kvfree(s);
}
