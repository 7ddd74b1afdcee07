/* SPDX-License-Identifier: GPL-2.0 */
/* The working set: what an address space used after it was deduplicated. */
#ifndef MEDES_WORKINGSET_H
#define MEDES_WORKINGSET_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/spinlock.h>

struct medes_account;
struct medes_sandbox;
struct seq_file;

/* Longest stretch that is logged at once, in pages. */
#define MEDES_WS_STRETCH 64

/**
 * struct medes_ws_page - a page that came back
 * @address: of it
 * @order: later ones have a greater one
 * @missed: how often it came back unasked and nobody used it, in succession
 * @used: it was used at least once
 * @guessed: it came back unasked; whether it is used will be seen
 * @gone: forget it
 */
struct medes_ws_page {
	unsigned long address;
	u32 order;
	u8 missed;
	bool used : 1;
	bool guessed : 1;
	bool gone : 1;
};

/**
 * struct medes_ws - the working set of an address space
 * @ref: one of the address space, one of each operation at work
 * @rcu: faults look at it without a reference
 * @node: in the list of all, for the shrinker
 * @account: of the sandbox; holds a reference
 * @lock: protects what follows; taken under folio locks, never sleeps
 * @page: first those that are settled, by address; then the log
 * @nr: of @page
 * @settled: of @nr
 * @gone: of @settled, to be forgotten
 * @max: room in @page
 * @next: order of the next page that comes
 * @idle: not used by any operation since the shrinker looked
 */
struct medes_ws {
	struct kref ref;
	struct rcu_head rcu;
	struct list_head node;
	struct medes_account *account;
	spinlock_t lock;	/* all below */
	struct medes_ws_page *page;
	u32 nr;
	u32 settled;
	u32 gone;
	u32 max;
	u32 next;
	bool idle;
};

int medes_ws_init(void);
void medes_ws_exit(void);
struct medes_ws *medes_ws_new(struct medes_account *account);
void medes_ws_get(struct medes_ws *ws);
void medes_ws_put(struct medes_ws *ws);

void medes_ws_log(struct mm_struct *mm, unsigned long start, u64 brought,
		  u64 asked);
void medes_ws_settle(struct medes_ws *ws);
void medes_ws_judge(struct medes_ws *ws, unsigned long address, bool used);
void medes_ws_guess(struct medes_ws *ws, unsigned long start, u64 brought);
int medes_ws_list(struct medes_ws *ws, struct medes_ws_page **page, u32 *nr);
u64 medes_ws_bytes(void);

#endif /* MEDES_WORKINGSET_H */
