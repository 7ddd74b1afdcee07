/* SPDX-License-Identifier: GPL-2.0 */
/* Page tables, read and never changed. */
#ifndef MEDES_PTES_H
#define MEDES_PTES_H

#include <linux/mm.h>

void medes_ptes_read(struct mm_struct *mm, unsigned long start,
		     unsigned int nr, pte_t *pte);
bool medes_pmd_leaf(struct mm_struct *mm, unsigned long address);
struct page *medes_pte_device(pte_t pte);

#endif /* MEDES_PTES_H */
