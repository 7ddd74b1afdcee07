// SPDX-License-Identifier: GPL-2.0
/*
 * Views of another process's memory.
 *
 * hmm_range_fault() without any request flag reads page tables and faults
 * nothing in: it restores no deduplicated page, swaps nothing in, and marks no
 * page young, as get_user_pages() would. What it reports may be old at once,
 * so references are taken under view->lock after checking that the notifier
 * has seen no change; a page whose table entry changes afterwards is still
 * ours to read, only stale, and whoever uses it checks again.
 *
 * The notifier exists only while a view is open. It takes a spinlock for as
 * long as 512 references take, so it never keeps the process from its page
 * tables for long, and may be called where nothing may sleep (OOM reaper).
 */
#include <linux/hmm.h>
#include <linux/ksm.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>
#include "devmem.h"
#include "view.h"

/* How often page tables may change under us before a window is given up. */
#define TRIES 16

static bool invalidate(struct mmu_interval_notifier *notifier,
		       const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	struct medes_view *view =
		container_of(notifier, struct medes_view, notifier);

	spin_lock(&view->lock);
	mmu_interval_set_seq(notifier, seq);
	spin_unlock(&view->lock);
	return true;
}

static const struct mmu_interval_notifier_ops ops = {
	.invalidate = invalidate,
};

/**
 * medes_vma_suits() - may pages of this VMA be deduplicated?
 * @vma: of any address space whose mmap_lock is held
 *
 * Private memory with anonymous pages in it: not what is locked, shared, huge
 * by hugetlbfs, mapped by a device, or watched by userfaultfd. Nor what was
 * given to KSM: ksmd maps a merged page before that page's reverse map knows
 * the place, and a migration that meets it then leaves an entry behind that
 * nothing ever takes away. ksmd merges under mmap_lock and only where
 * VM_MERGEABLE is set, so who holds the lock and sees it clear is safe.
 *
 * Context: mmap_lock held for read.
 * Return: true if they may.
 */
bool medes_vma_suits(struct vm_area_struct *vma)
{
	return vma->anon_vma && !userfaultfd_armed(vma) &&
	       !vma_is_dax(vma) &&
	       !(vma->vm_flags & (VM_SPECIAL | VM_HUGETLB | VM_SHARED |
				  VM_LOCKED | VM_MERGEABLE));
}

/**
 * medes_page_suits() - may this page be deduplicated?
 * @page: held by the caller
 *
 * Context: any.
 * Return: true for anonymous memory that is neither KSM's, nor on a device,
 * nor poisoned.
 */
bool medes_page_suits(struct page *page)
{
	struct folio *folio = page_folio(page);

	return folio_test_anon(folio) && !folio_test_ksm(folio) &&
	       !folio_is_zone_device(folio) && !folio_test_hugetlb(folio) &&
	       !PageHWPoison(page);
}

/**
 * medes_skip_holes() - find where page tables begin
 * @mm: address space whose mmap_lock is held
 * @address: where to begin, inside a VMA
 * @end: where to stop, at most the end of that VMA
 *
 * A process may map terabytes and touch little of it. The upper levels of page
 * tables stay as long as there is a VMA over them, so they can be read here.
 *
 * Context: mmap_lock held for read.
 * Return: the first address at or after @address that a page table covers, or
 * @end.
 */
unsigned long medes_skip_holes(struct mm_struct *mm, unsigned long address,
			       unsigned long end)
{
	mmap_assert_locked(mm);
	while (address < end) {
		pgd_t *pgd = pgd_offset(mm, address);
		p4d_t *p4d;
		pud_t *pud;

		if (pgd_none(*pgd)) {
			address = pgd_addr_end(address, end);
			continue;
		}
		p4d = p4d_offset(pgd, address);
		if (p4d_none(*p4d)) {
			address = p4d_addr_end(address, end);
			continue;
		}
		pud = pud_offset(p4d, address);
		if (pud_none(*pud)) {
			address = pud_addr_end(address, end);
			continue;
		}
		if (pud_leaf(*pud) ||
		    !pmd_none(pmdp_get_lockless(pmd_offset(pud, address))))
			break;
		address = pmd_addr_end(address, end);
	}
	return address;
}

/* Reference what the page tables showed, if they still do. */
static bool reference(struct medes_view *view, unsigned long seq)
{
	lockdep_assert_held(&view->lock);
	if (mmu_interval_read_retry(&view->notifier, seq))
		return false;
	bitmap_zero(view->huge, MEDES_VIEW_PAGES);
	for (unsigned int i = 0; i < view->nr; i++) {
		unsigned long pfn = view->pfn[i];
		struct page *page;

		view->page[i] = NULL;
		if (!(pfn & HMM_PFN_VALID) || pfn & HMM_PFN_ERROR)
			continue;
		page = hmm_pfn_to_page(pfn);
		if (!medes_page_suits(page) || !get_page_unless_zero(compound_head(page)))
			continue;
		view->page[i] = page;
		if (PageCompound(page))
			__set_bit(i, view->huge);
	}
	return true;
}

