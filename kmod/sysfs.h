/* SPDX-License-Identifier: GPL-2.0 */
/* Counters and ceilings in /sys/kernel/medes. */
#ifndef MEDES_SYSFS_H
#define MEDES_SYSFS_H

struct medes_sandbox;

int medes_sysfs_init(void);
void medes_sysfs_exit(void);
int medes_sysfs_add(struct medes_sandbox *sandbox);
void medes_sysfs_remove(struct medes_sandbox *sandbox);

#endif /* MEDES_SYSFS_H */
