// SPDX-License-Identifier: GPL-2.0
/*
 * Pack: base pages are kept compressed.
 *
 * A raw base page costs 4 KiB, as much as three to four of its referents would
 * take compressed by themselves, so with few sandboxes of a function a base does
 * not pay. Packed it costs what the page that it was taken from would: with one
 * sandbox a base is then free, and from the second on it pays. The price is that
 * who decodes against it, or encodes, unpacks it first.
 *
 * A slot is raw until it is packed, and packed from then on. Readers are inside
 * rcu_read_lock(), with a CPU's decoder in their hands: who finds the raw page
 * may read it until then, who does not finds the packed bytes, which stay as long
 * as the extent. The packer shows the packed bytes first, takes the raw page out
 * of the slot, and frees it when all readers that may have found it are done.
 * Page tables and records are not touched, no fault ever waits.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/zsmalloc.h>
#include "base.h"
#include "cache.h"
#include "codec.h"
#include "op.h"
#include "pack.h"
#include "stats.h"
#include "workspace.h"

/* Raw pages that wait for their readers together. */
#define BATCH 64

/* What packs no better stays raw. */
#define PACK_MAX 3072

static struct zs_pool *pool;

/**
 * struct pack - an operation at work
 * @op: the operation
 * @page: taken out of their slots, to be freed
 * @nr: of them
 */
struct pack {
	struct medes_op *op;
	struct page *page[BATCH];
	unsigned int nr;
};

/* A base page, inside rcu_read_lock(); if it is packed, what to receives. */
static const void *read_to(struct medes_extent *extent, u32 slot,
			   struct medes_decoder *decoder, void *to)
{
	/* pairs with the release in show(): without a page there are packed bytes */
	struct page *page = smp_load_acquire(&extent->page[slot]);
	struct medes_packed *packed = &extent->packed[slot];
	void *data;
	int err;

	if (extent->far)
		return medes_far_read(extent, slot, page);
	if (page)
		return page_address(page);
	data = zs_obj_read_begin(pool, packed->handle, packed->len,
				 decoder->bytes);
	err = medes_decode(decoder->codec, MEDES_ENCODING_SELF, data,
			   packed->len, NULL, to);
	zs_obj_read_end(pool, packed->handle, packed->len, data);
	return err ? NULL : to;
}

/**
 * medes_extent_read() - look at a base page
 * @extent: that cannot go, see base.c
 * @slot: of a page that was filled
 * @decoder: of this CPU; what its last user left is lost
 *
 * Context: inside rcu_read_lock(), with the decoder.
 * Return: PAGE_SIZE bytes, valid as long as both last; NULL when the packed bytes
 * are damaged, or the page has to be fetched from another node first.
 */
const void *medes_extent_read(struct medes_extent *extent, u32 slot,
			      struct medes_decoder *decoder)
{
	return read_to(extent, slot, decoder, decoder->base);
}

/**
 * medes_extent_read_all() - look at all that a record reaches into
 * @extent: that cannot go
 * @slot: of the record's base page
 * @reach: 1 << MEDES_ITSELF and so on
 * @decoder: of this CPU; what its last user left is lost
 * @bases: receives the pages, valid as long as both last
 *
 * Context: inside rcu_read_lock(), with the decoder.
 * Return: 0, -EBADMSG when packed bytes are damaged, -EAGAIN when a page has to be
 * fetched from another node first.
 */
int medes_extent_read_all(struct medes_extent *extent, u32 slot,
			  unsigned int reach, struct medes_decoder *decoder,
			  struct medes_bases *bases)
{
	for (u32 i = 0; i < MEDES_NEAR; i++) {
		bases->page[i] = NULL;
		if (!(reach >> i & 1))
			continue;
		bases->page[i] = read_to(extent, slot + i - MEDES_ITSELF, decoder,
					 decoder->base + i * PAGE_SIZE);
		if (!bases->page[i])
			return extent->far ? -EAGAIN : -EBADMSG;
	}
	return 0;
}

