// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of other nodes, read by RDMA.
 *
 * The first table of a base that comes makes its extents; every other has to agree
 * with it, page for page, by the hashes. Nothing of a table is believed before all
 * of it is here and was checked.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "base.h"
#include "cache.h"
#include "fingerprint.h"
#include "peer.h"
#include "read.h"
#include "replica.h"
#include "table.h"

/* Read part of a table: as many pages as one batch takes. */
static int read_some(struct medes_session *session, u8 *to, size_t len,
		     u64 iova, u32 rkey)
{
	unsigned int nr = DIV_ROUND_UP(len, PAGE_SIZE);
	struct medes_read_from from[MEDES_READ_PAGES];
	struct medes_read *read;
	int err;

	read = medes_read_new(nr, GFP_KERNEL);
	if (!read)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++) {
		from[i].iova = iova + i * PAGE_SIZE;
		from[i].rkey = rkey;
	}
	atomic_inc(&session->users);	/* of the batch */
	err = medes_read_post(read, session, from) ?: medes_read_wait(read);
	for (unsigned int i = 0; i < nr && !err; i++)
		memcpy(to + i * PAGE_SIZE, page_address(read->page[i]),
		       min(len - i * PAGE_SIZE, PAGE_SIZE));
	medes_read_put(read);
	return err;
}

/**
 * medes_table_read() - read the table that a node granted
 * @session: with the node, of the caller
 * @grant: where it is
 *
 * Context: the peer's work; may sleep.
 * Return: the table, checked, for kvfree(); ERR_PTR(): -EPROTO when it is none,
 * -ENOMEM, or what medes_read_wait() says.
 */
struct medes_wire_table *medes_table_read(struct medes_session *session,
					  const struct medes_wire_grant *grant)
{
	u32 len = le32_to_cpu(grant->len);
	u64 iova = le64_to_cpu(grant->iova);
	u8 *table = kvmalloc(len, GFP_KERNEL);
	int err = 0;

	if (!table)
		return ERR_PTR(-ENOMEM);
	for (u32 at = 0; at < len && !err; at += MEDES_READ_PAGES * PAGE_SIZE)
		err = read_some(session, table + at,
				min(len - at, MEDES_READ_PAGES * PAGE_SIZE),
				iova + at, le32_to_cpu(grant->rkey));
	/* one that changes while it is read is none */
	if (!err && medes_xxh64(table, len, 0) != le64_to_cpu(grant->checksum))
		err = -EPROTO;
	err = err ?: medes_wire_check_table(table, len,
					    le64_to_cpu(grant->base),
					    le64_to_cpu(grant->generation));
	if (!err)
		return (void *)table;
	kvfree(table);
	return ERR_PTR(err);
}

/* The first table makes an extent. */
static int make_extent(struct medes_base *base, u32 nr,
		       const struct medes_wire_page *page, u32 n)
{
	u32 first = le32_to_cpu(page[0].index);
	u32 count = le32_to_cpu(page[n - 1].index) - first + 1;
	struct medes_extent *extent = medes_extent_new_far(base, first, count);
	int err = 0;

	if (IS_ERR(extent))
		return PTR_ERR(extent);
	extent->far->nr = nr;
	for (u32 i = 0; i < n && !err; i++) {
		u32 slot = le32_to_cpu(page[i].index) - first;

		extent->far->at[slot] = i;
		extent->far->hash[slot] = le64_to_cpu(page[i].hash);
		err = medes_extent_publish(extent, slot);
	}
	return err;
}

/* Every other has to agree. */
static int compare_extent(struct medes_base *base, u32 nr,
			  const struct medes_wire_page *page, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u32 index = le32_to_cpu(page[i].index);
		struct medes_extent *extent = xa_load(&base->pages, index);
		u32 slot;

		if (!extent || extent->far->nr != nr)
			return -ESTALE;
		slot = index - extent->first;
		if (extent->far->at[slot] != i ||
		    extent->far->hash[slot] != le64_to_cpu(page[i].hash))
			return -ESTALE;
	}
	return 0;
}

static int take(struct medes_remote *remote,
		const struct medes_wire_table *table)
{
	const struct medes_wire_extent *extent = medes_wire_extents(table);
	const struct medes_wire_page *page = medes_wire_pages(table);
	u32 extents = le32_to_cpu(table->extents);
	struct medes_base *base = remote->base;
	int err = 0;

	lockdep_assert_held(&remote->tables);
	if (remote->extents && (remote->extents != extents ||
				atomic_read(&base->nr_pages) !=
				le32_to_cpu(table->pages)))
		return -ESTALE;
	for (u32 i = 0; i < extents && !err; i++) {
		u32 n = le32_to_cpu(extent[i].pages);

		/* some may have been made when memory was short for the rest */
		if (remote->extents ||
		    xa_load(&base->pages, le32_to_cpu(page->index)))
			err = compare_extent(base, i, page, n);
		else
			err = make_extent(base, i, page, n);
		page += n;
	}
	if (!err)
		remote->extents = extents;
	return err;
}

/**
 * medes_table_take() - make a base of a table, or see whether it is the same
 * @remote: of the base, held by the caller
 * @table: from medes_table_read()
 *
 * Context: may sleep; waits for no node.
 * Return: 0, -ESTALE when it is another, -ENOMEM, -ENOENT when the base was dropped.
 */
int medes_table_take(struct medes_remote *remote,
		     const struct medes_wire_table *table)
{
	int err;

	mutex_lock(&remote->tables);
	err = take(remote, table);
	mutex_unlock(&remote->tables);
	return err;
}
