/* SPDX-License-Identifier: GPL-2.0 */
/* A reserve of pages, so that a touched page comes back when memory is short. */
#ifndef MEDES_RESERVE_H
#define MEDES_RESERVE_H

#include <linux/types.h>

struct page;

void medes_reserve_init(void);
void medes_reserve_exit(void);
void medes_reserve_resize(void);
struct page *medes_reserve_take(void);
u64 medes_reserve_pages(void);

#endif /* MEDES_RESERVE_H */
