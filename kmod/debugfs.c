// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: /sys/kernel/debug/medes/fail_decode makes rebuilt pages
 * fail their checksum, as a damaged record or base page would, after
 * Documentation/fault-injection/fault-injection.rst. Only kernels that are
 * built for it have this; no test can be made to pass by it elsewhere.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/mm.h>
#include "debugfs.h"

static DECLARE_FAULT_ATTR(fail_decode);
static struct dentry *dir;

/**
 * medes_fail_decode() - shall this page be lost?
 *
 * Context: any.
 * Return: true when fault injection says so.
 */
bool medes_fail_decode(void)
{
	return should_fail(&fail_decode, PAGE_SIZE);
}

/**
 * medes_debugfs_init() - show the knobs of fault injection
 *
 * Context: module init.
 */
void __init medes_debugfs_init(void)
{
	dir = debugfs_create_dir("medes", NULL);
	fault_create_debugfs_attr("fail_decode", dir, &fail_decode);
}

/**
 * medes_debugfs_exit() - remove them
 *
 * Context: module exit.
 */
void medes_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
