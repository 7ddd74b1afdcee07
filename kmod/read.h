/* SPDX-License-Identifier: GPL-2.0 */
/* Reading pages of another node's memory. */
#ifndef MEDES_READ_H
#define MEDES_READ_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/llist.h>
#include <rdma/ib_verbs.h>

struct medes_conn;
struct medes_device;
struct medes_peer;
struct medes_session;
struct page;

#define MEDES_READ_PAGES 64	/* in a batch, at most */

/* Where a page is, on the other node. */
struct medes_read_from {
	u64 iova;
	u32 rkey;
};

/**
 * struct medes_read - a batch of READs
 * @ref: one of the caller, one while it is under way
 * @peer: held
 * @serial: of @session
 * @session: used while it is under way
 * @conn: data connection that it is posted to
 * @dev: of @conn
 * @nr: pages
 * @page: to read into; owned by the batch until somebody takes them
 * @dma: of them
 * @sge: likewise
 * @nr_wr: work requests, one for each run of neighbouring pages
 * @wr: those; the last one tells of its completion
 * @some: of all but the last
 * @last: of the last
 * @status: first that is not success
 * @begun: when it was posted, ns
 * @done: it has completed
 * @orphan: in the session's list, when it was posted in part
 */
struct medes_read {
	struct kref ref;
	struct medes_peer *peer;
	u32 serial;
	struct medes_session *session;
	struct medes_conn *conn;
	struct medes_device *dev;
	unsigned int nr;
	struct page *page[MEDES_READ_PAGES];
	u64 dma[MEDES_READ_PAGES];
	struct ib_sge sge[MEDES_READ_PAGES];
	unsigned int nr_wr;
	struct ib_rdma_wr wr[MEDES_READ_PAGES];
	struct ib_cqe some;
	struct ib_cqe last;
	enum ib_wc_status status;
	u64 begun;
	struct completion done;
	struct llist_node orphan;
};

struct medes_read *medes_read_new(unsigned int nr, gfp_t gfp);
void medes_read_put(struct medes_read *read);
int medes_read_post(struct medes_read *read, struct medes_session *session,
		    const struct medes_read_from *from);
int medes_read_wait(struct medes_read *read);
void medes_read_bury(struct llist_head *orphans);

#endif /* MEDES_READ_H */
