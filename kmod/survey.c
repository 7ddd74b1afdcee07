// SPDX-License-Identifier: GPL-2.0
/*
 * The survey: which sandboxes need base pages that no node gives now.
 *
 * A page whose nodes are away is not lost before somebody touches it, and may never
 * be: nodes come back. But who sends requests to sandboxes has to know which of them
 * would wait, and then be killed. So whenever a node comes, goes, or says that it has
 * a base no more, all records are looked at, and each sandbox is told how many of its
 * pages nobody can give back now (pages_unreachable), and of how many every node has
 * said so for good (pages_orphaned).
 *
 * That is a walk through all device memory, which is why it is not made for every
 * page or request. While something is missing it is made again now and then, since
 * pages come back from the cache, are unmapped or overwritten meanwhile: the counts
 * are as old as the newest look, and a page that somebody has locked is not counted.
 *
 * One work item does it all; what it keeps between two looks is its own.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/workqueue.h>
#include "base.h"
#include "devmem.h"
#include "record.h"
#include "replica.h"
#include "sandbox.h"
#include "stats.h"
#include "survey.h"

/* Reasons come in groups. */
#define SOON (HZ / 20)
#define AGAIN (5 * HZ)

/* Accounts with such pages, held: the survey's own, like @away and @found of each. */
static LIST_HEAD(accounts);

static void survey(struct work_struct *work);
static DECLARE_DELAYED_WORK(survey_work, survey);

/**
 * medes_survey_soon() - some node may give what it did not give before, or not any more
 *
 * Context: any.
 */
void medes_survey_soon(void)
{
	mod_delayed_work(system_dfl_wq, &survey_work, SOON);
}

/* Look at every imported base; are there pages that nobody gives? */
static bool look_at_bases(void)
{
	struct medes_remote *remote = NULL;
	bool missing = false;

	while ((remote = medes_remote_next(remote))) {
		remote->reach = medes_remote_reach(remote->base);
		if (remote->reach != MEDES_REACH_READY &&
		    atomic64_read(&remote->base->users))
			missing = true;
	}
	return missing;
}

static void tally(struct medes_account *account, enum medes_reach reach)
{
	if (list_empty(&account->away))
		list_add_tail(&medes_account_get(account)->away, &accounts);
	account->unreachable++;
	if (reach == MEDES_REACH_ORPHANED)
		account->orphaned++;
}

static void look_at(struct page *device)
{
	struct medes_record *record = medes_devmem_lock(device);
	enum medes_reach reach;

	if (!record)
		return;
	if (record->extent && record->extent->far) {
		reach = record->extent->base->remote->reach;
		if (reach != MEDES_REACH_READY && medes_record_missing(record))
			tally(record->account, reach);
	}
	medes_devmem_unlock(device);
}

static void look_at_records(void)
{
	struct medes_devmem_cursor cursor = {};
	unsigned long pfn;
	bool more;
	int idx;

	do {
		idx = medes_devmem_enter();
		more = medes_devmem_next(&cursor, &pfn);
		for (unsigned int i = 0; more && i < MEDES_DEVMEM_STRETCH; i++)
			if (page_ref_count(pfn_to_page(pfn + i)))
				look_at(pfn_to_page(pfn + i));
		medes_devmem_leave(idx);
		cond_resched();
	} while (more);
	medes_devmem_stop(&cursor);
}

/* Let it be seen; is that news? */
static bool show(struct medes_account *account)
{
	atomic64_t *value = account->value;
	u64 unreachable = atomic64_read(&value[MEDES_A_STATS_PAGES_UNREACHABLE]);
	u64 orphaned = atomic64_read(&value[MEDES_A_STATS_PAGES_ORPHANED]);
	bool news = !unreachable != !account->unreachable ||
		    !orphaned != !account->orphaned;

	medes_count(account, PAGES_UNREACHABLE,
		    account->unreachable - unreachable);
	medes_count(account, PAGES_ORPHANED, account->orphaned - orphaned);
	return news;
}

static void survey(struct work_struct *work)
{
	struct medes_account *account, *next;

	list_for_each_entry(account, &accounts, away) {
		account->unreachable = 0;
		account->orphaned = 0;
	}
	if (look_at_bases())
		look_at_records();
	list_for_each_entry_safe(account, next, &accounts, away) {
		if (show(account))
			medes_sandbox_tell(account->sandbox);
		if (account->unreachable)
			continue;
		list_del_init(&account->away);
		medes_account_put(account);
	}
	/* not sooner than what was asked for meanwhile */
	if (!list_empty(&accounts))
		queue_delayed_work(system_dfl_wq, &survey_work, AGAIN);
}

/**
 * medes_survey_exit() - no survey any more
 *
 * Context: module exit, when there are neither records nor peers.
 */
void medes_survey_exit(void)
{
	struct medes_account *account, *next;

	disable_delayed_work_sync(&survey_work);
	list_for_each_entry_safe(account, next, &accounts, away) {
		list_del_init(&account->away);
		medes_account_put(account);
	}
}
