/* SPDX-License-Identifier: GPL-2.0 */
/* A crew: the workers of an operation that stores pages. */
#ifndef MEDES_CREW_H
#define MEDES_CREW_H

struct medes_op;

int medes_crew_run(struct medes_op *op);

#endif /* MEDES_CREW_H */
