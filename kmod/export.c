// SPDX-License-Identifier: GPL-2.0
/*
 * Exports: bases that other nodes read.
 *
 * An export is a base as it was when it was exported, under a generation that is
 * drawn at random: what comes after a new load of the module, or a new export, is
 * never taken for what was before. Its table, which readers get by RDMA like the
 * pages, tells the pages' indexes and hashes, and where they are.
 *
 * Memory is registered with a device when the first lease is asked for there, one
 * region for each extent and one for the table, and deregistered with the export
 * or the device.
 *
 * A lease is a promise to one node for a time, which it renews. While there is
 * one, the base is unexported only by force. When its time is over it is not
 * forgotten, but counts no more, until the node renews it after all.
 *
 * Everything here is under one lock: no READ needs it.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <net/netlink.h>
#include <rdma/ib_verbs.h>
#include "base.h"
#include "conn.h"
#include "device.h"
#include "domain.h"
#include "export.h"
#include "fingerprint.h"
#include "inject.h"
#include "limits.h"
#include "pack.h"
#include "region.h"

/* A node's lease. */
struct lease {
	struct list_head node;
	u64 node_id;
	unsigned long until;
	char name[MEDES_WIRE_NAME];
};

/**
 * struct registration - an export on one device
 * @node: of the export's
 * @dev: held
 * @table: with the addresses on this device
 * @checksum: of @table
 * @region: of the table, then of each extent
 */
struct registration {
	struct list_head node;
	struct medes_device *dev;
	struct medes_wire_table *table;
	u64 checksum;
	struct medes_region region[];
};

/**
 * struct export - an exported base
 * @node: in the list
 * @base: that is exported, and stays for that long
 * @generation: of this export
 * @table: addresses missing
 * @size: of the table
 * @extent: of the base, in the table's order
 * @registrations: on devices
 * @leases: of nodes
 */
struct export {
	struct list_head node;
	struct medes_base *base;
	u64 generation;
	struct medes_wire_table *table;
	size_t size;
	struct medes_extent **extent;
	struct list_head registrations;
	struct list_head leases;
};

static DEFINE_MUTEX(lock);	/* all of this file */
static LIST_HEAD(exports);

static struct export *find(u64 base)
{
	struct export *export;

	lockdep_assert_held(&lock);
	list_for_each_entry(export, &exports, node)
		if (export->base->id == base)
			return export;
	return NULL;
}

static u32 extents_of(const struct export *export)
{
	return le32_to_cpu(export->table->extents);
}

static bool is_alive(const struct lease *lease)
{
	return time_before(jiffies, lease->until);
}

static u32 count_leases(const struct export *export)
{
	const struct lease *lease;
	u32 n = 0;

	list_for_each_entry(lease, &export->leases, node)
		n += is_alive(lease);
	return n;
}

/* The pages of the base that there are now, in the table's order. */
static void count_pages(struct medes_base *base, u32 *extents, u32 *pages)
{
	struct medes_extent *extent, *last = NULL;
	unsigned long index;

	*extents = 0;
	*pages = 0;
	xa_for_each(&base->pages, index, extent) {
		*extents += extent != last;
		last = extent;
		++*pages;
	}
}

/*
 * Write the table of at most so many pages: the base may have got more since
 * they were counted.
 */
static void fill(struct export *export, u32 extents, u32 pages)
{
	struct medes_wire_table *table = export->table;
	struct medes_wire_extent *entry = (void *)(table + 1);
	struct medes_wire_page *page = (void *)(entry + extents);
	u64 seed = export->base->domain->seed;
	struct medes_extent *extent;
	struct page *copy;
	unsigned long index;
	u32 e = 0, p = 0;

	table->magic = cpu_to_le32(MEDES_WIRE_MAGIC);
	table->version = cpu_to_le16(MEDES_WIRE_VERSION);
	table->base = cpu_to_le64(export->base->id);
	table->generation = cpu_to_le64(export->generation);
	table->extents = cpu_to_le32(extents);
	table->pages = cpu_to_le32(pages);
	xa_for_each(&export->base->pages, index, extent) {
		if (p == pages)
			break;
		if (!e || export->extent[e - 1] != extent)
			export->extent[e++] = extent;
		le32_add_cpu(&entry[e - 1].pages, 1);
		copy = extent->page[index - extent->first];
		page[p].index = cpu_to_le32(index);
		page[p++].hash = cpu_to_le64(medes_page_hash(page_address(copy),
							     seed));
		if (medes_fail_export())
			*(u8 *)page_address(copy) ^= 1;
		cond_resched();
	}
}

