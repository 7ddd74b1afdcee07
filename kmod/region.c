// SPDX-License-Identifier: GPL-2.0
/*
 * Registration by work request: a region has a key of its own, which allows to
 * read and nothing else, and addresses that begin with zero. It is valid in the
 * domain of data connections only, until it is deregistered, and that waits for
 * whoever is reading.
 */
#include <linux/slab.h>
#include <rdma/ib_verbs.h>
#include "conn.h"
#include "device.h"
#include "region.h"

static int map(struct medes_region *region, struct medes_device *dev)
{
	int n = ib_dma_map_sg(dev->ib, region->sgl, region->nr, DMA_TO_DEVICE);
	int mapped;

	if (!n)
		return -EIO;
	/* addresses that begin with zero tell nothing about the kernel's */
	mapped = ib_map_mr_sg_zbva(region->mr, region->sgl, n, NULL, PAGE_SIZE);
	if (mapped == n)
		return 0;
	ib_dma_unmap_sg(dev->ib, region->sgl, region->nr, DMA_TO_DEVICE);
	return mapped < 0 ? mapped : -E2BIG;
}

static int enable(struct medes_region *region, struct medes_conn *conn)
{
	struct ib_reg_wr reg = {
		.wr.opcode = IB_WR_REG_MR,
		.mr = region->mr,
		.access = IB_ACCESS_REMOTE_READ,
	};

	ib_update_fast_reg_key(region->mr, ib_inc_rkey(region->mr->rkey));
	reg.key = region->mr->rkey;
	return medes_conn_post(conn, &reg.wr);
}

/**
 * medes_region_make() - let other nodes read pages
 * @region: receives the registration
 * @dev: device of @conn
 * @conn: data connection through which the work request goes
 * @page: the pages, which stay until medes_region_end()
 * @nr: of them
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, -E2BIG for this device, -ENOTCONN.
 */
int medes_region_make(struct medes_region *region, struct medes_device *dev,
		      struct medes_conn *conn, struct page **page,
		      unsigned int nr)
{
	int err = -ENOMEM;

	region->nr = nr;
	region->sgl = kvmalloc_objs(*region->sgl, nr);
	if (!region->sgl)
		return err;
	sg_init_table(region->sgl, nr);
	for (unsigned int i = 0; i < nr; i++)
		sg_set_page(&region->sgl[i], page[i], PAGE_SIZE, 0);
	region->mr = ib_alloc_mr(dev->data, IB_MR_TYPE_MEM_REG, nr);
	if (IS_ERR(region->mr)) {
		err = PTR_ERR(region->mr);
		goto err_mr;
	}
	err = map(region, dev);
	if (err)
		goto err_map;
	err = enable(region, conn);
	if (!err)
		return 0;
	medes_region_end(region, dev);
	return err;

err_map:
	ib_dereg_mr(region->mr);
err_mr:
	kvfree(region->sgl);
	region->sgl = NULL;
	return err;
}

/**
 * medes_region_end() - let nobody read them any more
 * @region: of medes_region_make()
 * @dev: the device
 *
 * When it returns, no key leads to the pages, and no READ of them is under way.
 *
 * Context: may sleep, as long as a READ takes.
 */
void medes_region_end(struct medes_region *region, struct medes_device *dev)
{
	if (!region->sgl)
		return;
	ib_dereg_mr(region->mr);
	ib_dma_unmap_sg(dev->ib, region->sgl, region->nr, DMA_TO_DEVICE);
	kvfree(region->sgl);
	region->sgl = NULL;
}
