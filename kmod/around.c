// SPDX-License-Identifier: GPL-2.0
/*
 * Fault-around: which neighbours come back with a touched page.
 *
 * Bringing several pages at once is cheaper than a fault for each, if they are
 * wanted. Two signs say so:
 *
 * - Faults that go on where the last window ended: somebody reads in order. The
 *   window doubles with each, and halves with each fault elsewhere. After the
 *   idea of mm/readahead.c. It is one for each sandbox's account; two threads
 *   may race there, and a worse guess is all that comes of it.
 * - Neighbours that are in use: five of eight at least. A page that came back and was used has the
 *   accessed bit set in its page table entry, one that was brought for nothing
 *   has not. So the page tables themselves tell how the guesses of the past
 *   fared, here and not only lately: a block comes as a whole when enough of it
 *   is in use, and pages that nobody used count against it.
 *
 * Reclaim clears accessed bits, too. Then fewer neighbours come along.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include "around.h"
#include "limits.h"
#include "ptes.h"
#include "stats.h"

/* What a look at the page tables found, a bit for each page of the block. */
struct look {
	unsigned long used;
	unsigned long idle;
};

/* Pages to bring for somebody who reads in order. */
static unsigned int by_order(struct medes_account *account,
			     unsigned long address, unsigned int most)
{
	unsigned int window = READ_ONCE(account->window) ?: 1;
	unsigned long last = READ_ONCE(account->last_fault);
	unsigned long near = 2UL * window << PAGE_SHIFT;

	if (address > last && address - last <= near)
		window = min(window * 2, most);
	else
		window = clamp(window / 2, 1U, most);
	WRITE_ONCE(account->window, window);
	WRITE_ONCE(account->last_fault, address);
	return window;
}

/* Look at the pages from start on that lie in the VMA. */
static struct look look_at(struct vm_area_struct *vma, unsigned long start,
			   unsigned int n)
{
	unsigned long first = max(start, vma->vm_start);
	unsigned long end = min(start + n * PAGE_SIZE, vma->vm_end);
	unsigned int at = (first - start) >> PAGE_SHIFT;
	pte_t pte[MEDES_FAULT_AROUND_MAX];
	struct look look = {};

	n = (end - first) >> PAGE_SHIFT;
	medes_ptes_read(vma->vm_mm, first, n, pte);
	for (unsigned int i = 0; i < n; i++, at++) {
		if (!pte_present(pte[i]))
			continue;
		if (pte_young(pte[i]))
			look.used |= BIT(at);
		else
			look.idle |= BIT(at);
	}
	return look;
}

/* Pages to bring where many are in use: of an aligned block around the page. */
static unsigned int by_use(struct vm_area_struct *vma, unsigned long address,
			   unsigned int most)
{
	unsigned long start = round_down(address, most * PAGE_SIZE);
	unsigned int at = (address - start) >> PAGE_SHIFT;
	struct look look = look_at(vma, start, most);
	unsigned int window = 1;

	for (unsigned int size = 2; size <= most; size *= 2) {
		unsigned long mask = (BIT(size) - 1) << round_down(at, size);
		/* the touched page is about to be used */
		int used = 1 + hweight_long(look.used & mask) -
			   (int)hweight_long(look.idle & mask);

		if (8 * used >= 5 * (int)size)
			window = size;
	}
	return window;
}

/**
 * medes_around() - choose the pages to bring with a touched one
 * @account: of the touched page's sandbox
 * @vma: that the page is in
 * @address: of the page
 * @end: receives the end of the range
 *
 * Context: mmap_lock held for read.
 * Return: where the range begins; it is inside the VMA, holds the page, and
 * has at most MEDES_FAULT_AROUND_MAX pages.
 */
unsigned long medes_around(struct medes_account *account,
			   struct vm_area_struct *vma, unsigned long address,
			   unsigned long *end)
{
	unsigned int most = READ_ONCE(medes_limits.fault_around_pages);
	unsigned int window = by_order(account, address, most);
	unsigned long start;

	if (window < most)
		window = max(window, by_use(vma, address, most));
	start = round_down(address, window * PAGE_SIZE);
	*end = min(start + window * PAGE_SIZE, vma->vm_end);
	return max(start, vma->vm_start);
}
