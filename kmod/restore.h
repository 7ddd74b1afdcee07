/* SPDX-License-Identifier: GPL-2.0 */
/* Bulk restore. */
#ifndef MEDES_RESTORE_H
#define MEDES_RESTORE_H

struct medes_op;

int medes_restore_run(struct medes_op *op);
int medes_restore_all_run(struct medes_op *op);

#endif /* MEDES_RESTORE_H */
