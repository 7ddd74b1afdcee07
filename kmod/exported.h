/* SPDX-License-Identifier: GPL-2.0 */
/* What the files about exports share: export.c, register.c, grant.c. */
#ifndef MEDES_EXPORTED_H
#define MEDES_EXPORTED_H

#include <linux/list.h>
#include <linux/mutex.h>
#include "region.h"
#include "wire.h"

struct medes_base;
struct medes_conn;
struct medes_device;
struct medes_extent;

/**
 * struct medes_registration - an export on one device
 * @node: of the export's
 * @dev: held
 * @table: with the addresses on this device
 * @checksum: of @table
 * @region: of the table, then of each extent
 */
struct medes_registration {
	struct list_head node;
	struct medes_device *dev;
	struct medes_wire_table *table;
	u64 checksum;
	struct medes_region region[];
};

/**
 * struct medes_exported - an exported base
 * @node: in the list
 * @base: that is exported, and stays for that long
 * @generation: of this export
 * @table: addresses missing
 * @size: of the table
 * @extent: of the base, in the table's order
 * @registrations: on devices
 * @leases: of nodes
 */
struct medes_exported {
	struct list_head node;
	struct medes_base *base;
	u64 generation;
	struct medes_wire_table *table;
	size_t size;
	struct medes_extent **extent;
	struct list_head registrations;
	struct list_head leases;
};

/* All exports, their registrations and leases. */
extern struct mutex medes_export_mutex;
extern struct list_head medes_exports;

struct medes_exported *medes_exported_find(u64 base);

struct medes_registration *medes_register(struct medes_exported *export,
					  struct medes_conn *conn);
void medes_unregister(struct medes_exported *export,
		      struct medes_registration *r);

u32 medes_grant_count(const struct medes_exported *export);
void medes_grant_end_all(struct medes_exported *export);

static inline u32 medes_exported_extents(const struct medes_exported *export)
{
	return le32_to_cpu(export->table->extents);
}

#endif /* MEDES_EXPORTED_H */