static void export_free(struct export *export)
{
	kvfree(export->table);
	kvfree(export->extent);
	kfree(export);
}

static struct export *export_new(struct medes_base *base,
				 struct netlink_ext_ack *extack)
{
	struct export *export;
	u32 extents, pages;

	count_pages(base, &extents, &pages);
	if (!pages) {
		NL_SET_ERR_MSG(extack, "the base has no pages");
		return ERR_PTR(-ENODATA);
	}
	/* a table is one region */
	if (medes_wire_table_size(extents, pages) > MEDES_WIRE_TABLE) {
		NL_SET_ERR_MSG_FMT(extack, "the base has too many pages (%u)",
				   pages);
		return ERR_PTR(-E2BIG);
	}
	export = kzalloc_obj(*export);
	if (!export)
		return ERR_PTR(-ENOMEM);
	export->size = medes_wire_table_size(extents, pages);
	export->table = kvzalloc(export->size, GFP_KERNEL);
	export->extent = kvcalloc(extents, sizeof(*export->extent),
				  GFP_KERNEL);
	if (!export->table || !export->extent) {
		export_free(export);
		return ERR_PTR(-ENOMEM);
	}
	export->base = base;
	export->generation = get_random_u64() | 1;
	INIT_LIST_HEAD(&export->registrations);
	INIT_LIST_HEAD(&export->leases);
	fill(export, extents, pages);
	return export;
}

/**
 * medes_export() - let other nodes read a base as it is now
 * @base: held by the caller, of this node
 * @generation: receives that of the export
 * @extack: for the reason of a refusal
 *
 * Packed pages are unpacked, and the base is neither packed nor dropped until it
 * is unexported.
 *
 * Context: may sleep.
 * Return: 0, also when it is exported already; -ENODATA without pages, -E2BIG,
 * -EBUSY while it is packed or dropped, -ENOMEM, -EBADMSG.
 */
int medes_export(struct medes_base *base, u64 *generation,
		 struct netlink_ext_ack *extack)
{
	struct export *export;
	int err = 0;

	mutex_lock(&lock);
	export = find(base->id);
	if (export)
		goto out;
	err = medes_base_pin(base, extack);
	if (err)
		goto err;
	err = medes_pack_undo(base);
	export = err ? ERR_PTR(err) : export_new(base, extack);
	if (IS_ERR(export)) {
		err = PTR_ERR(export);
		medes_base_unpin(base);
		goto err;
	}
	list_add_tail(&export->node, &exports);
out:
	*generation = export->generation;
err:
	mutex_unlock(&lock);
	return err;
}

static void registration_end(struct export *export, struct registration *r)
{
	for (u32 i = 0; i <= extents_of(export); i++)
		medes_region_end(&r->region[i], r->dev);
	list_del(&r->node);
	medes_device_put(r->dev);
	vfree(r->table);
	kvfree(r);
}

static void lease_end(struct lease *lease)
{
	list_del(&lease->node);
	kfree(lease);
}

static void export_end(struct export *export)
{
	struct registration *r, *next_r;
	struct lease *lease, *next;

	lockdep_assert_held(&lock);
	list_for_each_entry_safe(r, next_r, &export->registrations, node)
		registration_end(export, r);
	list_for_each_entry_safe(lease, next, &export->leases, node)
		lease_end(lease);
	list_del(&export->node);
	medes_base_unpin(export->base);
	export_free(export);
}

/**
 * medes_unexport() - let nobody read a base any more
 * @base: held by the caller
 * @force: although there are leases
 * @extack: for the reason of a refusal
 *
 * Context: may sleep, until no READ is under way.
 * Return: 0, -ENOENT when it is not exported, -EBUSY when it is leased.
 */
int medes_unexport(struct medes_base *base, bool force,
		   struct netlink_ext_ack *extack)
{
	struct export *export;
	int err = 0;

