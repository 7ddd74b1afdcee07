/* SPDX-License-Identifier: GPL-2.0 */
/* RDMA devices. */
#ifndef MEDES_DEVICE_H
#define MEDES_DEVICE_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/types.h>

struct ib_device;
struct ib_pd;

/**
 * struct medes_device - an RDMA device, as long as it is there
 * @node: in the list of devices
 * @ib: the device
 * @control: protection domain of control connections; holds no memory region
 * @data: of data connections and of all that is exported
 * @users: connections and registrations, and one for the device itself; under
 *         the lock of device.c
 * @going: no new user, likewise
 * @unused: the last user has gone
 */
struct medes_device {
	struct list_head node;
	struct ib_device *ib;
	struct ib_pd *control;
	struct ib_pd *data;
	unsigned int users;
	bool going;
	struct completion unused;
};

int medes_device_init(void);
void medes_device_exit(void);
struct medes_device *medes_device_get(struct ib_device *ib);
void medes_device_hold(struct medes_device *dev);
void medes_device_put(struct medes_device *dev);
unsigned int medes_device_count(void);

#endif /* MEDES_DEVICE_H */
