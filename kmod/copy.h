/* SPDX-License-Identifier: GPL-2.0 */
/* Copying a base. */
#ifndef MEDES_COPY_H
#define MEDES_COPY_H

struct medes_op;

int medes_copy_run(struct medes_op *op);

#endif /* MEDES_COPY_H */
