// SPDX-License-Identifier: GPL-2.0
/*
 * Copy: a base gets all pages of another, under the same indexes and in the same
 * extents, so that a node that exports the copy has a replica of the original.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "base.h"
#include "copy.h"
#include "fetch.h"
#include "op.h"
#include "pack.h"
#include "read.h"

/* Copy the pages that one extent has from a slot on, at most a batch. */
static int copy_some(struct medes_op *op, struct medes_extent *from,
		     struct medes_extent *to, u32 slot)
{
	u32 end = min(from->count, slot + MEDES_READ_PAGES);
	int err = medes_fetch_pages(op->source, from->first + slot,
				    end - slot);

	for (; slot < end && !err; slot++) {
		u32 index = from->first + slot;

		if (xa_load(&op->source->pages, index) != from)
			continue;
		/* one that was fetched may have gone again: then once more */
		while (medes_extent_copy(from, slot,
					 page_address(to->page[slot]))) {
			if (!from->far)
				return -EBADMSG;
			err = medes_fetch_pages(op->source, index, 1);
			if (err)
				return err;
		}
		err = medes_extent_publish(to, slot);
		op->stored++;
		op->done++;
	}
	return err;
}

static int copy_extent(struct medes_op *op, struct medes_extent *from)
{
	struct medes_extent *to = medes_extent_new_at(op->base, from->first,
						      from->count);
	int err = 0;

	if (IS_ERR(to))
		return PTR_ERR(to);
	for (u32 slot = 0; slot < from->count && !err;
	     slot += MEDES_READ_PAGES) {
		err = copy_some(op, from, to, slot);
		if (!err && !medes_op_progress(op))
			err = -ECANCELED;
		cond_resched();
	}
	medes_extent_trim(to);
	return err;
}

/**
 * medes_copy_run() - copy a base
 * @op: copy
 *
 * Context: worker; may sleep.
 * Return: 0, -ECANCELED, -ENOMEM, -ENOSPC at the ceiling or when the base is not
 * empty, -EHOSTUNREACH or -EILSEQ when pages are on other nodes that do not give
 * them. Pages that were copied before stay.
 */
int medes_copy_run(struct medes_op *op)
{
	struct medes_extent *extent, *last = NULL;
	unsigned long index;
	int err = 0;

	op->total = atomic_read(&op->source->nr_pages);
	xa_for_each(&op->source->pages, index, extent) {
		if (extent == last)
			continue;
		last = extent;
		err = copy_extent(op, extent);
		if (err)
			break;
	}
	return err;
}