	mutex_lock(&lock);
	export = find(base->id);
	if (!export) {
		NL_SET_ERR_MSG(extack, "the base is not exported");
		err = -ENOENT;
	} else if (count_leases(export) && !force) {
		NL_SET_ERR_MSG_FMT(extack, "%u nodes hold a lease on the base",
				   count_leases(export));
		err = -EBUSY;
	} else {
		export_end(export);
	}
	mutex_unlock(&lock);
	return err;
}

/**
 * medes_export_look() - is a base exported?
 * @base: held by the caller
 * @generation: receives that of the export
 * @leases: receives how many nodes hold one
 *
 * Context: may sleep.
 * Return: true if it is.
 */
bool medes_export_look(struct medes_base *base, u64 *generation, u32 *leases)
{
	struct export *export;

	mutex_lock(&lock);
	export = find(base->id);
	if (export) {
		*generation = export->generation;
		*leases = count_leases(export);
	}
	mutex_unlock(&lock);
	return export;
}

/* The pages of an extent that the table lists, from this one on. */
static int make_extent(struct export *export, struct registration *r, u32 e,
		       const struct medes_wire_page *page, u32 n,
		       struct medes_conn *conn)
{
	struct medes_extent *extent = export->extent[e];
	struct page **pages = kmalloc_objs(*pages, n);
	int err;

	if (!pages)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++)
		pages[i] = extent->page[le32_to_cpu(page[i].index) -
					extent->first];
	err = medes_region_make(&r->region[e + 1], r->dev, conn, pages, n);
	kfree(pages);
	return err;
}

static int make_table(struct export *export, struct registration *r,
		      struct medes_conn *conn)
{
	u32 n = DIV_ROUND_UP(export->size, PAGE_SIZE);
	struct page **pages = kvmalloc_objs(*pages, n);
	int err;

	if (!pages)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++)
		pages[i] = vmalloc_to_page((void *)r->table + i * PAGE_SIZE);
	r->checksum = medes_xxh64(r->table, export->size, 0);
	err = medes_region_make(&r->region[0], r->dev, conn, pages, n);
	kvfree(pages);
	return err;
}

static int make_regions(struct export *export, struct registration *r,
			struct medes_conn *conn)
{
	struct medes_wire_extent *entry = (void *)(r->table + 1);
	const struct medes_wire_page *page = medes_wire_pages(r->table);
	int err = 0;

	for (u32 e = 0; e < extents_of(export) && !err; e++) {
		u32 n = le32_to_cpu(entry[e].pages);

		err = make_extent(export, r, e, page, n, conn);
		if (err)
			break;
		entry[e].rkey = cpu_to_le32(r->region[e + 1].mr->rkey);
		entry[e].iova = cpu_to_le64(r->region[e + 1].mr->iova);
		page += n;
	}
	return err ?: make_table(export, r, conn);
}

/* Of the connection's device, made if there is none. */
static struct registration *registration_of(struct export *export,
					    struct medes_conn *conn)
{
	struct registration *r;
	int err;

	list_for_each_entry(r, &export->registrations, node)
		if (r->dev == conn->dev)
			return r;
	r = kvzalloc_flex(*r, region, extents_of(export) + 1);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->dev = medes_device_get(conn->dev->ib);
	if (!r->dev) {
		kvfree(r);
		return ERR_PTR(-ENODEV);
	}
	list_add_tail(&r->node, &export->registrations);
	r->table = vzalloc(export->size);
	err = -ENOMEM;
	if (r->table) {
		memcpy(r->table, export->table, export->size);
		err = make_regions(export, r, conn);
	}
	if (!err)
		return r;
	registration_end(export, r);
	return ERR_PTR(err);
}

static struct lease *lease_of(struct export *export, u64 node_id)
{
	struct lease *lease;

	list_for_each_entry(lease, &export->leases, node)
		if (lease->node_id == node_id)
			return lease;
	return NULL;
}

/* The lease of this node, from now on for a time. */
static int renew(struct export *export, u64 node_id, const char *name)
{
	struct lease *lease = lease_of(export, node_id);

	if (!lease) {
		lease = kzalloc_obj(*lease);
		if (!lease)
			return -ENOMEM;
		lease->node_id = node_id;
		strscpy(lease->name, name);
		list_add_tail(&lease->node, &export->leases);
	}
	lease->until = jiffies +
		       msecs_to_jiffies(READ_ONCE(medes_limits.lease_ms));
	return 0;
}

