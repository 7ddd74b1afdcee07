// SPDX-License-Identifier: GPL-2.0
/*
 * Other nodes: order of init and exit. A kernel without RDMA has without_rdma.c in
 * the place of all this.
 */
#include <linux/init.h>
#include "cluster.h"
#include "device.h"
#include "export.h"
#include "incoming.h"
#include "peer.h"
#include "rdma.h"
#include "survey.h"
#include "visitor.h"

/**
 * medes_rdma_init() - be ready to join a cluster
 *
 * Context: module init, when there can be bases.
 * Return: 0, or a negative errno. That there is no device is no error.
 */
int __init medes_rdma_init(void)
{
	int err = medes_peer_init();

	if (err)
		return err;
	err = medes_visitors_init();
	if (err)
		goto err_visitors;
	err = medes_device_init();
	if (!err)
		return 0;
	medes_visitors_exit();
err_visitors:
	medes_peer_exit();
	medes_survey_exit();
	return err;
}

/**
 * medes_rdma_stop() - let no other node read our bases any more
 *
 * Context: module exit, before the bases go.
 */
void medes_rdma_stop(void)
{
	medes_incoming_stop();
	medes_visitors_exit();
	medes_export_exit();
}

/**
 * medes_rdma_exit() - leave the cluster
 *
 * Context: module exit, when the bases have gone, and leases on others' with them.
 */
void medes_rdma_exit(void)
{
	medes_peer_exit();
	medes_survey_exit();
	medes_device_exit();
	medes_cluster_exit();
}
