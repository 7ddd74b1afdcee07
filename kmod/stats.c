// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of sandboxes and of the module.
 *
 * Every count is one atomic addition in the sandbox's account and one in the
 * totals, from any context, so nothing here takes a lock. What memory costs
 * beyond the bytes of records is not counted page by page but asked of who
 * knows: zsmalloc, the chunks of device memory, the bases.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "base.h"
#include "devmem.h"
#include "record.h"
#include "stats.h"

struct medes_account medes_totals = { .ref = KREF_INIT(1) };

static const char * const names[MEDES_NR_STATS] = {
	[MEDES_A_STATS_PAGES_ZERO] = "pages_zero",
	[MEDES_A_STATS_PAGES_SAME] = "pages_same",
	[MEDES_A_STATS_PAGES_WORDS] = "pages_words",
	[MEDES_A_STATS_PAGES_SELF] = "pages_self",
	[MEDES_A_STATS_BYTES_WORDS] = "bytes_words",
	[MEDES_A_STATS_BYTES_SELF] = "bytes_self",
	[MEDES_A_STATS_RECORD_BYTES] = "record_bytes",
	[MEDES_A_STATS_DEVICE_PAGE_BYTES] = "device_page_bytes",
	[MEDES_A_STATS_BASE_PAGES] = "base_pages",
	[MEDES_A_STATS_BASE_BYTES] = "base_bytes",
	[MEDES_A_STATS_PAGES_LOST] = "pages_lost",
	[MEDES_A_STATS_SCANNED] = "scanned",
	[MEDES_A_STATS_STORED] = "stored",
	[MEDES_A_STATS_REFUSED_CHANGED] = "refused_changed",
	[MEDES_A_STATS_REFUSED_PINNED] = "refused_pinned",
	[MEDES_A_STATS_REFUSED_UNSUITED] = "refused_unsuited",
	[MEDES_A_STATS_REFUSED_SIZE] = "refused_size",
	[MEDES_A_STATS_REFUSED_MEMORY] = "refused_memory",
	[MEDES_A_STATS_THP_SPLIT] = "thp_split",
	[MEDES_A_STATS_FAULTS] = "faults",
	[MEDES_A_STATS_FAULT_AROUND] = "fault_around",
	[MEDES_A_STATS_RESTORED] = "restored",
	[MEDES_A_STATS_FREED] = "freed",
	[MEDES_A_STATS_LOSSES] = "losses",
	[MEDES_A_STATS_FAULT_NS] = "fault_ns",
	[MEDES_A_STATS_STORE_NS] = "store_ns",
	[MEDES_A_STATS_REBUILT] = "rebuilt",
	[MEDES_A_STATS_WORKING_SET] = "working_set",
	[MEDES_A_STATS_PREFETCHED] = "prefetched",
	[MEDES_A_STATS_PREFETCH_UNUSED] = "prefetch_unused",
	[MEDES_A_STATS_RESERVE_USED] = "reserve_used",
	[MEDES_A_STATS_THROTTLED_NS] = "throttled_ns",
	[MEDES_A_STATS_PAGES_DICT] = "pages_dict",
	[MEDES_A_STATS_BYTES_DICT] = "bytes_dict",
	[MEDES_A_STATS_PAGES_DENSE] = "pages_dense",
	[MEDES_A_STATS_SETTLED] = "settled",
	[MEDES_A_STATS_SETTLE_NS] = "settle_ns",
	[MEDES_A_STATS_BASE_PACKED] = "base_packed",
	[MEDES_A_STATS_REMOTE_PAGES] = "remote_pages",
	[MEDES_A_STATS_REMOTE_READS] = "remote_reads",
	[MEDES_A_STATS_REMOTE_RETRIES] = "remote_retries",
	[MEDES_A_STATS_REMOTE_BAD] = "remote_bad",
	[MEDES_A_STATS_REMOTE_CACHED] = "remote_cached",
};

/**
 * medes_stat_name() - name of a counter, as sysfs shows it
 * @stat: number of an attribute of the set "stats"
 *
 * Context: any.
 * Return: the name, or NULL when there is no such counter.
 */
const char *medes_stat_name(unsigned int stat)
{
	return stat < MEDES_NR_STATS ? names[stat] : NULL;
}

/**
 * medes_account_new() - make the counters of a sandbox
 * @seed: of the hashes and checksums of the sandbox's domain
 *
 * Context: may sleep.
 * Return: the account with one reference, or NULL without memory.
 */
struct medes_account *medes_account_new(u64 seed)
{
	struct medes_account *account = kzalloc_obj(*account);

	if (!account)
		return NULL;
	kref_init(&account->ref);
	account->seed = seed;
	return account;
}

static void account_free(struct kref *ref)
{
	kfree(container_of(ref, struct medes_account, ref));
}

/**
 * medes_account_put() - drop a reference to counters
 * @account: of a sandbox
 *
 * Context: any, atomic included: records are freed under page table locks.
 */
void medes_account_put(struct medes_account *account)
{
	kref_put(&account->ref, account_free);
}

static u64 record_bytes(struct medes_account *account)
{
	u64 heads = medes_live_pages(account) * medes_record_head_bytes();

	if (account == &medes_totals)
		return heads + medes_record_pool_bytes();
	return heads + atomic64_read(&account->value[MEDES_A_STATS_BYTES_WORDS]) +
	       atomic64_read(&account->value[MEDES_A_STATS_BYTES_SELF]) +
	       atomic64_read(&account->value[MEDES_A_STATS_BYTES_DICT]);
}

/**
 * medes_stat_read() - read a counter
 * @account: of a sandbox, or &medes_totals
 * @stat: number of an attribute of the set "stats"
 *
 * Context: may sleep.
 * Return: the value; a moment's view, counters move while they are read.
 */
u64 medes_stat_read(struct medes_account *account, unsigned int stat)
{
	switch (stat) {
	case MEDES_A_STATS_RECORD_BYTES:
		return record_bytes(account);
	case MEDES_A_STATS_DEVICE_PAGE_BYTES:
		return account == &medes_totals ? medes_devmem_bytes() :
		       medes_live_pages(account) * sizeof(struct page);
	case MEDES_A_STATS_BASE_BYTES:
		return account == &medes_totals ? medes_base_bytes() :
		       PAGE_SIZE * atomic64_read(&account->value[MEDES_A_STATS_BASE_PAGES]);
	default:
		return atomic64_read(&account->value[stat]);
	}
}
