/* SPDX-License-Identifier: GPL-2.0 */
/* The time that storing may take of each second. */
#ifndef MEDES_QUOTA_H
#define MEDES_QUOTA_H

#include <linux/types.h>

struct medes_op;

bool medes_quota_wait(struct medes_op *op);
void medes_quota_charge(u64 ns);
void medes_quota_wake(void);

#endif /* MEDES_QUOTA_H */
