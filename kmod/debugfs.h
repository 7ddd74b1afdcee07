/* SPDX-License-Identifier: GPL-2.0 */
/* /sys/kernel/debug/medes. */
#ifndef MEDES_DEBUGFS_H
#define MEDES_DEBUGFS_H

void medes_debugfs_init(void);
void medes_debugfs_exit(void);

#endif /* MEDES_DEBUGFS_H */
