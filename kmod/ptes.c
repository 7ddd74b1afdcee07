// SPDX-License-Identifier: GPL-2.0
/*
 * What page tables say, without their locks.
 *
 * hmm_range_fault() does not tell whether a page was touched, and the core's own
 * walkers are not exported. So entries are read here as the fast path of
 * get_user_pages() reads them: upper levels stay while mmap_lock is held, a
 * table at the lowest level may go any time but is freed by RCU, and an entry
 * is one word. What is read may be old at once; callers take it for a hint and
 * look again at what they found, under its folio lock.
 */
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
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
