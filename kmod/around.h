/* SPDX-License-Identifier: GPL-2.0 */
/* Fault-around: which neighbours come back with a touched page. */
#ifndef MEDES_AROUND_H
#define MEDES_AROUND_H

struct medes_account;
struct vm_area_struct;

unsigned long medes_around(struct medes_account *account,
			   struct vm_area_struct *vma, unsigned long address,
			   unsigned long *end);

#endif /* MEDES_AROUND_H */
