// SPDX-License-Identifier: GPL-2.0
/*
 * The owner's side: who may read our bases.
 *
 * A reader connects a control connection and proves that it knows the cluster's
 * key; that is a session. It gets tokens, each good for one data connection, and
 * asks for leases. From then on it reads without us: no code here runs for a READ.
 *
 * A session ends when any of its connections fails or nothing was heard from the
 * reader for a lease's time. Its leases last as long as they were promised: a
 * reader that comes back has lost nothing.
 *
 * All that a session does is done by its work item, so one thing at a time.
 * Handlers of the RDMA CM only make connections and note that one was lost.
 */
#include <crypto/utils.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <rdma/ib_cm.h>
#include "cluster.h"
#include "conn.h"
#include "device.h"
#include "export.h"
#include "incoming.h"
#include "limits.h"

/* Who has not proved anything by then goes, and no more of those at a time. */
#define PROVE_MS 5000
#define UNPROVEN_MAX 64

#define BACKLOG 64
#define REAP_EVERY HZ

enum state {
	ASKED,		/* connected, nothing proved */
	ADMITTED,
	DEAD,
};

/**
 * struct session - a reader
 * @ref: one of the list, one of queued work, one of who connects
 * @node: in the list
 * @state: under the lock
 * @lost: a connection failed; never taken back
 * @heard: jiffies of the newest message
 * @node_id: of the reader, as it said
 * @name: likewise
 * @control: its control connection
 * @data: its data connections; of each token
 * @token: what opens a data connection
 * @unused: tokens that nobody has used, a bit each
 * @owner: our nonce, likewise @reader theirs
 * @work: does what there is to do
 * @request: to be answered, if @asking
 * @asking: under the lock
 */
struct session {
	struct kref ref;
	struct list_head node;
	enum state state;
	bool lost;
	unsigned long heard;
	u64 node_id;
	char name[MEDES_WIRE_NAME];
	struct medes_conn *control;
	struct medes_conn *data[MEDES_WIRE_TOKENS];
	u8 token[MEDES_WIRE_TOKENS][MEDES_WIRE_SECRET];
	unsigned int unused;
	u8 owner[MEDES_WIRE_SECRET];
	u8 reader[MEDES_WIRE_SECRET];
	struct work_struct work;
	struct medes_wire_message request;
	bool asking;
};

static DEFINE_SPINLOCK(lock);	/* sessions; state, tokens and request of each */
static LIST_HEAD(sessions);
static DECLARE_WAIT_QUEUE_HEAD(gone);
static struct workqueue_struct *queue;
static struct rdma_cm_id *listener;	/* under the cluster's lock */

static void reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(reaper, reap);

static void session_free(struct kref *ref)
{
	kfree_sensitive(container_of(ref, struct session, ref));
}

static void session_put(struct session *session)
{
	kref_put(&session->ref, session_free);
}

/* Have its work done; that holds it. */
static void wake(struct session *session)
{
	kref_get(&session->ref);
	if (!queue_work(queue, &session->work))
		session_put(session);
}

static void refuse_count(enum medes_wire_status status)
{
	atomic64_inc(&medes_cluster.refused[status]);
}

static void lost(struct medes_conn *conn)
{
	struct session *session = conn->owner;

	WRITE_ONCE(session->lost, true);
	wake(session);
}

/* A reader asks for one thing at a time: who does not wait is no reader. */
static void received(struct medes_conn *conn, const void *data, u32 len)
{
	struct session *session = conn->owner;
	bool good = medes_wire_check_message(data, len) > 0;

	spin_lock(&lock);
	if (good && !session->asking && session->state != DEAD) {
		memcpy(&session->request, data, sizeof(session->request));
		session->asking = true;
		session->control = conn;
	} else {
		WRITE_ONCE(session->lost, true);
	}
	spin_unlock(&lock);
	if (!good)
		refuse_count(MEDES_WIRE_MALFORMED);
	session->heard = jiffies;
	wake(session);
}

static const struct medes_conn_ops ops = {
	.received = received,
	.lost = lost,
};

/* Nobody finds it any more, and what it has is closed. */
static void bury(struct session *session)
{
	spin_lock(&lock);
	if (session->state == DEAD) {
		spin_unlock(&lock);
		return;
	}
	session->state = DEAD;
	session->unused = 0;
	spin_unlock(&lock);

	for (unsigned int i = 0; i < MEDES_WIRE_TOKENS; i++)
		if (session->data[i])
			medes_conn_close(session->data[i]);
	if (session->control)
		medes_conn_close(session->control);
	spin_lock(&lock);
	list_del(&session->node);
	spin_unlock(&lock);
	session_put(session);
	wake_up_all(&gone);
}

static enum medes_wire_status admit(struct session *session,
				    const struct medes_wire_prove *prove,
				    struct medes_wire_admit *admit)
{
	u8 code[MEDES_WIRE_SECRET];

