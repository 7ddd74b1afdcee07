// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: a reliable queue pair each, made through the RDMA CM.
 *
 * Both ends of both kinds are here; what is said over them is the owner's
 * business (session.c reads, visitor.c is read from).
 *
 * A node that has gone shows as a completion with an error, and only when
 * something is posted: nothing else tells. Nor does the RDMA CM tell the end of
 * a connection whose queue pair failed. So every failed completion ends here as
 * ops->lost().
 *
 * Handlers of the RDMA CM run under a mutex of the id that rdma_destroy_id()
 * takes, too: they are short and wait for nothing, and nobody destroys an id
 * under a lock that one of them takes.
 */
#include <linux/slab.h>
#include "conn.h"
#include "device.h"

/*
 * Seven times 4.096 us << 14, half a second, until a silent node is given up.
 * Seven retries would mean for ever to soft RoCE.
 */
#define ACK_TIMEOUT 14
#define RETRIES 6

/* Outstanding READs that we ask for; the devices have the last word. */
#define READ_DEPTH 16

#define RESOLVE_MS 2000
/* A request that got lost is sent again after 4.3 s; a dead host takes a minute. */
#define CONNECT_MS 10000
#define POST_MS 3000
#define SLICE_MS 50

static void lose(struct medes_conn *conn)
{
	conn->ops->lost(conn);
}

static void failed(struct medes_conn *conn, enum ib_wc_status status)
{
	if (status != IB_WC_SUCCESS)
		lose(conn);
}

/* What medes_conn_post() posted. */
static void sent(struct ib_cq *cq, struct ib_wc *wc)
{
	struct medes_conn *conn = container_of(wc->wr_cqe, struct medes_conn,
					       sent);

	conn->done_status = wc->status;
	complete(&conn->done);
	failed(conn, wc->status);
}

static int post_receive(struct medes_conn *conn, unsigned int i)
{
	struct ib_sge sge = {
		.addr = conn->dma[i],
		.length = sizeof(struct medes_wire_message),
		.lkey = conn->dev->control->local_dma_lkey,
	};
	struct ib_recv_wr wr = {
		.wr_cqe = &conn->rx[i],
		.sg_list = &sge,
		.num_sge = 1,
	};

	return ib_post_recv(conn->id->qp, &wr, NULL);
}

static void received(struct ib_cq *cq, struct ib_wc *wc)
{
	struct medes_conn *conn = cq->cq_context;
	unsigned int i = wc->wr_cqe - conn->rx;

	if (wc->status != IB_WC_SUCCESS) {
		failed(conn, wc->status);
		return;
	}
	ib_dma_sync_single_for_cpu(conn->dev->ib, conn->dma[i],
				   sizeof(struct medes_wire_message),
				   DMA_FROM_DEVICE);
	conn->ops->received(conn, &conn->message[i].wire, wc->byte_len);
	ib_dma_sync_single_for_device(conn->dev->ib, conn->dma[i],
				      sizeof(struct medes_wire_message),
				      DMA_FROM_DEVICE);
	if (post_receive(conn, i))
		lose(conn);
}

