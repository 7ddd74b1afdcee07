// SPDX-License-Identifier: GPL-2.0
/*
 * Records: a head from a slab cache, the encoded bytes in zsmalloc.
 *
 * zsmalloc packs objects of any size tightly and may move them, which is why
 * bytes are only read between zs_obj_read_begin() and _end(), where nothing
 * sleeps. Decoding takes some microseconds with preemption off (workspace.c).
 * What it yields is checked against the checksum before anybody sees it.
 */
#include <linux/err.h>
#include <linux/fault-inject.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/zsmalloc.h>
#include "ahead.h"
#include "base.h"
#include "codec.h"
#include "fingerprint.h"
#include "hist.h"
#include "inject.h"
#include "limits.h"
#include "pack.h"
#include "record.h"
#include "sandbox.h"
#include "stats.h"
#include "workspace.h"

static struct kmem_cache *cache;
static struct zs_pool *pool;

/* The stat that counts pages, and bytes, of each encoding. */
static const u8 page_stat[] = {
	[MEDES_ENCODING_ZERO] = MEDES_A_STATS_PAGES_ZERO,
	[MEDES_ENCODING_SAME] = MEDES_A_STATS_PAGES_SAME,
	[MEDES_ENCODING_WORDS] = MEDES_A_STATS_PAGES_WORDS,
	[MEDES_ENCODING_SELF] = MEDES_A_STATS_PAGES_SELF,
	[MEDES_ENCODING_DICT] = MEDES_A_STATS_PAGES_DICT,
};

static const u8 byte_stat[] = {
	[MEDES_ENCODING_WORDS] = MEDES_A_STATS_BYTES_WORDS,
	[MEDES_ENCODING_SELF] = MEDES_A_STATS_BYTES_SELF,
	[MEDES_ENCODING_DICT] = MEDES_A_STATS_BYTES_DICT,
};

static void count(struct medes_record *record, int sign)
{
	u8 encoding = record->encoding;

	medes_hist_record(encoding, record->len, sign);
	medes_count_add(record->account, page_stat[encoding], sign);
	if (record->len)
		medes_count_add(record->account, byte_stat[encoding],
				sign * (int)record->len);
	if (record->dense)
		medes_count(record->account, PAGES_DENSE, sign);
}

/* Keep the encoded bytes. */
static int store(struct medes_record *record, const void *data,
		 unsigned int len)
{
	unsigned long handle;

	if (medes_record_pool_bytes() + len >
	    READ_ONCE(medes_limits.max_record_bytes))
		return -ENOSPC;
	handle = zs_malloc(pool, len, GFP_KERNEL | __GFP_NORETRY |
			   __GFP_NOWARN | __GFP_HIGHMEM | __GFP_MOVABLE,
			   NUMA_NO_NODE);
	if (IS_ERR_VALUE(handle))
		return (long)handle;
	zs_obj_write(pool, handle, (void *)data, len);
	record->handle = handle;
	return 0;
}

/**
 * medes_record_new() - make a record
 * @account: whose page it is
 * @checksum: of the page, seeded by @account
 * @coded: the record, copied
 * @extent: of the base page; the caller holds the base
 * @slot: of the base page
 *
 * Context: may sleep.
 * Return: the record, ERR_PTR(-ENOMEM), or ERR_PTR(-ENOSPC) at the ceiling.
 */
struct medes_record *medes_record_new(struct medes_account *account,
				      u64 checksum,
				      const struct medes_coded *coded,
				      struct medes_extent *extent, u32 slot)
{
	struct medes_record *record;
	int err;

	record = kmem_cache_zalloc(cache, GFP_KERNEL | __GFP_NOWARN |
					  __GFP_NORETRY);
	if (!record)
		return ERR_PTR(-ENOMEM);
	if (coded->len) {
		err = store(record, coded->data, coded->len);
		if (err) {
			kmem_cache_free(cache, record);
			return ERR_PTR(err);
		}
	}
	record->account = medes_account_get(account);
	record->checksum = checksum;
	record->encoding = coded->encoding;
	record->dense = medes_record_is_dense(coded->encoding, coded->data,
					      coded->len);
	record->len = coded->len;
	record->reach = coded->reach;
	/* only what it reaches into needs to stay */
	if (coded->reach) {
		medes_extent_use(extent, slot);
		record->extent = extent;
		record->slot = slot;
	}
	count(record, 1);
	return record;
}

/**
 * medes_record_unused() - forget a record that never stood for a page
 * @record: from medes_record_new()
 *
 * Context: any.
 */
void medes_record_unused(struct medes_record *record)
{
	record->read = true;
	medes_record_free(record);
}

/**
 * medes_record_free() - forget a record
 * @record: that no page table refers to any more
 *
 * Context: any; called under page table locks.
 */