/* Place the window: in the first VMA that suits, from address on. */
static bool place(struct medes_view *view, unsigned long address,
		  unsigned long end)
{
	struct vm_area_struct *vma = find_vma(view->mm, address);

	for (; vma; vma = find_vma(view->mm, vma->vm_end)) {
		if (vma->vm_start >= end)
			return false;
		if (!medes_vma_suits(vma))
			continue;
		view->start = medes_skip_holes(view->mm,
					       max(address, vma->vm_start),
					       min(vma->vm_end, end));
		if (view->start < min(vma->vm_end, end))
			break;
	}
	if (!vma)
		return false;
	view->nr = min3((vma->vm_end - view->start) >> PAGE_SHIFT,
			(end - view->start) >> PAGE_SHIFT,
			(unsigned long)MEDES_VIEW_PAGES);
	return true;
}

static int try_read(struct medes_view *view, unsigned long address,
		    unsigned long end)
{
	struct hmm_range range = {
		.notifier = &view->notifier,
		.hmm_pfns = view->pfn,
		.dev_private_owner = medes_devmem_owner,
	};
	int err = 0;

	range.notifier_seq = mmu_interval_read_begin(&view->notifier);
	if (mmap_read_lock_killable(view->mm))
		return -EINTR;
	if (place(view, address, end)) {
		range.start = view->start;
		range.end = view->start + ((unsigned long)view->nr << PAGE_SHIFT);
		err = hmm_range_fault(&range);
	} else {
		view->nr = 0;
	}
	mmap_read_unlock(view->mm);
	if (err || !view->nr)
		return err;

	spin_lock(&view->lock);
	if (!reference(view, range.notifier_seq))
		err = -EBUSY;
	spin_unlock(&view->lock);
	return err;
}

/**
 * medes_view_read() - reference the next pages
 * @view: with no references left from before
 * @address: where to begin, page aligned
 * @end: where to stop
 *
 * Fills @view with a window of at most MEDES_VIEW_PAGES pages, inside the
 * first VMA from @address on that suits. To be followed by
 * medes_view_release().
 *
 * Context: may sleep; takes mmap_lock for read.
 * Return: 1, 0 when there is no such VMA below @end, -EINTR when killed. A
 * window whose page tables keep changing comes back empty, not as an error.
 */
int medes_view_read(struct medes_view *view, unsigned long address,
		    unsigned long end)
{
	int err = -EBUSY;

	for (int i = 0; i < TRIES && err == -EBUSY; i++) {
		err = try_read(view, address, end);
		cond_resched();
	}
	if (err == -EINTR)
		return err;
	if (err)
		memset(view->page, 0, view->nr * sizeof(view->page[0]));
	return !!view->nr;
}

/**
 * medes_view_release() - drop the references of a window
 * @view: after medes_view_read()
 *
 * Context: may sleep.
 */
void medes_view_release(struct medes_view *view)
{
	for (unsigned int i = 0; i < view->nr; i++) {
		if (view->page[i])
			put_page(view->page[i]);
		view->page[i] = NULL;
	}
	view->nr = 0;
}

/**
 * medes_view_open() - prepare to look at an address space
 * @mm: held by mmget; the view takes that reference over, also on failure
 *
 * Context: may sleep; takes mmap_lock.
 * Return: the view, or ERR_PTR(-ENOMEM).
 */
struct medes_view *medes_view_open(struct mm_struct *mm)
{
	struct medes_view *view = kvzalloc(sizeof(*view), GFP_KERNEL);
	int err = -ENOMEM;

	if (!view)
		goto err_mm;
	view->mm = mm;
	spin_lock_init(&view->lock);
	err = mmu_interval_notifier_insert(&view->notifier, mm, 0, ULONG_MAX,
					   &ops);
	if (err)
		goto err_view;
	return view;

err_view:
	kvfree(view);
err_mm:
	mmput(mm);
	return ERR_PTR(err);
}

/**
 * medes_view_close() - done with an address space
 * @view: from medes_view_open(); gives the address space back by mmput
 *
 * Context: may sleep; ends the address space when that has no other user.
 */
void medes_view_close(struct medes_view *view)
{
	medes_view_release(view);
	mmu_interval_notifier_remove(&view->notifier);
	mmput(view->mm);
	kvfree(view);
}
