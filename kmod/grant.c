// SPDX-License-Identifier: GPL-2.0
/*
 * Leases that other nodes hold on our bases.
 *
 * A lease is a promise to one node for a time, which it renews. While there is
 * one, the base is unexported only by force. When its time is over it is not
 * forgotten, but counts no more, until the node renews it after all: the base may
 * go from then on, and goes when user space needs the memory.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <rdma/ib_verbs.h>
#include "base.h"
#include "conn.h"
#include "export.h"
#include "exported.h"
#include "limits.h"

/* A node's lease. */
struct lease {
	struct list_head node;
	u64 node_id;
	unsigned long until;
	char name[MEDES_WIRE_NAME];
};

static bool is_alive(const struct lease *lease)
{
	return time_before(jiffies, lease->until);
}

/**
 * medes_grant_count() - how many nodes hold a lease
 * @export: on this
 *
 * Context: medes_export_mutex held.
 * Return: those whose time is not over.
 */
u32 medes_grant_count(const struct medes_exported *export)
{
	const struct lease *lease;
	u32 n = 0;

	list_for_each_entry(lease, &export->leases, node)
		n += is_alive(lease);
	return n;
}

static void lease_end(struct lease *lease)
{
	list_del(&lease->node);
	kfree(lease);
}

/**
 * medes_grant_end_all() - nobody holds a lease any more
 * @export: on this, which is about to end
 *
 * Context: medes_export_mutex held.
 */
void medes_grant_end_all(struct medes_exported *export)
{
	struct lease *lease, *next;

	list_for_each_entry_safe(lease, next, &export->leases, node)
		lease_end(lease);
}

static struct lease *lease_of(struct medes_exported *export, u64 node_id)
{
	struct lease *lease;

	list_for_each_entry(lease, &export->leases, node)
		if (lease->node_id == node_id)
			return lease;
	return NULL;
}

/* The lease of this node, from now on for a time. */
static int renew(struct medes_exported *export, u64 node_id, const char *name)
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
	struct medes_registration *r;
	struct medes_exported *export;

	mutex_lock(&medes_export_mutex);
	export = medes_exported_find(base);
	if (!export || export->generation != generation) {
		status = MEDES_WIRE_NO_BASE;
		goto out;
	}
	r = medes_register(export, conn);
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
	mutex_unlock(&medes_export_mutex);
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
	struct medes_exported *export;
	struct lease *lease;

	mutex_lock(&medes_export_mutex);
	export = medes_exported_find(base);
	if (export && export->generation == generation) {
		lease = lease_of(export, node_id);
		if (lease)
			lease_end(lease);
	}
	mutex_unlock(&medes_export_mutex);
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
	struct medes_exported *export;
	struct lease *lease;

	mutex_lock(&medes_export_mutex);
	list_for_each_entry(export, &medes_exports, node) {
		lease = lease_of(export, node_id);
		if (lease) {
			lease_end(lease);
			n++;
		}
	}
	mutex_unlock(&medes_export_mutex);
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
	struct medes_exported *export;
	struct lease *lease;
	bool found = false;

	mutex_lock(&medes_export_mutex);
	list_for_each_entry(export, &medes_exports, node)
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
	mutex_unlock(&medes_export_mutex);
	return found;
}
