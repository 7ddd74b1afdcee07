/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that other nodes may read. */
#ifndef MEDES_REGION_H
#define MEDES_REGION_H

#include <linux/scatterlist.h>

struct ib_mr;
struct medes_conn;
struct medes_device;
struct page;

/**
 * struct medes_region - pages, registered on one device to be read
 * @mr: whose rkey and iova readers are told
 * @sgl: the pages
 * @nr: of them
 */
struct medes_region {
	struct ib_mr *mr;
	struct scatterlist *sgl;
	unsigned int nr;
};

int medes_region_make(struct medes_region *region, struct medes_device *dev,
		      struct medes_conn *conn, struct page **page,
		      unsigned int nr);
void medes_region_end(struct medes_region *region, struct medes_device *dev);

#endif /* MEDES_REGION_H */
