/* SPDX-License-Identifier: GPL-2.0 */
/* Settle: fast records become dense ones. */
#ifndef MEDES_SETTLE_H
#define MEDES_SETTLE_H

struct medes_op;

int medes_settle_run(struct medes_op *op);

#endif /* MEDES_SETTLE_H */
