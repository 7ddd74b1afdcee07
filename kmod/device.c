// SPDX-License-Identifier: GPL-2.0
/*
 * RDMA devices come and go; with none, a node works alone.
 *
 * Each has two protection domains. A memory region's key is valid for every
 * queue pair of its domain, so connections of strangers are never in the one that
 * holds regions: control connections, which anybody may ask for, have a domain of
 * their own, and a data connection is accepted only with a token.
 *
 * Whatever uses a device counts as its user. One that goes is taken away from its
 * users first, and waits for the last.
 */
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <rdma/ib_verbs.h>
#include "conn.h"
#include "device.h"
#include "export.h"
#include "peer.h"
#include "visitor.h"

static DEFINE_SPINLOCK(lock);	/* the list; users and going of each */
static LIST_HEAD(devices);

static void remove_device(struct ib_device *ib, void *data);
static int add_device(struct ib_device *ib);

static struct ib_client client = {
	.name = "medes",
	.add = add_device,
	.remove = remove_device,
};

/**
 * medes_device_get() - become a user of a device
 * @ib: the device
 *
 * Context: any.
 * Return: what we have of it, for medes_device_put(); NULL when it does not suit
 * or is going.
 */
struct medes_device *medes_device_get(struct ib_device *ib)
{
	struct medes_device *dev, *found = NULL;

	spin_lock(&lock);
	list_for_each_entry(dev, &devices, node)
		if (dev->ib == ib && !dev->going)
			found = dev;
	if (found)
		found->users++;
	spin_unlock(&lock);
	return found;
}

/**
 * medes_device_hold() - become a user of a device that has one
 * @dev: the device
 *
 * Context: any.
 */
void medes_device_hold(struct medes_device *dev)
{
	spin_lock(&lock);
	dev->users++;
	spin_unlock(&lock);
}

/**
 * medes_device_put() - be its user no more
 * @dev: from medes_device_get()
 *
 * Context: any.
 */
void medes_device_put(struct medes_device *dev)
{
	bool last;

	spin_lock(&lock);
	last = !--dev->users;
	spin_unlock(&lock);
	if (last)
		complete(&dev->unused);
}

/**
 * medes_device_count() - how many devices there are
 *
 * Context: any.
 * Return: those that can be used.
 */
unsigned int medes_device_count(void)
{
	unsigned int n;

	spin_lock(&lock);
	n = list_count_nodes(&devices);
	spin_unlock(&lock);
	return n;
}

static int add_device(struct ib_device *ib)
{
	struct medes_device *dev;
	int err;

	/* regions are registered by work requests only; batches are long */
	if (!(ib->attrs.device_cap_flags & IB_DEVICE_MEM_MGT_EXTENSIONS) ||
	    ib->attrs.max_qp_wr < MEDES_CONN_DEPTH + 2)
		return -EOPNOTSUPP;
	dev = kzalloc_obj(*dev);
	if (!dev)
		return -ENOMEM;
	dev->ib = ib;
	dev->users = 1;
	init_completion(&dev->unused);
	dev->control = ib_alloc_pd(ib, 0);
	if (IS_ERR(dev->control)) {
		err = PTR_ERR(dev->control);
		goto err_control;
	}
	dev->data = ib_alloc_pd(ib, 0);
	if (IS_ERR(dev->data)) {
		err = PTR_ERR(dev->data);
		goto err_data;
	}
	ib_set_client_data(ib, &client, dev);
	spin_lock(&lock);
	list_add_tail(&dev->node, &devices);
	spin_unlock(&lock);
	medes_peers_hurry();
	return 0;

err_data:
	ib_dealloc_pd(dev->control);
err_control:
	kfree(dev);
	return err;
}

/* Before the RDMA CM hears of it: clients go in the reverse order of coming. */
static void remove_device(struct ib_device *ib, void *data)
{
	struct medes_device *dev = data;

	spin_lock(&lock);
	dev->going = true;
	spin_unlock(&lock);
	medes_peers_leave(dev);
	medes_visitors_leave(dev);
	medes_export_leave(dev);
	medes_device_put(dev);
	wait_for_completion(&dev->unused);

	spin_lock(&lock);
	list_del(&dev->node);
	spin_unlock(&lock);
	ib_dealloc_pd(dev->data);
	ib_dealloc_pd(dev->control);
	kfree(dev);
}

/**
 * medes_device_init() - find devices, now and later
 *
 * Context: module init, when peers, sessions and exports can be asked.
 * Return: 0, or what ib_register_client() says.
 */
int __init medes_device_init(void)
{
	return ib_register_client(&client);
}

/**
 * medes_device_exit() - let go of all devices
 *
 * Context: module exit.
 */
void medes_device_exit(void)
{
	ib_unregister_client(&client);
}
