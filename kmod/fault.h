/* SPDX-License-Identifier: GPL-2.0 */
/* The fault path: a deduplicated page is touched. */
#ifndef MEDES_FAULT_H
#define MEDES_FAULT_H

#include <linux/mm.h>

vm_fault_t medes_fault(struct vm_fault *vmf);

#endif /* MEDES_FAULT_H */
