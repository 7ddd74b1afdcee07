// SPDX-License-Identifier: GPL-2.0
/*
 * Look up the record of an address. Never what is in the page.
 */
#include <linux/leafops.h>
#include <linux/mm.h>
#include "base.h"
#include "devmem.h"
#include "inspect.h"
#include "ptes.h"
#include "record.h"

static enum medes_place place_of(struct mm_struct *mm, unsigned long address,
				 pte_t pte)
{
	if (pte_present(pte))
		return MEDES_PLACE_MEMORY;
	if (!pte_none(pte))
		return MEDES_PLACE_ELSEWHERE;
	return medes_pmd_leaf(mm, address) ? MEDES_PLACE_MEMORY :
					     MEDES_PLACE_NOWHERE;
}

static void describe(const struct medes_record *record,
		     struct medes_found *found)
{
	const struct medes_extent *extent = record->extent;

	found->place = MEDES_PLACE_RECORD;
	found->encoding = record->encoding;
	found->len = record->len;
	found->base = extent ? extent->base->id : 0;
	found->index = extent ? extent->first + record->slot : 0;
	found->lost = record->lost;
}

/**
 * medes_inspect() - find out where the page of an address is
 * @mm: held by mmget
 * @address: of any byte in the page
 * @found: receives it; a moment's view
 *
 * Context: may sleep; takes mmap_lock for read.
 * Return: 0, -EFAULT when nothing is mapped there, -EBUSY when somebody is at
 * the record.
 */
int medes_inspect(struct mm_struct *mm, unsigned long address,
		  struct medes_found *found)
{
	struct medes_record *record;
	struct page *page;
	int err = 0, idx;
	pte_t pte;

	memset(found, 0, sizeof(*found));
	address &= PAGE_MASK;
	mmap_read_lock(mm);
	if (!vma_lookup(mm, address)) {
		mmap_read_unlock(mm);
		return -EFAULT;
	}
	idx = medes_devmem_enter();
	medes_ptes_read(mm, address, 1, &pte);
	page = medes_pte_device(pte);
	if (!page) {
		found->place = place_of(mm, address, pte);
	} else {
		record = medes_devmem_lock(page);
		if (record) {
			describe(record, found);
			medes_devmem_unlock(page);
		} else {
			err = -EBUSY;
		}
	}
	medes_devmem_leave(idx);
	mmap_read_unlock(mm);
	return err;
}
