/* SPDX-License-Identifier: GPL-2.0 */
/* A connection: a queue pair and what belongs to it. */
#ifndef MEDES_CONN_H
#define MEDES_CONN_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/socket.h>
#include <linux/wait.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>
#include "wire.h"

struct medes_conn;
struct medes_device;

/* READs posted to one queue pair that have not completed, at most. */
#define MEDES_CONN_DEPTH 128

/* Segments of local memory in one READ, at most. */
#define MEDES_CONN_SEGMENTS 16

#define MEDES_CONN_RX 2

/**
 * struct medes_conn_ops - what its owner wants to hear
 * @received: a message of the control connection; from a workqueue
 * @lost: it is of no use any more; may come more than once, from any context
 */
struct medes_conn_ops {
	void (*received)(struct medes_conn *conn, const void *data, u32 len);
	void (*lost)(struct medes_conn *conn);
};

/* A message on its way, in memory that the device reads or writes. */
struct medes_conn_message {
	struct medes_wire_message wire;
} ____cacheline_aligned;

/**
 * struct medes_conn - a connection
 * @id: of the RDMA CM; its queue pair is @id->qp
 * @dev: held
 * @cq: of both queues
 * @ops: of the owner
 * @owner: likewise
 * @kind: enum medes_wire_kind
 * @reader: it posts READs
 * @event: the RDMA CM has answered, with @status
 * @status: 0, a negative errno, or enum medes_wire_status of a refusal
 * @welcome: how the other side accepted
 * @segments: in one READ
 * @credits: READs that may be posted
 * @room: who waits for credits
 * @posting: one medes_conn_post() at a time; @sent, @done and @done_status
 * @sent: of what was posted there
 * @done: it has completed
 * @done_status: how
 * @broken: nothing is posted there any more
 * @rx: of each receive buffer
 * @message: @rx and one to send; of control connections
 * @dma: of @message
 */
struct medes_conn {
	struct rdma_cm_id *id;
	struct medes_device *dev;
	struct ib_cq *cq;
	const struct medes_conn_ops *ops;
	void *owner;
	enum medes_wire_kind kind;
	bool reader;
	struct completion event;
	int status;
	struct medes_wire_welcome welcome;
	unsigned int segments;
	atomic_t credits;
	wait_queue_head_t room;
	struct mutex posting;	/* sent, done, done_status, broken, message to send */
	struct ib_cqe sent;
	struct completion done;
	enum ib_wc_status done_status;
	bool broken;
	struct ib_cqe rx[MEDES_CONN_RX];
	struct medes_conn_message *message;
	u64 dma[MEDES_CONN_RX + 1];
};

struct medes_conn *medes_conn_open(const struct sockaddr_storage *to,
				   const struct medes_wire_hello *hello,
				   const struct medes_conn_ops *ops,
				   void *owner, const bool *stop, int *refused);
struct medes_conn *medes_conn_accept(struct rdma_cm_id *id,
				     struct rdma_conn_param *asked,
				     enum medes_wire_kind kind,
				     const struct medes_wire_welcome *welcome,
				     const struct medes_conn_ops *ops,
				     void *owner);
void medes_conn_abandon(struct medes_conn *conn);
void medes_conn_stop(struct medes_conn *conn);
void medes_conn_free(struct medes_conn *conn);
void medes_conn_close(struct medes_conn *conn);
int medes_conn_post(struct medes_conn *conn, struct ib_send_wr *wr);
int medes_conn_send(struct medes_conn *conn,
		    const struct medes_wire_message *message);

#endif /* MEDES_CONN_H */
