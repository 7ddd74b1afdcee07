// SPDX-License-Identifier: GPL-2.0
/*
 * Who connects to read our bases: a stranger is refused, and counted.
 *
 * A control connection is accepted from anybody who names the cluster: it gives
 * nothing before the key is proved (visitor.c). A data connection needs a token of
 * a session that was admitted.
 *
 * Handlers of the RDMA CM only make connections: its one queue serves all.
 */
#include <rdma/ib_cm.h>
#include "cluster.h"
#include "conn.h"
#include "incoming.h"
#include "visitor.h"

#define BACKLOG 64

static struct rdma_cm_id *listener;	/* under the cluster's lock */

/**
 * medes_incoming_refused() - count a refusal
 * @status: the reason
 *
 * Context: any.
 */
void medes_incoming_refused(enum medes_wire_status status)
{
	atomic64_inc(&medes_cluster.refused[status]);
}

static int reject(struct rdma_cm_id *id, enum medes_wire_status status)
{
	struct medes_wire_refusal refusal = {
		.magic = cpu_to_le32(MEDES_WIRE_MAGIC),
		.version = cpu_to_le16(MEDES_WIRE_VERSION),
		.status = cpu_to_le16(status),
	};

	medes_incoming_refused(status);
	rdma_reject(id, &refusal, sizeof(refusal), IB_CM_REJ_CONSUMER_DEFINED);
	return -ECONNREFUSED;
}

static int accept_control(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	struct medes_wire_welcome welcome = {
		.magic = cpu_to_le32(MEDES_WIRE_MAGIC),
		.version = cpu_to_le16(MEDES_WIRE_VERSION),
	};
	struct medes_visitor *visitor = medes_visitor_new(param->private_data);
	struct medes_conn *conn;
	int err;

	if (!visitor)
		return reject(id, MEDES_WIRE_BUSY);
	medes_visitor_welcome(visitor, &welcome);
	conn = medes_conn_accept(id, param, MEDES_WIRE_CONTROL, &welcome,
				 &medes_visitor_ops, visitor);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		if (err != -ECONNABORTED)
			reject(id, MEDES_WIRE_BUSY);
		medes_visitor_lose(visitor);
		medes_visitor_put(visitor);
		return err;
	}
	err = medes_visitor_set_control(visitor, conn);
	if (err)
		medes_conn_abandon(conn);
	medes_visitor_put(visitor);
	return err;
}

static int accept_data(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	const struct medes_wire_hello *hello = param->private_data;
	struct medes_visitor *visitor;
	struct medes_conn *conn;
	unsigned int token;
	int err;

	visitor = medes_visitor_redeem(hello->secret, &token);
	if (!visitor)
		return reject(id, MEDES_WIRE_BAD_TOKEN);
	conn = medes_conn_accept(id, param, MEDES_WIRE_DATA, NULL,
				 &medes_visitor_ops, visitor);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		if (err != -ECONNABORTED)
			reject(id, MEDES_WIRE_BUSY);
		medes_visitor_put(visitor);
		return err;
	}
	err = medes_visitor_set_data(visitor, token, conn);
	if (err)
		medes_conn_abandon(conn);
	medes_visitor_put(visitor);
	return err;
}

static int listen_handler(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct rdma_conn_param *param = &event->param.conn;
	const struct medes_wire_hello *hello = param->private_data;
	enum medes_wire_status status;

	if (event->event != RDMA_CM_EVENT_CONNECT_REQUEST)
		return 0;
	if (!medes_cluster_is_set())
		return reject(id, MEDES_WIRE_BUSY);
	status = medes_wire_check_hello(hello, param->private_data_len,
					medes_cluster.id);
	if (status)
		return reject(id, status);
	return le16_to_cpu(hello->kind) == MEDES_WIRE_CONTROL ?
	       accept_control(id, param) : accept_data(id, param);
}

/**
 * medes_incoming_listen() - let readers connect
 * @port: of the RDMA CM, on all devices that there are and will be
 *
 * Context: may sleep; the caller is the only one to listen or stop.
 * Return: 0, or what the RDMA CM says.
 */
int medes_incoming_listen(u16 port)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	struct rdma_cm_id *id;
	int err;

	id = rdma_create_id(&init_net, listen_handler, NULL, RDMA_PS_TCP,
			    IB_QPT_RC);
	if (IS_ERR(id))
		return PTR_ERR(id);
	err = rdma_bind_addr(id, (struct sockaddr *)&any) ?:
	      rdma_listen(id, BACKLOG);
	if (err) {
		rdma_destroy_id(id);
		return err;
	}
	listener = id;
	medes_visitors_begin();
	return 0;
}

/**
 * medes_incoming_listens() - can readers connect?
 *
 * Context: any.
 * Return: true if so.
 */
bool medes_incoming_listens(void)
{
	return READ_ONCE(listener);
}

/**
 * medes_incoming_stop() - let nobody read any more
 *
 * Context: may sleep, until all connections have ended.
 */
void medes_incoming_stop(void)
{
	if (!listener)
		return;
	rdma_destroy_id(listener);
	WRITE_ONCE(listener, NULL);
	medes_visitors_end();
}
