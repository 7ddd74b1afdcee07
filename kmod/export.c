// SPDX-License-Identifier: GPL-2.0
/*
 * Exports: bases that other nodes read.
 *
 * An export is a base as it was when it was exported, under a generation that is
 * drawn at random: what comes after a new load of the module, or a new export, is
 * never taken for what was before. Its table, which readers get by RDMA like the
 * pages, tells the pages' indexes and hashes, and where they are.
 *
 * Where it is registered is in register.c, to whom it is promised in grant.c. All of
 * that is under one lock: no READ needs it.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include "base.h"
#include "domain.h"
#include "export.h"
#include "exported.h"
#include "fingerprint.h"
#include "inject.h"
#include "pack.h"

DEFINE_MUTEX(medes_export_mutex);	/* see exported.h */
LIST_HEAD(medes_exports);

/**
 * medes_exported_find() - the export of a base
 * @base: its id
 *
 * Context: medes_export_mutex held.
 * Return: the export, or NULL.
 */
struct medes_exported *medes_exported_find(u64 base)
{
	struct medes_exported *export;

	lockdep_assert_held(&medes_export_mutex);
	list_for_each_entry(export, &medes_exports, node)
		if (export->base->id == base)
			return export;
	return NULL;
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
static void fill(struct medes_exported *export, u32 extents, u32 pages)
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

static void export_free(struct medes_exported *export)
{
	kvfree(export->table);
	kvfree(export->extent);
	kfree(export);
}

static struct medes_exported *export_new(struct medes_base *base,
					 struct netlink_ext_ack *extack)
{
	struct medes_exported *export;
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
	struct medes_exported *export;
	int err = 0;

	mutex_lock(&medes_export_mutex);
	export = medes_exported_find(base->id);
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
	list_add_tail(&export->node, &medes_exports);
out:
	*generation = export->generation;
err:
	mutex_unlock(&medes_export_mutex);
	return err;
}

static void export_end(struct medes_exported *export)
{
	struct medes_registration *r, *next;

	lockdep_assert_held(&medes_export_mutex);
	list_for_each_entry_safe(r, next, &export->registrations, node)
		medes_unregister(export, r);
	medes_grant_end_all(export);
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
	struct medes_exported *export;
	int err = 0;

	mutex_lock(&medes_export_mutex);
	export = medes_exported_find(base->id);
	if (!export) {
		NL_SET_ERR_MSG(extack, "the base is not exported");
		err = -ENOENT;
	} else if (medes_grant_count(export) && !force) {
		NL_SET_ERR_MSG_FMT(extack, "%u nodes hold a lease on the base",
				   medes_grant_count(export));
		err = -EBUSY;
	} else {
		export_end(export);
	}
	mutex_unlock(&medes_export_mutex);
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
	struct medes_exported *export;

	mutex_lock(&medes_export_mutex);
	export = medes_exported_find(base->id);
	if (export) {
		*generation = export->generation;
		*leases = medes_grant_count(export);
	}
	mutex_unlock(&medes_export_mutex);
	return export;
}

/**
 * medes_export_exit() - export nothing any more
 *
 * Context: module exit, when nobody can ask for a lease.
 */
void medes_export_exit(void)
{
	struct medes_exported *export, *next;

	mutex_lock(&medes_export_mutex);
	list_for_each_entry_safe(export, next, &medes_exports, node)
		export_end(export);
	mutex_unlock(&medes_export_mutex);
}
