// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection, after Documentation/fault-injection/fault-injection.rst, in
 * /sys/kernel/debug/medes: fail_decode makes rebuilt pages fail their checksum, as
 * a damaged record or base page would; fail_export damages base pages when they are
 * exported, for who reads them from another node. Only kernels that are built for
 * it have this; no test can be made to pass by it elsewhere.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/mm.h>
#include "inject.h"

static DECLARE_FAULT_ATTR(fail_decode);
static DECLARE_FAULT_ATTR(fail_export);

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
 * medes_fail_export() - shall this base page be damaged?
 *
 * Context: any.
 * Return: true when fault injection says so.
 */
bool medes_fail_export(void)
{
	return should_fail(&fail_export, PAGE_SIZE);
}

/**
 * medes_inject_init() - show the knobs of fault injection
 * @dir: the module's in debugfs
 *
 * Context: module init.
 */
void __init medes_inject_init(struct dentry *dir)
{
	fault_create_debugfs_attr("fail_decode", dir, &fail_decode);
	fault_create_debugfs_attr("fail_export", dir, &fail_export);
}
