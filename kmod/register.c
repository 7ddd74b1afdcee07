// SPDX-License-Identifier: GPL-2.0
/*
 * Exports on devices: memory is registered with a device when the first lease is
 * asked for there, one region for each extent and one for the table, and
 * deregistered with the export or the device.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <rdma/ib_verbs.h>
#include "base.h"
#include "conn.h"
#include "device.h"
#include "export.h"
#include "exported.h"

/**
 * medes_unregister() - let nobody read an export on a device any more
 * @export: the export
 * @r: of it; freed
 *
 * Context: may sleep, until no READ is under way; medes_export_mutex held.
 */
void medes_unregister(struct medes_exported *export,
		      struct medes_registration *r)
{
	for (u32 i = 0; i <= medes_exported_extents(export); i++)
		medes_region_end(&r->region[i], r->dev);
	list_del(&r->node);
	medes_device_put(r->dev);
	vfree(r->table);
	kvfree(r);
}

/* The pages of an extent that the table lists, from this one on. */
static int make_extent(struct medes_exported *export,
		       struct medes_registration *r, u32 e,
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

static int make_table(struct medes_exported *export,
		      struct medes_registration *r, struct medes_conn *conn)
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

static int make_regions(struct medes_exported *export,
			struct medes_registration *r, struct medes_conn *conn)
{
	struct medes_wire_extent *entry = (void *)(r->table + 1);
	const struct medes_wire_page *page = medes_wire_pages(r->table);
	int err = 0;

	for (u32 e = 0; e < medes_exported_extents(export) && !err; e++) {
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

/**
 * medes_register() - let an export be read on a device
 * @export: the export
 * @conn: a data connection on that device
 *
 * Context: may sleep; medes_export_mutex held.
 * Return: the registration, made if there is none; ERR_PTR(): -ENOMEM, -ENODEV while
 * the device goes, or what medes_region_make() says.
 */
struct medes_registration *medes_register(struct medes_exported *export,
					  struct medes_conn *conn)
{
	struct medes_registration *r;
	int err;

	lockdep_assert_held(&medes_export_mutex);
	list_for_each_entry(r, &export->registrations, node)
		if (r->dev == conn->dev)
			return r;
	r = kvzalloc_flex(*r, region, medes_exported_extents(export) + 1);
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
	medes_unregister(export, r);
	return ERR_PTR(err);
}

/**
 * medes_export_leave() - a device goes
 * @dev: on which nothing is registered after this
 *
 * Context: may sleep.
 */
void medes_export_leave(struct medes_device *dev)
{
	struct medes_registration *r, *next;
	struct medes_exported *export;

	mutex_lock(&medes_export_mutex);
	list_for_each_entry(export, &medes_exports, node)
		list_for_each_entry_safe(r, next, &export->registrations, node)
			if (r->dev == dev)
				medes_unregister(export, r);
	mutex_unlock(&medes_export_mutex);
}
