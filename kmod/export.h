/* SPDX-License-Identifier: GPL-2.0 */
/* Bases that other nodes may read, and who has a right to that. */
#ifndef MEDES_EXPORT_H
#define MEDES_EXPORT_H

#include <linux/types.h>
#include "wire.h"

struct medes_base;
struct medes_conn;
struct medes_device;
struct netlink_ext_ack;

/* What a lease looks like from outside. */
struct medes_lease_info {
	u64 base;
	u64 node_id;
	u64 left_ms;
	char name[MEDES_WIRE_NAME];
};

int medes_export(struct medes_base *base, u64 *generation,
		 struct netlink_ext_ack *extack);
int medes_unexport(struct medes_base *base, bool force,
		   struct netlink_ext_ack *extack);
bool medes_export_look(struct medes_base *base, u64 *generation, u32 *leases);
enum medes_wire_status medes_export_lease(struct medes_conn *conn, u64 node_id,
					  const char *name, u64 base,
					  u64 generation,
					  struct medes_wire_grant *grant);
void medes_export_release(u64 node_id, u64 base, u64 generation);
unsigned int medes_lease_end(u64 node_id);
bool medes_lease_get(unsigned int nr, struct medes_lease_info *info);
void medes_export_leave(struct medes_device *dev);
void medes_export_exit(void);

#endif /* MEDES_EXPORT_H */
