// SPDX-License-Identifier: GPL-2.0
/*
 * The read engine: batches of one-sided READs.
 *
 * A batch is posted to one data connection as a chain; pages that are neighbours
 * on the other node share a READ. Only the last one tells of its completion: on a
 * queue pair they complete in order, and when one fails, the last fails as well.
 *
 * How many may be posted is bounded by the connection's credits, for which who
 * has none waits. How many the device has on the wire is its own business, within
 * the depth that was negotiated.
 *
 * A batch owns its pages, and what is under way holds the batch: who is killed
 * while he waits just goes. The memory is freed when the device has let go of it.
 */
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "conn.h"
#include "device.h"
#include "hist.h"
#include "limits.h"
#include "peer.h"
#include "read.h"
#include "stats.h"
#include "trace.h"

/* A queue pair tells of its failure long before that. */
#define WAIT_MS 10000

static void read_free(struct kref *ref)
{
	struct medes_read *read = container_of(ref, struct medes_read, ref);

	for (unsigned int i = 0; i < read->nr; i++)
		if (read->page[i])
			__free_page(read->page[i]);
	if (read->peer)
		medes_peer_put(read->peer);
	kfree(read);
}

/**
 * medes_read_put() - drop a reference
 * @read: from medes_read_new()
 *
 * Context: any but hard interrupts.
 */
void medes_read_put(struct medes_read *read)
{
	kref_put(&read->ref, read_free);
}

static void unmap(struct medes_read *read)
{
	for (unsigned int i = 0; i < read->nr; i++)
		if (read->dma[i])
			ib_dma_unmap_page(read->dev->ib, read->dma[i],
					  PAGE_SIZE, DMA_FROM_DEVICE);
	memset(read->dma, 0, sizeof(read->dma));
}

static void give_credits(struct medes_conn *conn, unsigned int n)
{
	atomic_add(n, &conn->credits);
	wake_up_all(&conn->room);
}

static bool take_credits(struct medes_conn *conn, int n)
{
	int have = atomic_read(&conn->credits);

	do {
		if (have < n)
			return false;
	} while (!atomic_try_cmpxchg(&conn->credits, &have, have - n));
	return true;
}

static void note(struct medes_read *read, const struct ib_wc *wc)
{
	if (wc->status != IB_WC_SUCCESS && read->status == IB_WC_SUCCESS)
		read->status = wc->status;
}

/* One of those that tell only of failure. */
static void some_done(struct ib_cq *cq, struct ib_wc *wc)
{
	note(container_of(wc->wr_cqe, struct medes_read, some), wc);
}

/* It is under way no more. Softirq, or who polls. */
static void last_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct medes_read *read = container_of(wc->wr_cqe, struct medes_read,
					       last);
	struct medes_session *session = read->session;
	struct medes_peer *peer = session->peer;
	u64 ns = ktime_get_ns() - read->begun;

	note(read, wc);
	unmap(read);
	give_credits(read->conn, read->nr_wr);
	atomic64_add(ns, &peer->read_ns);
	atomic64_inc(&peer->batches);
	if (read->status == IB_WC_SUCCESS) {
		atomic64_add(read->nr_wr, &peer->reads);
		atomic64_add(read->nr, &peer->pages);
		medes_hist_read(ns);
	} else {
		atomic64_inc(&peer->failures);
		medes_session_lose(session);
	}
	trace_medes_read_done(peer->id, read->nr, read->status, ns);
	complete(&read->done);
	medes_session_put(session);
	medes_read_put(read);
}

/**
 * medes_read_new() - have memory to read into
 * @nr: pages
 * @gfp: how hard to try
 *
 * Context: depends on @gfp.
 * Return: the batch, or NULL.
 */
struct medes_read *medes_read_new(unsigned int nr, gfp_t gfp)
{
	struct medes_read *read = kzalloc(sizeof(*read), gfp);

	if (!read)
		return NULL;
	kref_init(&read->ref);
	init_completion(&read->done);
	read->some.done = some_done;
	read->last.done = last_done;
	for (; read->nr < nr; read->nr++) {
		read->page[read->nr] = alloc_page(gfp);
		if (!read->page[read->nr]) {
			medes_read_put(read);
			return NULL;
		}
	}
	return read;
}

static int map(struct medes_read *read)
{
	struct ib_device *ib = read->dev->ib;

	for (unsigned int i = 0; i < read->nr; i++) {
		u64 dma = ib_dma_map_page(ib, read->page[i], 0, PAGE_SIZE,
					  DMA_FROM_DEVICE);

		if (ib_dma_mapping_error(ib, dma)) {
			unmap(read);
			return -EIO;
		}
		read->dma[i] = dma;
		read->sge[i].addr = dma;
		read->sge[i].length = PAGE_SIZE;
		read->sge[i].lkey = read->dev->data->local_dma_lkey;
	}
	return 0;
}