/* medes_extent_copy(), but only if it is packed. */
static const void *look(struct medes_extent *extent, u32 slot, void *to)
{
	/* pairs with the release in show() */
	struct page *page = smp_load_acquire(&extent->page[slot]);
	struct medes_decoder *decoder;
	const void *base;

	if (extent->far)
		return medes_far_read(extent, slot, page);
	if (extent->far)
		return medes_far_read(extent, slot, page);
	if (page)
		return page_address(page);
	decoder = medes_decoder_get();
	base = read_to(extent, slot, decoder, to);
	medes_decoder_put(decoder);
	return base;
}

/**
 * medes_extent_look() - look at a base page and those that lie beside it
 * @extent: that cannot go
 * @slot: of the base page, which was filled
 * @bases: receives the pages that a record may reach into
 * @to: MEDES_NEAR * PAGE_SIZE bytes, for those that are packed
 *
 * Context: inside rcu_read_lock(), for as long as @bases is used.
 */
void medes_extent_look(struct medes_extent *extent, u32 slot,
		       struct medes_bases *bases, void *to)
{
	for (u32 i = 0; i < MEDES_NEAR; i++) {
		u32 at = slot + i - MEDES_ITSELF;

		bases->page[i] = NULL;
		if (i == MEDES_ITSELF || medes_extent_has(extent, at))
			bases->page[i] = look(extent, at, to + i * PAGE_SIZE);
	}
}

/**
 * medes_extent_copy() - copy a base page
 * @extent: that cannot go
 * @slot: of a page that was filled
 * @to: receives PAGE_SIZE bytes
 *
 * Context: any but interrupts.
 * Return: 0, or -EBADMSG when the packed bytes are damaged, or the page has to be
 * fetched from another node first.
 */
int medes_extent_copy(struct medes_extent *extent, u32 slot, void *to)
{
	const void *base;

	rcu_read_lock();
	base = look(extent, slot, to);
	if (base && base != to)
		memcpy(to, base, PAGE_SIZE);
	rcu_read_unlock();
	return base ? 0 : -EBADMSG;
}

/* Free the raw pages that nobody can find any more. */
static void free_batch(struct pack *p)
{
	if (!p->nr)
		return;
	synchronize_rcu();
	medes_base_account(-(s64)p->nr * PAGE_SIZE);
	while (p->nr)
		__free_page(p->page[--p->nr]);
}

/* From now on readers find the packed bytes. */
static void show(struct pack *p, struct medes_extent *extent, u32 slot,
		 unsigned long handle, unsigned int len)
{
	extent->packed[slot].handle = handle;
	extent->packed[slot].len = len;
	p->page[p->nr++] = extent->page[slot];
	/* pairs with the acquire in medes_extent_read() */
	smp_store_release(&extent->page[slot], NULL);
	atomic_inc(&extent->base->nr_packed);
	atomic64_inc(&medes_totals.value[MEDES_A_STATS_BASE_PACKED]);
	p->op->stored++;
}

/* Only packers change a slot after it was published, one at a time. */
static int pack_slot(struct pack *p, struct medes_extent *extent, u32 slot)
{
	struct medes_encoder *encoder;
	struct medes_coded coded;
	unsigned long handle;
	int len;

	encoder = medes_encoder_get();
	if (!encoder)
		return -ENOMEM;
	len = medes_encoder_run(encoder, p->op->mode,
				page_address(extent->page[slot]), NULL, 0,
				&coded);
	if (len <= 0 || len > PACK_MAX) {
		medes_encoder_put(encoder);
		return 0;
	}
	handle = zs_malloc(pool, len, GFP_KERNEL | __GFP_NORETRY |
			   __GFP_NOWARN | __GFP_HIGHMEM | __GFP_MOVABLE,
			   NUMA_NO_NODE);
	if (!IS_ERR_VALUE(handle))
		zs_obj_write(pool, handle, (void *)coded.data, len);
	medes_encoder_put(encoder);
	if (IS_ERR_VALUE(handle))
		return (long)handle;
	show(p, extent, slot, handle, len);
	return 0;
}