void medes_record_free(struct medes_record *record)
{
	struct medes_account *account = record->account;
	struct page *ahead = medes_ahead_take(record);

	count(record, -1);
	if (!record->read)
		medes_count(account, FREED, 1);
	if (record->lost)
		medes_count(account, PAGES_LOST, -1);
	if (ahead)
		__free_page(ahead);
	if (record->handle)
		zs_free(pool, record->handle);
	if (record->extent)
		medes_extent_unuse(record->extent, record->slot);
	kmem_cache_free(cache, record);
	if (!medes_live_pages(account))
		medes_sandbox_kick(account->sandbox);
	medes_account_put(account);
}

static int decode(struct medes_record *record, struct medes_decoder *decoder,
		  void *page)
{
	struct medes_bases bases = { };
	void *data;
	int err;

	if (record->extent) {
		err = medes_extent_read_all(record->extent, record->slot,
					    record->reach, decoder, &bases);
		if (err)
			return err;
	}
	if (!record->handle)
		return medes_decode(decoder->codec, record->encoding, NULL, 0,
				    &bases, page);
	data = zs_obj_read_begin(pool, record->handle, record->len,
				 decoder->bytes);
	err = medes_decode(decoder->codec, record->encoding, data, record->len,
			   &bases, page);
	zs_obj_read_end(pool, record->handle, record->len, data);
	return err;
}

/**
 * medes_record_missing() - has a page to be fetched from another node first?
 * @record: kept alive by the caller
 *
 * Context: any.
 * Return: true if so; a hint.
 */
bool medes_record_missing(const struct medes_record *record)
{
	if (!record->extent || !record->extent->far)
		return false;
	for (u32 i = 0; i < MEDES_NEAR; i++)
		if (record->reach >> i & 1 &&
		    medes_extent_missing(record->extent,
					 record->slot + i - MEDES_ITSELF))
			return true;
	return false;
}

/**
 * medes_record_decode() - rebuild a page
 * @record: kept alive by the caller (its device page is locked)
 * @page: PAGE_SIZE bytes to fill; unspecified on error
 *
 * Context: any; preemption is off for some microseconds.
 * Return: 0; -EBADMSG when the record does not decode, -EILSEQ when the bytes
 * do not match its checksum, -EAGAIN when its base page has to be fetched first.
 */
int medes_record_decode(struct medes_record *record, void *page)
{
	struct medes_decoder *decoder = medes_decoder_get();
	int err;

	rcu_read_lock();
	err = decode(record, decoder, page);
	rcu_read_unlock();
	medes_decoder_put(decoder);
	if (err)
		return err == -EAGAIN ? err : -EBADMSG;
	if (medes_page_hash(page, record->account->seed) != record->checksum ||
	    medes_fail_decode())
		return -EILSEQ;
	return 0;
}

/**
 * medes_record_pool_bytes() - what encoded bytes cost
 *
 * Context: any.
 * Return: bytes of all pages that zsmalloc holds for us.
 */
u64 medes_record_pool_bytes(void)
{
	return (u64)zs_get_total_pages(pool) << PAGE_SHIFT;
}

/**
 * medes_record_pool_unused() - how much of that holds no record
 *
 * Context: any.
 * Return: bytes, between the objects and in size classes that do not fit.
 */
u64 medes_record_pool_unused(void)
{
	u64 used = 0, all = medes_record_pool_bytes();

	for (unsigned int i = 0; i < ARRAY_SIZE(byte_stat); i++)
		if (byte_stat[i])
			used += atomic64_read(&medes_totals.value[byte_stat[i]]);
	return all > used ? all - used : 0;
}

/**
 * medes_record_pool_compacted() - what compaction gave back until now
 *
 * Context: any.
 * Return: pages, by medes_record_compact() and by zsmalloc's shrinker.
 */
u64 medes_record_pool_compacted(void)
{
	struct zs_pool_stats stats = { };

	zs_pool_stats(pool, &stats);
	return atomic_long_read(&stats.pages_compacted);
}

/**
 * medes_record_compact() - move records together and free what gets empty
 *
 * Records may be read meanwhile. Under memory pressure zsmalloc does the same
 * by itself.
 *
 * Context: may sleep; takes the pool's locks, bit by bit.
 */
void medes_record_compact(void)
{
	zs_compact(pool);
}

/**
 * medes_record_head_bytes() - what a record costs beyond its encoded bytes
 *
 * Context: any.
 * Return: bytes.
 */
unsigned int medes_record_head_bytes(void)
{
	return kmem_cache_size(cache);
}

/**
 * medes_record_init() - prepare for records
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_record_init(void)
{
	cache = KMEM_CACHE(medes_record, 0);
	if (!cache)
		return -ENOMEM;
	pool = zs_create_pool("medes");
	if (pool)
		return 0;
	kmem_cache_destroy(cache);
	return -ENOMEM;
}

/**
 * medes_record_exit() - the end of records
 *
 * Context: module exit; there are no records.
 */
void medes_record_exit(void)
{
	zs_destroy_pool(pool);
	kmem_cache_destroy(cache);
}
