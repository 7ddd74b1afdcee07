/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters, of one sandbox and of the whole module. Their list is the
 * attribute set "stats" of uapi/medes.yaml; its numbers index them here.
 */
#ifndef MEDES_STATS_H
#define MEDES_STATS_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/medes.h>

#define MEDES_NR_STATS (MEDES_A_STATS_MAX + 1)

/**
 * struct medes_account - what is counted for one sandbox
 * @ref: one of the sandbox, one of every record
 * @sandbox: id of the sandbox, valid also when that has gone
 * @seed: of the hashes and checksums of the sandbox's domain
 * @value: one counter for each attribute of the set "stats"
 * @last_fault: address of the newest fault, a hint for fault-around
 * @window: pages of the newest fault-around, a hint likewise
 * @away: in survey.c's list; its own, like the next two
 * @unreachable: pages that no node gives, as counted so far
 * @orphaned: of these, those that none will give any more
 *
 * Records outlive the sandbox that they were made for (a forked child keeps
 * them), so they point here and never at the sandbox.
 */
struct medes_account {
	struct kref ref;
	u32 sandbox;
	u64 seed;
	atomic64_t value[MEDES_NR_STATS];
	unsigned long last_fault;
	unsigned int window;
	struct list_head away;
	u64 unreachable;
	u64 orphaned;
};

extern struct medes_account medes_totals;

struct medes_account *medes_account_new(u64 seed);
void medes_account_put(struct medes_account *account);
u64 medes_stat_read(struct medes_account *account, unsigned int stat);
const char *medes_stat_name(unsigned int stat);

static inline struct medes_account *
medes_account_get(struct medes_account *account)
{
	kref_get(&account->ref);
	return account;
}

/* Any context. Counts in the account and in the totals. */
static inline void medes_count_add(struct medes_account *account,
				   unsigned int stat, s64 n)
{
	atomic64_add(n, &account->value[stat]);
	atomic64_add(n, &medes_totals.value[stat]);
}

#define medes_count(account, name, n) \
	medes_count_add(account, MEDES_A_STATS_##name, n)

/* Pages that are deduplicated now. */
static inline u64 medes_live_pages(struct medes_account *account)
{
	return atomic64_read(&account->value[MEDES_A_STATS_PAGES_ZERO]) +
	       atomic64_read(&account->value[MEDES_A_STATS_PAGES_SAME]) +
	       atomic64_read(&account->value[MEDES_A_STATS_PAGES_WORDS]) +
	       atomic64_read(&account->value[MEDES_A_STATS_PAGES_SELF]) +
	       atomic64_read(&account->value[MEDES_A_STATS_PAGES_DICT]);
}

#endif /* MEDES_STATS_H */
