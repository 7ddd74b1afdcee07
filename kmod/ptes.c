// SPDX-License-Identifier: GPL-2.0
/*
 * What page tables say, without their locks.
 *
 * hmm_range_fault() tells neither whether a page was touched nor, without a
 * notifier, which of our device pages stands at an address; and the core's own
 * walkers are not exported. So entries are read here as the fast path of
 * get_user_pages() reads them: upper levels stay while mmap_lock is held, a
 * table at the lowest level may go any time but is freed by RCU, and an entry
 * is one word. What is read may be old at once; callers take it for a hint and
 * look again at what they found, under its folio lock.
 */
#include <linux/leafops.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include "devmem.h"
#include "ptes.h"

static pmd_t read_pmd(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(*pgd))
		return __pmd(0);
	p4d = p4d_offset(pgd, address);
	if (p4d_none(*p4d))
		return __pmd(0);
	pud = pud_offset(p4d, address);
	if (pud_none(*pud) || pud_leaf(*pud))
		return __pmd(0);
	return pmdp_get_lockless(pmd_offset(pud, address));
}

/* Entries of one table. */
static void read_table(struct mm_struct *mm, unsigned long start,
		       unsigned int nr, pte_t *pte)
{
	pte_t *table;
	pmd_t pmd;

	rcu_read_lock();
	pmd = read_pmd(mm, start);
	if (pmd_none(pmd) || !pmd_present(pmd) || pmd_leaf(pmd)) {
		memset(pte, 0, nr * sizeof(*pte));
	} else {
		table = pte_offset_kernel(&pmd, start);
		for (unsigned int i = 0; i < nr; i++)
			pte[i] = ptep_get_lockless(table + i);
	}
	rcu_read_unlock();
}

/**
 * medes_ptes_read() - read page table entries
 * @mm: address space whose mmap_lock is held
 * @start: first page's address
 * @nr: pages, all in one VMA
 * @pte: receives an entry for each; none where there is no table, also for
 *       what is mapped by a huge page
 *
 * Context: mmap_lock held for read.
 */
void medes_ptes_read(struct mm_struct *mm, unsigned long start,
		     unsigned int nr, pte_t *pte)
{
	mmap_assert_locked(mm);
	while (nr) {
		unsigned int n = min_t(unsigned int, nr,
				       PTRS_PER_PTE - pte_index(start));

		read_table(mm, start, n, pte);
		start += n * PAGE_SIZE;
		pte += n;
		nr -= n;
	}
}

/**
 * medes_pmd_leaf() - is this address mapped by a huge page?
 * @mm: address space whose mmap_lock is held
 * @address: inside a VMA
 *
 * Context: mmap_lock held for read.
 * Return: true when it is.
 */
bool medes_pmd_leaf(struct mm_struct *mm, unsigned long address)
{
	pmd_t pmd;

	mmap_assert_locked(mm);
	pmd = read_pmd(mm, address);
	return pmd_present(pmd) && pmd_leaf(pmd);
}

/**
 * medes_pte_device() - the device page that stands in an entry
 * @pte: read between medes_devmem_enter() and now
 *
 * Context: before medes_devmem_leave(), up to which the struct page exists;
 * what it stands for may have changed already.
 * Return: the page, or NULL when the entry is none of ours.
 */
struct page *medes_pte_device(pte_t pte)
{
	softleaf_t entry;

	if (pte_present(pte) || pte_none(pte))
		return NULL;
	entry = softleaf_from_pte(pte);
	if (!softleaf_is_device_private(entry))
		return NULL;
	return medes_devmem_page(softleaf_to_pfn(entry));
}