/**
 * medes_export_lease() - promise a base to a node
 * @conn: a data connection of the node
 * @node_id: of the node
 * @name: of the node
 * @base: which base
 * @generation: of its export
 * @grant: receives where the table is
 *
 * Context: may sleep.
 * Return: MEDES_WIRE_OK, _NO_BASE, or _BUSY when it may be tried again.
 */
enum medes_wire_status medes_export_lease(struct medes_conn *conn, u64 node_id,
					  const char *name, u64 base,
					  u64 generation,
					  struct medes_wire_grant *grant)
{
	enum medes_wire_status status = MEDES_WIRE_OK;
	struct registration *r;
	struct export *export;

	mutex_lock(&lock);
	export = find(base);
	if (!export || export->generation != generation) {
		status = MEDES_WIRE_NO_BASE;
		goto out;
	}
	r = registration_of(export, conn);
	if (IS_ERR(r) || renew(export, node_id, name)) {
		status = MEDES_WIRE_BUSY;
		goto out;
	}
	grant->base = cpu_to_le64(base);
	grant->generation = cpu_to_le64(generation);
	grant->iova = cpu_to_le64(r->region[0].mr->iova);
	grant->rkey = cpu_to_le32(r->region[0].mr->rkey);
	grant->len = cpu_to_le32(export->size);
	grant->checksum = cpu_to_le64(r->checksum);
out:
	mutex_unlock(&lock);
	return status;
}

/**
 * medes_export_release() - a node needs a base no more
 * @node_id: of the node
 * @base: which base
 * @generation: of its export
 *
 * Context: may sleep.
 */
void medes_export_release(u64 node_id, u64 base, u64 generation)
{
	struct export *export;
	struct lease *lease;

	mutex_lock(&lock);
	export = find(base);
	if (export && export->generation == generation) {
		lease = lease_of(export, node_id);
		if (lease)
			lease_end(lease);
	}
	mutex_unlock(&lock);
}

/**
 * medes_lease_end() - end all leases of a node that will not come back
 * @node_id: of the node
 *
 * Context: may sleep.
 * Return: how many there were.
 */
unsigned int medes_lease_end(u64 node_id)
{
	unsigned int n = 0;
	struct export *export;
	struct lease *lease;

	mutex_lock(&lock);
	list_for_each_entry(export, &exports, node) {
		lease = lease_of(export, node_id);
		if (lease) {
			lease_end(lease);
			n++;
		}
	}
	mutex_unlock(&lock);
	return n;
}

/**
 * medes_lease_get() - one of the leases on our bases
 * @nr: which, from 0; numbers change when leases come and go
 * @info: receives it
 *
 * Context: may sleep.
 * Return: false when there are not so many.
 */
bool medes_lease_get(unsigned int nr, struct medes_lease_info *info)
{
	struct export *export;
	struct lease *lease;
	bool found = false;

	mutex_lock(&lock);
	list_for_each_entry(export, &exports, node)
		list_for_each_entry(lease, &export->leases, node) {
			if (found || nr--)
				continue;
			found = true;
			info->base = export->base->id;
			info->node_id = lease->node_id;
			info->left_ms = is_alive(lease) ?
				jiffies_to_msecs(lease->until - jiffies) : 0;
			strscpy(info->name, lease->name);
		}
	mutex_unlock(&lock);
	return found;
}

/**
 * medes_export_leave() - a device goes
 * @dev: on which nothing is registered after this
 *
 * Context: may sleep.
 */
void medes_export_leave(struct medes_device *dev)
{
	struct registration *r, *next;
	struct export *export;

	mutex_lock(&lock);
	list_for_each_entry(export, &exports, node)
		list_for_each_entry_safe(r, next, &export->registrations, node)
			if (r->dev == dev)
				registration_end(export, r);
	mutex_unlock(&lock);
}

/**
 * medes_export_exit() - export nothing any more
 *
 * Context: module exit, when nobody can ask for a lease.
 */
void medes_export_exit(void)
{
	struct export *export, *next;

	mutex_lock(&lock);
	list_for_each_entry_safe(export, next, &exports, node)
		export_end(export);
	mutex_unlock(&lock);
}
