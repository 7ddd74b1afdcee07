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
#include <uapi/stat_names.h>
#include "base.h"
#include "devmem.h"
#include "record.h"
#include "stats.h"

struct medes_account medes_totals = { .ref = KREF_INIT(1) };

static const char * const names[MEDES_NR_STATS] = { MEDES_STAT_NAMES };

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
	INIT_LIST_HEAD(&account->away);
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
