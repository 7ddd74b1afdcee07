/* SPDX-License-Identifier: GPL-2.0 */
/* Fault injection, on kernels that have it. */
#ifndef MEDES_INJECT_H
#define MEDES_INJECT_H

#include <linux/types.h>

struct dentry;

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
void medes_inject_init(struct dentry *dir);
bool medes_fail_decode(void);
bool medes_fail_export(void);
#else
static inline void medes_inject_init(struct dentry *dir) { }
static inline bool medes_fail_decode(void) { return false; }
static inline bool medes_fail_export(void) { return false; }
#endif

#endif /* MEDES_INJECT_H */