	medes_cluster_code(MEDES_CLUSTER_READER, session->owner,
			   session->reader, code);
	if (crypto_memneq(code, prove->code, sizeof(code)))
		return MEDES_WIRE_BAD_KEY;
	session->node_id = le64_to_cpu(prove->node);
	strscpy(session->name, prove->name);
	get_random_bytes(session->token, sizeof(session->token));
	spin_lock(&lock);
	session->unused = GENMASK(MEDES_WIRE_TOKENS - 1, 0);
	session->state = ADMITTED;
	spin_unlock(&lock);

	admit->node = cpu_to_le64(medes_cluster.node_id);
	admit->lease_ms = cpu_to_le32(READ_ONCE(medes_limits.lease_ms));
	admit->tokens = cpu_to_le32(MEDES_WIRE_TOKENS);
	strscpy(admit->name, medes_cluster.node);
	memcpy(admit->token, session->token, sizeof(admit->token));
	return MEDES_WIRE_OK;
}

static enum medes_wire_status lease(struct session *session,
				    const struct medes_wire_lease *lease,
				    struct medes_wire_grant *grant)
{
	struct medes_conn *conn = NULL;

	for (unsigned int i = 0; i < MEDES_WIRE_TOKENS && !conn; i++)
		conn = READ_ONCE(session->data[i]);
	if (!conn)
		return MEDES_WIRE_BUSY;
	return medes_export_lease(conn, session->node_id, session->name,
				  le64_to_cpu(lease->base),
				  le64_to_cpu(lease->generation), grant);
}

/* The answer to a request; false when there is none to such a thing. */
static bool answer(struct session *session, struct medes_wire_message *reply)
{
	const struct medes_wire_message *request = &session->request;
	u16 type = le16_to_cpu(request->type);
	enum medes_wire_status status = MEDES_WIRE_OK;
	bool admitted = session->state == ADMITTED;

	if (admitted ? type == MEDES_WIRE_PROVE : type != MEDES_WIRE_PROVE)
		return false;
	switch (type) {
	case MEDES_WIRE_PROVE:
		status = admit(session, &request->prove, &reply->admit);
		break;
	case MEDES_WIRE_LEASE:
		status = lease(session, &request->lease, &reply->grant);
		break;
	case MEDES_WIRE_RELEASE:
		medes_export_release(session->node_id,
				     le64_to_cpu(request->lease.base),
				     le64_to_cpu(request->lease.generation));
		break;
	case MEDES_WIRE_PING:
		break;
	default:
		return false;
	}
	reply->type = cpu_to_le16(type + 1);
	reply->status = cpu_to_le16(status);
	reply->sequence = request->sequence;
	return true;
}

static void serve(struct session *session)
{
	struct medes_wire_message reply = {};
	bool answered;

	if (!READ_ONCE(session->asking))
		return;
	answered = answer(session, &reply);
	spin_lock(&lock);
	session->asking = false;
	spin_unlock(&lock);
	if (!answered) {
		refuse_count(MEDES_WIRE_MALFORMED);
		bury(session);
		return;
	}
	if (medes_conn_send(session->control, &reply))
		WRITE_ONCE(session->lost, true);
	memzero_explicit(&reply, sizeof(reply));
	if (session->state == ASKED) {
		refuse_count(MEDES_WIRE_BAD_KEY);
		bury(session);
	}
}

static void session_work(struct work_struct *work)
{
	struct session *session = container_of(work, struct session, work);

	if (session->state != DEAD && !READ_ONCE(session->lost))
		serve(session);
	if (READ_ONCE(session->lost))
		bury(session);
	session_put(session);
}

static bool is_late(const struct session *session)
{
	unsigned int ms = session->state == ASKED ?
			  PROVE_MS : READ_ONCE(medes_limits.lease_ms);

	return time_after(jiffies, session->heard + msecs_to_jiffies(ms));
}

static void reap(struct work_struct *work)
{
	struct session *session;

	spin_lock(&lock);
	list_for_each_entry(session, &sessions, node) {
		if (!is_late(session))
			continue;
		WRITE_ONCE(session->lost, true);
		wake(session);
	}
	spin_unlock(&lock);
	queue_delayed_work(queue, &reaper, REAP_EVERY);
}

static int reject(struct rdma_cm_id *id, enum medes_wire_status status)
{
	struct medes_wire_refusal refusal = {
		.magic = cpu_to_le32(MEDES_WIRE_MAGIC),
		.version = cpu_to_le16(MEDES_WIRE_VERSION),
		.status = cpu_to_le16(status),
	};

	refuse_count(status);
	rdma_reject(id, &refusal, sizeof(refusal), IB_CM_REJ_CONSUMER_DEFINED);
	return -ECONNREFUSED;
}

static struct session *session_new(const struct medes_wire_hello *hello)
{
	struct session *session = kzalloc_obj(*session), *other;
	unsigned int unproven = 0;

