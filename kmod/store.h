/* SPDX-License-Identifier: GPL-2.0 */
/* Store: a batch of pages becomes records. */
#ifndef MEDES_STORE_H
#define MEDES_STORE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct medes_extent;
struct medes_op;
struct medes_store;
struct medes_target;
struct medes_ws;
struct mm_struct;
struct page;

#define MEDES_STORE_BATCH 32	/* pages unmapped at once, at most */
#define MEDES_STORE_SPLITS 4	/* huge pages remembered as split already */

/**
 * struct medes_storing - what the workers of an operation share
 * @op: the operation
 * @set: working set of the address space, referenced
 * @extent: that demarcate fills; a target's slot is its index
 * @last: no more tries after this one
 * @lock: protects the rest, and the operation's counts
 * @split: huge pages that were counted as split, the newest over the oldest
 * @nr_split: so far
 */
struct medes_storing {
	struct medes_op *op;
	struct medes_ws *set;
	struct medes_extent *extent;
	bool last;
	spinlock_t lock;	/* split, nr_split, counts of op, the crew's cursor */
	struct page *split[MEDES_STORE_SPLITS];
	unsigned int nr_split;
};

struct medes_store *medes_store_new(struct medes_storing *storing,
				    struct mm_struct *mm);
void medes_store_free(struct medes_store *s);
int medes_store_batch(struct medes_store *s, struct medes_target *target,
		      unsigned int n, unsigned int *stored);

#endif /* MEDES_STORE_H */
