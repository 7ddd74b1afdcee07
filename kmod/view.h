/* SPDX-License-Identifier: GPL-2.0 */
/* A view: a window of another process's pages, referenced, to look at. */
#ifndef MEDES_VIEW_H
#define MEDES_VIEW_H

#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#define MEDES_VIEW_PAGES 512

/**
 * struct medes_view - a window into an address space
 * @mm: the address space; the opener holds it by mmget
 * @notifier: tells that page tables changed under us
 * @lock: held by the notifier, and while references to pages are taken
 * @start: of the window
 * @nr: pages in it
 * @pfn: what the page tables said
 * @page: referenced, NULL where there is nothing that could be deduplicated
 * @huge: part of a transparent huge page
 */
struct medes_view {
	struct mm_struct *mm;
	struct mmu_interval_notifier notifier;
	spinlock_t lock;	/* notifier against reference() */
	unsigned long start;
	unsigned int nr;
	unsigned long pfn[MEDES_VIEW_PAGES];
	struct page *page[MEDES_VIEW_PAGES];
	DECLARE_BITMAP(huge, MEDES_VIEW_PAGES);
};

bool medes_vma_suits(struct vm_area_struct *vma);
bool medes_page_suits(struct page *page);
unsigned long medes_skip_holes(struct mm_struct *mm, unsigned long address,
			       unsigned long end);

struct medes_view *medes_view_open(struct mm_struct *mm);
int medes_view_read(struct medes_view *view, unsigned long address,
		    unsigned long end);
void medes_view_release(struct medes_view *view);
void medes_view_close(struct medes_view *view);

#endif /* MEDES_VIEW_H */
