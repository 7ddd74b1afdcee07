// SPDX-License-Identifier: GPL-2.0
/*
 * Medes: memory deduplication for idle sandboxes.
 *
 * DOC: Overview
 *
 * Idle serverless sandboxes hold nearly the same bytes. This module takes the
 * pages of idle ones out of memory and keeps of each a record: nothing (zero),
 * the number of an equal base page (same), a patch against a similar one
 * (words, dict), or the page compressed (self). The pages come back when anybody
 * touches them, bit by bit as they were, or nobody sees anything.
 *
 * How a page leaves: store.c. How it comes back: fault.c (one is touched) and
 * restore.c (all). Who says which pages: user space, over netlink.c; what it
 * says is a hint, and nothing that it does, or its death, loses a page.
 *
 * A page that is away is a device-private page (devmem.c), so that fork, COW,
 * mprotect, mremap, munmap, exit and the OOM killer are the memory
 * management's business, not ours.
 *
 * After "Memory Deduplication for Serverless Computing with Medes", EuroSys
 * '22. Locks: Documentation/locking.rst.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include "ahead.h"
#include "base.h"
#include "cache.h"
#include "debugfs.h"
#include "devmem.h"
#include "domain.h"
#include "hist.h"
#include "limits.h"
#include "netlink.h"
#include "op.h"
#include "pack.h"
#include "rdma.h"
#include "record.h"
#include "reserve.h"
#include "sandbox.h"
#include "sysfs.h"
#include "workingset.h"
#include "workspace.h"

static int __init medes_init(void)
{
	int err;

	medes_domain_init();
	medes_limits_init();
	medes_ahead_init();
	medes_reserve_init();
	err = medes_hist_init();
	if (err)
		goto err_hist;
	err = medes_ws_init();
	if (err)
		goto err_ws;
	err = medes_workspace_init_all();
	if (err)
		goto err_workspace;
	err = medes_record_init();
	if (err)
		goto err_record;
	err = medes_pack_init();
	if (err)
		goto err_pack;
	err = medes_devmem_init();
	if (err)
		goto err_devmem;
	err = medes_sysfs_init();
	if (err)
		goto err_sysfs;
	err = medes_op_init();
	if (err)
		goto err_op;
	err = medes_cache_init();
	if (err)
		goto err_cache;
	err = medes_rdma_init();
	if (err)
		goto err_rdma;
	medes_debugfs_init();
	err = medes_netlink_init();
	if (err)
		goto err_netlink;
	return 0;

err_netlink:
	medes_debugfs_exit();
	medes_rdma_stop();
	medes_rdma_exit();
err_rdma:
	medes_cache_exit();
err_cache:
	medes_op_exit();
err_op:
	medes_sysfs_exit();
err_sysfs:
	medes_devmem_exit();
err_devmem:
	medes_pack_exit();
err_pack:
	medes_record_exit();
err_record:
	medes_workspace_exit_all();
err_workspace:
	medes_ws_exit();
err_ws:
	medes_hist_exit();
err_hist:
	medes_reserve_exit();
	return err;
}

static void __exit medes_exit(void)
{
	medes_netlink_exit();
	medes_debugfs_exit();
	medes_sandbox_exit();
	medes_op_exit();	/* waits for all that is at work */
	medes_rdma_stop();
	medes_base_exit();
	medes_rdma_exit();
	medes_cache_exit();
	medes_sysfs_exit();
	medes_devmem_exit();
	medes_pack_exit();
	medes_record_exit();
	medes_workspace_exit_all();
	medes_ws_exit();
	medes_hist_exit();
	medes_reserve_exit();
}

module_init(medes_init);
module_exit(medes_exit);

MODULE_DESCRIPTION("Memory deduplication for idle sandboxes");
MODULE_LICENSE("GPL");
