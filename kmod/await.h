/* SPDX-License-Identifier: GPL-2.0 */
/* A fault that needs another node's page. */
#ifndef MEDES_AWAIT_H
#define MEDES_AWAIT_H

#include <linux/mm_types.h>

struct medes_record;
struct vm_fault;

vm_fault_t medes_await(struct vm_fault *vmf, struct medes_record *record);

#endif /* MEDES_AWAIT_H */