static int pack_all(struct pack *p)
{
	struct medes_op *op = p->op;
	struct medes_extent *extent;
	unsigned long index;
	int err;

	xa_for_each(&op->base->pages, index, extent) {
		u32 slot = index - extent->first;

		op->done++;
		if (!extent->page[slot])
			continue;
		err = pack_slot(p, extent, slot);
		if (err)
			return err;
		if (p->nr == BATCH)
			free_batch(p);
		if (!medes_op_progress(op))
			return -ECANCELED;
		cond_resched();
	}
	return 0;
}

/**
 * medes_pack_run() - pack the pages of a base
 * @op: settle, of a base
 *
 * Context: worker of the queue without a sandbox, so one at a time; may sleep.
 * Return: 0, -ECANCELED, -ENOMEM with some of them packed, -EBUSY when the base is
 * exported.
 */
int medes_pack_run(struct medes_op *op)
{
	struct pack *p;
	int err = medes_base_pack_begin(op->base);

	if (err)
		return err;
	p = kzalloc_obj(*p);
	if (!p) {
		medes_base_pack_end(op->base);
		return -ENOMEM;
	}
	p->op = op;
	op->total = atomic_read(&op->base->nr_pages);
	err = pack_all(p);
	free_batch(p);
	kfree(p);
	medes_base_pack_end(op->base);
	return err;
}

/* A raw page again; its packed bytes are freed when nobody reads them. */
static int unpack_slot(struct medes_extent *extent, u32 slot)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	int err = -ENOMEM;

	if (page)
		err = medes_extent_copy(extent, slot, page_address(page));
	if (err) {
		if (page)
			__free_page(page);
		return err;
	}
	medes_base_account(PAGE_SIZE);
	/* pairs with the acquire in medes_extent_read() */
	smp_store_release(&extent->page[slot], page);
	atomic_dec(&extent->base->nr_packed);
	return 0;
}

/**
 * medes_pack_undo() - unpack the pages of a base
 * @base: pinned by the caller
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -EBADMSG with some of them unpacked.
 */
int medes_pack_undo(struct medes_base *base)
{
	struct medes_extent *extent;
	unsigned long index;
	int err = 0;

	xa_for_each(&base->pages, index, extent) {
		if (!extent->page[index - extent->first])
			err = unpack_slot(extent, index - extent->first);
		if (err)
			break;
		cond_resched();
	}
	synchronize_rcu();
	xa_for_each(&base->pages, index, extent) {
		u32 slot = index - extent->first;

		if (!extent->page[slot] || !extent->packed[slot].len)
			continue;
		medes_pack_free(extent, slot);
		extent->packed[slot].len = 0;
	}
	return err;
}

/**
 * medes_pack_free() - free the packed bytes of a slot, if there are any
 * @extent: that is freed
 * @slot: of a page
 *
 * Context: may sleep.
 */
void medes_pack_free(struct medes_extent *extent, u32 slot)
{
	if (!extent->packed[slot].len)
		return;
	zs_free(pool, extent->packed[slot].handle);
	atomic64_dec(&medes_totals.value[MEDES_A_STATS_BASE_PACKED]);
}

/**
 * medes_pack_bytes() - what packed base pages cost
 *
 * Context: any.
 * Return: bytes of all pages that zsmalloc holds for them.
 */
u64 medes_pack_bytes(void)
{
	return (u64)zs_get_total_pages(pool) << PAGE_SHIFT;
}

/**
 * medes_pack_init() - prepare to pack
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_pack_init(void)
{
	pool = zs_create_pool("medes-base");
	return pool ? 0 : -ENOMEM;
}

/**
 * medes_pack_exit() - the end of it
 *
 * Context: module exit; there are no bases.
 */
void medes_pack_exit(void)
{
	zs_destroy_pool(pool);
}
