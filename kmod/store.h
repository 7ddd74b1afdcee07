/* SPDX-License-Identifier: GPL-2.0 */
/* Store: pages of a sandbox become records. */
#ifndef MEDES_STORE_H
#define MEDES_STORE_H

struct medes_op;

int medes_store_run(struct medes_op *op);

#endif /* MEDES_STORE_H */