static enum dma_data_direction direction(unsigned int i)
{
	return i < MEDES_CONN_RX ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static void free_messages(struct medes_conn *conn)
{
	if (!conn->message)
		return;
	for (unsigned int i = 0; i <= MEDES_CONN_RX; i++)
		if (conn->dma[i])
			ib_dma_unmap_single(conn->dev->ib, conn->dma[i],
					    sizeof(struct medes_wire_message),
					    direction(i));
	kfree_sensitive(conn->message);
}

static int make_messages(struct medes_conn *conn)
{
	int err = 0;

	conn->message = kzalloc_objs(*conn->message, MEDES_CONN_RX + 1);
	if (!conn->message)
		return -ENOMEM;
	for (unsigned int i = 0; i <= MEDES_CONN_RX; i++) {
		u64 dma = ib_dma_map_single(conn->dev->ib,
					    &conn->message[i].wire,
					    sizeof(struct medes_wire_message),
					    direction(i));

		if (ib_dma_mapping_error(conn->dev->ib, dma))
			return -EIO;
		conn->dma[i] = dma;
	}
	for (unsigned int i = 0; i < MEDES_CONN_RX && !err; i++) {
		conn->rx[i].done = received;
		err = post_receive(conn, i);
	}
	return err;
}

/* The queue pair, with what has to be posted before the other side may send. */
static int make_queues(struct medes_conn *conn)
{
	const struct ib_device_attr *attr = &conn->dev->ib->attrs;
	struct ib_qp_init_attr init = {
		.cap.max_send_wr = 4,
		.cap.max_recv_wr = MEDES_CONN_RX,
		.cap.max_send_sge = 1,
		.cap.max_recv_sge = 1,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_RC,
	};
	bool control = conn->kind == MEDES_WIRE_CONTROL;
	int err;

	if (conn->reader) {
		conn->segments = clamp_t(int, min(attr->max_sge_rd,
						  attr->max_send_sge),
					 1, MEDES_CONN_SEGMENTS);
		atomic_set(&conn->credits, MEDES_CONN_DEPTH);
		init.cap.max_send_wr = MEDES_CONN_DEPTH + 1;
		init.cap.max_send_sge = conn->segments;
	}
	/* and two for draining */
	conn->cq = ib_alloc_cq_any(conn->dev->ib, conn, init.cap.max_send_wr +
				   init.cap.max_recv_wr + 2,
				   conn->reader ? IB_POLL_SOFTIRQ :
						  IB_POLL_WORKQUEUE);
	if (IS_ERR(conn->cq)) {
		err = PTR_ERR(conn->cq);
		conn->cq = NULL;
		return err;
	}
	init.send_cq = conn->cq;
	init.recv_cq = conn->cq;
	err = rdma_create_qp(conn->id, control ? conn->dev->control :
						 conn->dev->data, &init);
	if (err)
		return err;
	return control ? make_messages(conn) : 0;
}

static struct medes_conn *conn_new(enum medes_wire_kind kind,
				   const struct medes_conn_ops *ops,
				   void *owner)
{
	struct medes_conn *conn = kzalloc_obj(*conn);

	if (!conn)
		return NULL;
	conn->kind = kind;
	conn->ops = ops;
	conn->owner = owner;
	init_completion(&conn->event);
	init_waitqueue_head(&conn->room);
	mutex_init(&conn->posting);
	init_completion(&conn->done);
	conn->sent.done = sent;
	return conn;
}

/* All but the id, whose handler does not run, or finds the connection lost. */
static void conn_free(struct medes_conn *conn)
{
	if (conn->cq)
		ib_free_cq(conn->cq);
	if (conn->dev) {
		free_messages(conn);
		medes_device_put(conn->dev);
	}
	kfree(conn);
}

static void destroy_queue_pair(struct medes_conn *conn)
{
	if (!conn->id->qp)
		return;
	rdma_disconnect(conn->id);
	ib_drain_qp(conn->id->qp);
	rdma_destroy_qp(conn->id);
}

/**
 * medes_conn_stop() - end a connection, and keep what it was
 * @conn: that nobody posts to any more
 *
 * Everything that was posted has completed when this returns, and no function of
 * the owner runs or is called.
 *
 * Context: may sleep, some milliseconds; not in a handler of the RDMA CM, nor
 * under a lock that one takes.
 */
void medes_conn_stop(struct medes_conn *conn)
{
	destroy_queue_pair(conn);
	rdma_destroy_id(conn->id);
}

/**
 * medes_conn_free() - free a connection
 * @conn: after medes_conn_stop(); nobody has it any more
 *
 * Context: may sleep.
 */
void medes_conn_free(struct medes_conn *conn)
{
	conn_free(conn);
}

/**
 * medes_conn_close() - end a connection and free it
 * @conn: that nobody posts to any more, nor finds
 *
 * Context: as medes_conn_stop().
 */
void medes_conn_close(struct medes_conn *conn)
{
	medes_conn_stop(conn);
	conn_free(conn);
}

/**
 * medes_conn_abandon() - end a connection inside the handler of its id
 * @conn: from medes_conn_accept(); the handler returns non-zero, and the RDMA CM
 *	destroys the id
 *
 * Context: handler of the RDMA CM.
 */
void medes_conn_abandon(struct medes_conn *conn)
{
	destroy_queue_pair(conn);
	conn_free(conn);
}

static void answered(struct medes_conn *conn, int status)
{
	conn->status = status;
	complete(&conn->event);
}

static void established(struct medes_conn *conn,
			const struct rdma_conn_param *param)
{
	int err = 0;

	if (conn->kind == MEDES_WIRE_CONTROL) {
		err = medes_wire_check_welcome(param->private_data,
					       param->private_data_len);
		if (!err)
			memcpy(&conn->welcome, param->private_data,
			       sizeof(conn->welcome));
	}
	answered(conn, err);
}

static void rejected(struct medes_conn *conn, struct rdma_cm_event *event)
{
	const void *data;
	int status = -EPROTO;
	u8 len = 0;

	data = rdma_consumer_reject_data(conn->id, event, &len);
	if (data)
		status = medes_wire_check_refusal(data, len);
	answered(conn, status > 0 ? status : -ECONNREFUSED);
}

/* Of connections that we opened. */
static int open_handler(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct medes_conn *conn = id->context;

	switch (event->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		answered(conn, 0);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		established(conn, &event->param.conn);
		break;
	case RDMA_CM_EVENT_REJECTED:
		rejected(conn, event);
		break;
	case RDMA_CM_EVENT_ADDR_ERROR:
	case RDMA_CM_EVENT_ROUTE_ERROR:
	case RDMA_CM_EVENT_CONNECT_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
		answered(conn, event->status < 0 ? event->status :
						   -EHOSTUNREACH);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		answered(conn, -ENODEV);
		lose(conn);
		break;
	default:
		break;
	}
	return 0;
}

/* Of connections that others opened. */
static int accept_handler(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	switch (event->event) {
	case RDMA_CM_EVENT_ESTABLISHED:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		break;
	default:
		lose(id->context);
	}
	return 0;
}

/* The answer of the RDMA CM, unless somebody has had enough, or the device goes. */
static int await(struct medes_conn *conn, unsigned int ms, const bool *stop)
{
	for (; ms >= SLICE_MS; ms -= SLICE_MS) {
		if (wait_for_completion_timeout(&conn->event,
						msecs_to_jiffies(SLICE_MS)))
			return conn->status;
		if (READ_ONCE(*stop))
			return -ECANCELED;
		if (conn->dev && READ_ONCE(conn->dev->going))
			return -ENODEV;
	}
	return -ETIMEDOUT;
}

static int resolve(struct medes_conn *conn, const struct sockaddr_storage *to,
		   const bool *stop)
{
	int err = rdma_resolve_addr(conn->id, NULL, (struct sockaddr *)to,
				    RESOLVE_MS) ?:
		  await(conn, 2 * RESOLVE_MS, stop);

	if (err)
		return err;
	/* the route takes its life time from this */
	rdma_set_ack_timeout(conn->id, ACK_TIMEOUT);
	return rdma_resolve_route(conn->id, RESOLVE_MS) ?:
	       await(conn, 2 * RESOLVE_MS, stop);
}

static int connect(struct medes_conn *conn, const struct sockaddr_storage *to,
		   const struct medes_wire_hello *hello, const bool *stop)
{
	struct rdma_conn_param param = {
		.private_data = hello,
		.private_data_len = sizeof(*hello),
		.retry_count = RETRIES,
		.rnr_retry_count = RETRIES,
	};
	int err = resolve(conn, to, stop);

	if (err)
		return err;
	conn->dev = medes_device_get(conn->id->device);
	if (!conn->dev)
		return -ENODEV;
	err = make_queues(conn);
	if (err)
		return err;
	if (conn->reader)
		param.initiator_depth =
			clamp_t(int, conn->dev->ib->attrs.max_qp_init_rd_atom,
				1, READ_DEPTH);
	return rdma_connect(conn->id, &param) ?:
	       await(conn, CONNECT_MS, stop);
}

/**
 * medes_conn_open() - connect to a node
 * @to: its address and port
 * @hello: private data of the request
 * @ops: what the owner wants to hear
 * @owner: for the owner
 * @stop: somebody sets it who wants this to end soon
 * @refused: receives enum medes_wire_status when the node says no
 *
 * Context: may sleep, for some seconds.
 * Return: the connection, or ERR_PTR(): -ECONNREFUSED, -ECANCELED, -ETIMEDOUT,
 * -ENODEV without a device, others of the RDMA CM.
 */
struct medes_conn *medes_conn_open(const struct sockaddr_storage *to,
				   const struct medes_wire_hello *hello,
				   const struct medes_conn_ops *ops,
				   void *owner, const bool *stop, int *refused)
{
	struct medes_conn *conn = conn_new(le16_to_cpu(hello->kind), ops,
					   owner);
	int err;

	*refused = 0;
	if (!conn)
		return ERR_PTR(-ENOMEM);
	conn->reader = conn->kind == MEDES_WIRE_DATA;
	conn->id = rdma_create_id(&init_net, open_handler, conn, RDMA_PS_TCP,
				  IB_QPT_RC);
	if (IS_ERR(conn->id)) {
		err = PTR_ERR(conn->id);
		conn_free(conn);
		return ERR_PTR(err);
	}
	err = connect(conn, to, hello, stop);
	if (!err)
		return conn;
	medes_conn_close(conn);
	if (err > 0) {
		*refused = err;
		err = -ECONNREFUSED;
	}
	return ERR_PTR(err);
}

/**
 * medes_conn_accept() - accept a connection
 * @id: of who asks
 * @asked: with what
 * @kind: of it
 * @welcome: what to tell on a control connection, else NULL
 * @ops: what the owner wants to hear
 * @owner: for the owner
 *
 * Context: handler of the RDMA CM.
 * Return: the connection, or ERR_PTR(); then the handler has to return non-zero,
 * and the request was refused already if it is -ECONNABORTED.
 */
struct medes_conn *medes_conn_accept(struct rdma_cm_id *id,
				     struct rdma_conn_param *asked,
				     enum medes_wire_kind kind,
				     const struct medes_wire_welcome *welcome,
				     const struct medes_conn_ops *ops,
				     void *owner)
{
	struct medes_conn *conn = conn_new(kind, ops, owner);
	struct rdma_conn_param param = { .rnr_retry_count = RETRIES };
	int err;

	if (!conn)
		return ERR_PTR(-ENOMEM);
	conn->id = id;
	conn->dev = medes_device_get(id->device);
	err = conn->dev ? make_queues(conn) : -ENODEV;
	if (err)
		goto out;
	if (welcome) {
		param.private_data = welcome;
		param.private_data_len = sizeof(*welcome);
	}
	if (kind == MEDES_WIRE_DATA)
		param.responder_resources =
			min_t(int, asked->responder_resources,
			      conn->dev->ib->attrs.max_qp_rd_atom);
	id->context = conn;
	id->event_handler = accept_handler;
	rdma_set_ack_timeout(id, ACK_TIMEOUT);
	if (!rdma_accept(id, &param))
		return conn;
	err = -ECONNABORTED;	/* it has rejected */
out:
	if (id->qp) {
		ib_drain_qp(id->qp);
		rdma_destroy_qp(id);
	}
	conn_free(conn);
	return ERR_PTR(err);
}

/* Post it and wait until it has completed. */
static int post(struct medes_conn *conn, struct ib_send_wr *wr)
{
	int err;

	lockdep_assert_held(&conn->posting);
	if (conn->broken)
		return -ENOTCONN;
	reinit_completion(&conn->done);
	wr->wr_cqe = &conn->sent;
	wr->send_flags |= IB_SEND_SIGNALED;
	err = ib_post_send(conn->id->qp, wr, NULL);
	if (err)
		return err;
	if (wait_for_completion_timeout(&conn->done,
					msecs_to_jiffies(POST_MS)) &&
	    conn->done_status == IB_WC_SUCCESS)
		return 0;
	conn->broken = true;
	lose(conn);
	return -ENOTCONN;
}

/**
 * medes_conn_post() - have one work request done
 * @conn: established
 * @wr: anything but a READ
 *
 * Context: may sleep, until it has completed.
 * Return: 0, -ENOTCONN.
 */
int medes_conn_post(struct medes_conn *conn, struct ib_send_wr *wr)
{
	int err;

	mutex_lock(&conn->posting);
	err = post(conn, wr);
	mutex_unlock(&conn->posting);
	return err;
}

/**
 * medes_conn_send() - send a message
 * @conn: a control connection
 * @message: copied
 *
 * Context: may sleep, until the other side has it.
 * Return: 0, -ENOTCONN.
 */
int medes_conn_send(struct medes_conn *conn,
		    const struct medes_wire_message *message)
{
	struct ib_sge sge = {
		.addr = conn->dma[MEDES_CONN_RX],
		.length = sizeof(*message),
		.lkey = conn->dev->control->local_dma_lkey,
	};
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND,
		.sg_list = &sge,
		.num_sge = 1,
	};
	int err;

	mutex_lock(&conn->posting);
	ib_dma_sync_single_for_cpu(conn->dev->ib, sge.addr, sge.length,
				   DMA_TO_DEVICE);
	memcpy(&conn->message[MEDES_CONN_RX].wire, message, sizeof(*message));
	ib_dma_sync_single_for_device(conn->dev->ib, sge.addr, sge.length,
				      DMA_TO_DEVICE);
	err = post(conn, &wr);
	mutex_unlock(&conn->posting);
	return err;
}
