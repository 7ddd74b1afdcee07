/* SPDX-License-Identifier: GPL-2.0 */
/* Fault injection, on kernels that have it. */
#ifndef MEDES_DEBUGFS_H
#define MEDES_DEBUGFS_H

#include <linux/types.h>

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
void medes_debugfs_init(void);
void medes_debugfs_exit(void);
bool medes_fail_decode(void);
#else
static inline void medes_debugfs_init(void) { }
static inline void medes_debugfs_exit(void) { }
static inline bool medes_fail_decode(void) { return false; }
#endif

#endif /* MEDES_DEBUGFS_H */