/* A READ for each run of pages that are neighbours over there. */
static void chain(struct medes_read *read, const struct medes_read_from *from)
{
	struct ib_rdma_wr *wr = NULL;

	read->nr_wr = 0;
	for (unsigned int i = 0; i < read->nr; i++) {
		if (wr && wr->wr.num_sge < read->conn->segments &&
		    from[i].rkey == from[i - 1].rkey &&
		    from[i].iova == from[i - 1].iova + PAGE_SIZE) {
			wr->wr.num_sge++;
			continue;
		}
		if (wr)
			wr->wr.next = &read->wr[read->nr_wr].wr;
		wr = &read->wr[read->nr_wr++];
		wr->wr.wr_cqe = &read->some;
		wr->wr.opcode = IB_WR_RDMA_READ;
		wr->wr.send_flags = 0;
		wr->wr.sg_list = &read->sge[i];
		wr->wr.num_sge = 1;
		wr->wr.next = NULL;
		wr->remote_addr = from[i].iova;
		wr->rkey = from[i].rkey;
	}
	wr->wr.wr_cqe = &read->last;
	wr->wr.send_flags = IB_SEND_SIGNALED;
}

/*
 * Of a chain that was posted in part, nobody hears when it completes: it waits for
 * the end of the session, which it brings about.
 */
static void orphan(struct medes_read *read)
{
	struct medes_session *session = read->session;

	kref_get(&read->ref);
	medes_device_hold(read->dev);
	llist_add(&read->orphan, &session->orphans);
	medes_session_lose(session);
}

static int post(struct medes_read *read, const struct medes_read_from *from)
{
	const struct ib_send_wr *bad = NULL;
	struct medes_conn *conn = read->conn;
	int err = map(read);

	if (err)
		return err;
	chain(read, from);
	err = wait_event_killable(conn->room,
				  READ_ONCE(read->session->lost) ||
				  take_credits(conn, read->nr_wr));
	if (!err && READ_ONCE(read->session->lost))
		err = -ENOTCONN;
	if (err) {
		unmap(read);
		return err;
	}
	trace_medes_read_post(read->session->peer->id, read->nr, read->nr_wr);
	kref_get(&read->ref);
	read->begun = ktime_get_ns();
	err = ib_post_send(conn->id->qp, &read->wr[0].wr, &bad);
	if (!err)
		return 0;
	medes_read_put(read);
	if (bad != &read->wr[0].wr) {
		orphan(read);
	} else {
		unmap(read);
		give_credits(conn, read->nr_wr);
	}
	return -ENOTCONN;
}

/**
 * medes_read_post() - begin to read
 * @read: a batch that was not posted before
 * @session: used by the caller; that use is the batch's from now on
 * @from: of each page, where it is on the other node
 *
 * Context: may sleep, until there are credits.
 * Return: 0, -EINTR when killed, -ENOTCONN, -EIO.
 */
int medes_read_post(struct medes_read *read, struct medes_session *session,
		    const struct medes_read_from *from)
{
	unsigned int i = (unsigned int)atomic_inc_return(&session->next) %
			 session->nr_data;
	int err;

	kref_get(&session->peer->ref);
	read->peer = session->peer;
	read->serial = session->serial;
	read->session = session;
	read->conn = session->data[i];
	read->dev = read->conn->dev;
	err = post(read, from);
	if (err)
		medes_session_put(session);
	return err;
}

/* Look for completions ourselves for a while: sleeping takes longer than that. */
static void poll(struct medes_read *read, u64 us)
{
	struct medes_session *session = medes_peer_session(read->peer);
	u64 until = read->begun + us * NSEC_PER_USEC;

	if (!session)
		return;
	/* of this session, the connection exists as long as we use it */
	if (session->serial == read->serial)
		while (!completion_done(&read->done) &&
		       ktime_get_ns() < until) {
			ib_process_cq_direct(read->conn->cq, 16);
			cpu_relax();
		}
	medes_session_put(session);
}

/**
 * medes_read_wait() - wait for a batch
 * @read: that was posted
 *
 * Context: may sleep. A fatal signal ends the wait, not the batch.
 * Return: 0 when all pages are there, -EINTR when killed, -EAGAIN when the batch
 * failed and may succeed in another session, -EREMOTEIO when the other node
 * refused it.
 */
int medes_read_wait(struct medes_read *read)
{
	u64 us = READ_ONCE(medes_limits.read_spin_us);
	long left;

	if (us && num_online_cpus() > 1)
		poll(read, us);
	left = wait_for_completion_killable_timeout(&read->done,
						    msecs_to_jiffies(WAIT_MS));
	if (left < 0)
		return -EINTR;
	if (!left)
		return -EAGAIN;
	if (read->status == IB_WC_SUCCESS)
		return 0;
	return read->status == IB_WC_REM_ACCESS_ERR ? -EREMOTEIO : -EAGAIN;
}

/**
 * medes_read_bury() - free batches that were posted in part
 * @orphans: of a session whose connections are closed
 *
 * Context: may sleep.
 */
void medes_read_bury(struct llist_head *orphans)
{
	struct medes_read *read, *next;

	llist_for_each_entry_safe(read, next, llist_del_all(orphans), orphan) {
		unmap(read);
		medes_device_put(read->dev);
		medes_read_put(read);
	}
}