	if (!session)
		return NULL;
	kref_init(&session->ref);
	session->heard = jiffies;
	INIT_WORK(&session->work, session_work);
	memcpy(session->reader, hello->secret, sizeof(session->reader));
	get_random_bytes(session->owner, sizeof(session->owner));
	spin_lock(&lock);
	list_for_each_entry(other, &sessions, node)
		unproven += other->state == ASKED;
	if (unproven < UNPROVEN_MAX) {
		kref_get(&session->ref);
		list_add_tail(&session->node, &sessions);
	}
	spin_unlock(&lock);
	if (unproven < UNPROVEN_MAX)
		return session;
	session_put(session);
	return NULL;
}

static int accept_control(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	struct medes_wire_welcome welcome = {
		.magic = cpu_to_le32(MEDES_WIRE_MAGIC),
		.version = cpu_to_le16(MEDES_WIRE_VERSION),
	};
	struct session *session = session_new(param->private_data);
	struct medes_conn *conn;
	int err = 0;

	if (!session)
		return reject(id, MEDES_WIRE_BUSY);
	memcpy(welcome.nonce, session->owner, sizeof(welcome.nonce));
	medes_cluster_code(MEDES_CLUSTER_OWNER, session->owner,
			   session->reader, welcome.code);
	conn = medes_conn_accept(id, param, MEDES_WIRE_CONTROL, &welcome, &ops,
				 session);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		if (err != -ECONNABORTED)
			reject(id, MEDES_WIRE_BUSY);
		WRITE_ONCE(session->lost, true);
		wake(session);
		session_put(session);
		return err;
	}
	spin_lock(&lock);
	/* of one that ended meanwhile, who ended it closes what it knew of */
	if (session->state != DEAD)
		session->control = conn;
	else if (session->control != conn)
		err = -ECONNABORTED;
	spin_unlock(&lock);
	if (err)
		medes_conn_abandon(conn);
	session_put(session);
	return err;
}

/* The session that gave this token, which is void from now on. */
static struct session *redeem(const u8 *secret, unsigned int *token)
{
	struct session *session, *found = NULL;

	spin_lock(&lock);
	list_for_each_entry(session, &sessions, node)
		for (unsigned int i = 0; i < MEDES_WIRE_TOKENS; i++)
			if (session->unused & BIT(i) &&
			    !crypto_memneq(session->token[i], secret,
					   MEDES_WIRE_SECRET)) {
				found = session;
				*token = i;
			}
	if (found) {
		found->unused &= ~BIT(*token);
		kref_get(&found->ref);
	}
	spin_unlock(&lock);
	return found;
}

static int accept_data(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	const struct medes_wire_hello *hello = param->private_data;
	struct session *session;
	struct medes_conn *conn;
	unsigned int token;
	int err = 0;

	session = redeem(hello->secret, &token);
	if (!session)
		return reject(id, MEDES_WIRE_BAD_TOKEN);
	conn = medes_conn_accept(id, param, MEDES_WIRE_DATA, NULL, &ops,
				 session);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		if (err != -ECONNABORTED)
			reject(id, MEDES_WIRE_BUSY);
		session_put(session);
		return err;
	}
	spin_lock(&lock);
	if (session->state == DEAD)
		err = -ECONNABORTED;
	else
		session->data[token] = conn;
	spin_unlock(&lock);
	if (err)
		medes_conn_abandon(conn);
	session_put(session);
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
	queue_delayed_work(queue, &reaper, REAP_EVERY);
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
 * medes_incoming_leave() - a device goes
 * @dev: whose connections end soon after this
 *
 * Context: may sleep.
 */
void medes_incoming_leave(struct medes_device *dev)
{
	struct session *session;

	spin_lock(&lock);
	list_for_each_entry(session, &sessions, node) {
		/* of one that is dead, nobody may look at the connection */
		if (session->state == DEAD ||
		    (session->control && session->control->dev != dev))
			continue;
		WRITE_ONCE(session->lost, true);
		wake(session);
	}
	spin_unlock(&lock);
}

/**
 * medes_incoming_stop() - let nobody read any more
 *
 * Context: may sleep, until all connections have ended.
 */
void medes_incoming_stop(void)
{
	struct session *session;

	if (!listener)
		return;
	rdma_destroy_id(listener);
	WRITE_ONCE(listener, NULL);
	spin_lock(&lock);
	list_for_each_entry(session, &sessions, node) {
		WRITE_ONCE(session->lost, true);
		wake(session);
	}
	spin_unlock(&lock);
	wait_event(gone, list_empty(&sessions));
	cancel_delayed_work_sync(&reaper);
}

/**
 * medes_incoming_init() - prepare for readers
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_incoming_init(void)
{
	queue = alloc_workqueue("medes-owner", WQ_UNBOUND, 0);
	return queue ? 0 : -ENOMEM;
}

/**
 * medes_incoming_exit() - the end of that
 *
 * Context: module exit.
 */
void medes_incoming_exit(void)
{
	medes_incoming_stop();
	destroy_workqueue(queue);
}
