/* SPDX-License-Identifier: GPL-2.0 */
/* All that needs RDMA, in the order of its beginning and end. */
#ifndef MEDES_RDMA_H
#define MEDES_RDMA_H

int medes_rdma_init(void);
void medes_rdma_stop(void);
void medes_rdma_exit(void);

#endif /* MEDES_RDMA_H */
