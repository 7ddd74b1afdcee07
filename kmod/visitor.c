// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions of nodes that read our bases.
 *
 * A reader connects a control connection and proves that it knows the cluster's
 * key; that is a session. It gets tokens, each good for one data connection, and
 * asks for leases. From then on it reads without us: no code here runs for a READ.
 *
 * A session ends when any of its connections fails or nothing was heard from the
 * reader for a lease's time. Its leases last as long as they were promised: a
 * reader that comes back has lost nothing.
 *
 * All that a session does is done by its work item, so one thing at a time. Who
 * connects (incoming.c) runs in handlers of the RDMA CM, which wait for nothing.
 */
#include <crypto/utils.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "cluster.h"
#include "export.h"
#include "incoming.h"
#include "limits.h"
#include "visitor.h"

/* Who has not proved anything by then goes, and no more of those at a time. */
#define PROVE_MS 5000
#define UNPROVEN_MAX 64

#define REAP_EVERY HZ

enum state {
	ASKED,		/* connected, nothing proved */
	ADMITTED,
	DEAD,
};

/**
 * struct medes_visitor - a reader
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
struct medes_visitor {
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

static DEFINE_SPINLOCK(lock);	/* visitors; state, tokens and request of each */
static LIST_HEAD(visitors);
static DECLARE_WAIT_QUEUE_HEAD(gone);
static struct workqueue_struct *queue;

static void reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(reaper, reap);

static void visitor_free(struct kref *ref)
{
	kfree_sensitive(container_of(ref, struct medes_visitor, ref));
}

/**
 * medes_visitor_put() - drop a reference
 * @visitor: from medes_visitor_new() or _redeem()
 *
 * Context: any.
 */
void medes_visitor_put(struct medes_visitor *visitor)
{
	kref_put(&visitor->ref, visitor_free);
}

/* Have its work done; that holds it. */
static void wake(struct medes_visitor *visitor)
{
	kref_get(&visitor->ref);
	if (!queue_work(queue, &visitor->work))
		medes_visitor_put(visitor);
}

/**
 * medes_visitor_lose() - have a session end
 * @visitor: held by the caller, or whose connection fails
 *
 * Context: any.
 */
void medes_visitor_lose(struct medes_visitor *visitor)
{
	WRITE_ONCE(visitor->lost, true);
	wake(visitor);
}

static void lost(struct medes_conn *conn)
{
	medes_visitor_lose(conn->owner);
}

/* A reader asks for one thing at a time: who does not wait is no reader. */
static void received(struct medes_conn *conn, const void *data, u32 len)
{
	struct medes_visitor *visitor = conn->owner;
	bool good = medes_wire_check_message(data, len) > 0;

	spin_lock(&lock);
	if (good && !visitor->asking && visitor->state != DEAD) {
		memcpy(&visitor->request, data, sizeof(visitor->request));
		visitor->asking = true;
		visitor->control = conn;
	} else {
		WRITE_ONCE(visitor->lost, true);
	}
	spin_unlock(&lock);
	if (!good)
		medes_incoming_refused(MEDES_WIRE_MALFORMED);
	visitor->heard = jiffies;
	wake(visitor);
}

const struct medes_conn_ops medes_visitor_ops = {
	.received = received,
	.lost = lost,
};

/* Nobody finds it any more, and what it has is closed. */
static void bury(struct medes_visitor *visitor)
{
	spin_lock(&lock);
	if (visitor->state == DEAD) {
		spin_unlock(&lock);
		return;
	}
	visitor->state = DEAD;
	visitor->unused = 0;
	spin_unlock(&lock);

	for (unsigned int i = 0; i < MEDES_WIRE_TOKENS; i++)
		if (visitor->data[i])
			medes_conn_close(visitor->data[i]);
	if (visitor->control)
		medes_conn_close(visitor->control);
	spin_lock(&lock);
	list_del(&visitor->node);
	spin_unlock(&lock);
	medes_visitor_put(visitor);
	wake_up_all(&gone);
}

static enum medes_wire_status admit(struct medes_visitor *visitor,
				    const struct medes_wire_prove *prove,
				    struct medes_wire_admit *admit)
{
	u8 code[MEDES_WIRE_SECRET];

	medes_cluster_code(MEDES_CLUSTER_READER, visitor->owner,
			   visitor->reader, code);
	if (crypto_memneq(code, prove->code, sizeof(code)))
		return MEDES_WIRE_BAD_KEY;
	visitor->node_id = le64_to_cpu(prove->node);
	strscpy(visitor->name, prove->name);
	get_random_bytes(visitor->token, sizeof(visitor->token));
	spin_lock(&lock);
	visitor->unused = GENMASK(MEDES_WIRE_TOKENS - 1, 0);
	visitor->state = ADMITTED;
	spin_unlock(&lock);

	admit->node = cpu_to_le64(medes_cluster.node_id);
	admit->lease_ms = cpu_to_le32(READ_ONCE(medes_limits.lease_ms));
	admit->tokens = cpu_to_le32(MEDES_WIRE_TOKENS);
	strscpy(admit->name, medes_cluster.node);
	memcpy(admit->token, visitor->token, sizeof(admit->token));
	return MEDES_WIRE_OK;
}

static enum medes_wire_status lease(struct medes_visitor *visitor,
				    const struct medes_wire_lease *lease,
				    struct medes_wire_grant *grant)
{
	struct medes_conn *conn = NULL;

	for (unsigned int i = 0; i < MEDES_WIRE_TOKENS && !conn; i++)
		conn = READ_ONCE(visitor->data[i]);
	if (!conn)
		return MEDES_WIRE_BUSY;
	return medes_export_lease(conn, visitor->node_id, visitor->name,
				  le64_to_cpu(lease->base),
				  le64_to_cpu(lease->generation), grant);
}

/* The answer to a request; false when there is none to such a thing. */
static bool answer(struct medes_visitor *visitor, struct medes_wire_message *reply)
{
	const struct medes_wire_message *request = &visitor->request;
	u16 type = le16_to_cpu(request->type);
	enum medes_wire_status status = MEDES_WIRE_OK;
	bool admitted = visitor->state == ADMITTED;

	if (admitted ? type == MEDES_WIRE_PROVE : type != MEDES_WIRE_PROVE)
		return false;
	switch (type) {
	case MEDES_WIRE_PROVE:
		status = admit(visitor, &request->prove, &reply->admit);
		break;
	case MEDES_WIRE_LEASE:
		status = lease(visitor, &request->lease, &reply->grant);
		break;
	case MEDES_WIRE_RELEASE:
		medes_export_release(visitor->node_id,
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

static void serve(struct medes_visitor *visitor)
{
	struct medes_wire_message reply = {};
	bool answered;

	if (!READ_ONCE(visitor->asking))
		return;
	answered = answer(visitor, &reply);
	spin_lock(&lock);
	visitor->asking = false;
	spin_unlock(&lock);
	if (!answered) {
		medes_incoming_refused(MEDES_WIRE_MALFORMED);
		bury(visitor);
		return;
	}
	if (medes_conn_send(visitor->control, &reply))
		WRITE_ONCE(visitor->lost, true);
	memzero_explicit(&reply, sizeof(reply));
	if (visitor->state == ASKED) {
		medes_incoming_refused(MEDES_WIRE_BAD_KEY);
		bury(visitor);
	}
}

static void visitor_work(struct work_struct *work)
{
	struct medes_visitor *visitor = container_of(work, struct medes_visitor, work);

	if (visitor->state != DEAD && !READ_ONCE(visitor->lost))
		serve(visitor);
	if (READ_ONCE(visitor->lost))
		bury(visitor);
	medes_visitor_put(visitor);
}

static bool is_late(const struct medes_visitor *visitor)
{
	unsigned int ms = visitor->state == ASKED ?
			  PROVE_MS : READ_ONCE(medes_limits.lease_ms);

	return time_after(jiffies, visitor->heard + msecs_to_jiffies(ms));
}

static void reap(struct work_struct *work)
{
	struct medes_visitor *visitor;

	spin_lock(&lock);
	list_for_each_entry(visitor, &visitors, node) {
		if (!is_late(visitor))
			continue;
		medes_visitor_lose(visitor);
	}
	spin_unlock(&lock);
	queue_delayed_work(queue, &reaper, REAP_EVERY);
}

/**
 * medes_visitor_new() - somebody asks for a control connection
 * @hello: how
 *
 * Context: handler of the RDMA CM.
 * Return: his session, referenced; NULL without memory, or when too many have
 * proved nothing yet.
 */
struct medes_visitor *medes_visitor_new(const struct medes_wire_hello *hello)
{
	struct medes_visitor *visitor = kzalloc_obj(*visitor), *other;
	unsigned int unproven = 0;

	if (!visitor)
		return NULL;
	kref_init(&visitor->ref);
	visitor->heard = jiffies;
	INIT_WORK(&visitor->work, visitor_work);
	memcpy(visitor->reader, hello->secret, sizeof(visitor->reader));
	get_random_bytes(visitor->owner, sizeof(visitor->owner));
	spin_lock(&lock);
	list_for_each_entry(other, &visitors, node)
		unproven += other->state == ASKED;
	if (unproven < UNPROVEN_MAX) {
		kref_get(&visitor->ref);
		list_add_tail(&visitor->node, &visitors);
	}
	spin_unlock(&lock);
	if (unproven < UNPROVEN_MAX)
		return visitor;
	medes_visitor_put(visitor);
	return NULL;
}

/**
 * medes_visitor_welcome() - what proves to him that we know the key
 * @visitor: his session
 * @welcome: receives it
 *
 * Context: any.
 */
void medes_visitor_welcome(const struct medes_visitor *visitor,
			   struct medes_wire_welcome *welcome)
{
	memcpy(welcome->nonce, visitor->owner, sizeof(welcome->nonce));
	medes_cluster_code(MEDES_CLUSTER_OWNER, visitor->owner,
			   visitor->reader, welcome->code);
}

/**
 * medes_visitor_set_control() - his control connection is there
 * @visitor: his session
 * @conn: accepted
 *
 * Context: handler of the RDMA CM.
 * Return: 0, or -ECONNABORTED when the session has ended and the connection is the
 * caller's to abandon.
 */
int medes_visitor_set_control(struct medes_visitor *visitor,
			      struct medes_conn *conn)
{
	int err = 0;

	spin_lock(&lock);
	/* of one that ended meanwhile, who ended it closes what it knew of */
	if (visitor->state != DEAD)
		visitor->control = conn;
	else if (visitor->control != conn)
		err = -ECONNABORTED;
	spin_unlock(&lock);
	return err;
}

/**
 * medes_visitor_redeem() - the session that gave a token, which is void from now on
 * @secret: the token
 * @token: receives which one it is
 *
 * Context: any.
 * Return: the session, referenced, or NULL when nobody gave it, or it was used.
 */
struct medes_visitor *medes_visitor_redeem(const u8 *secret,
					   unsigned int *token)
{
	struct medes_visitor *visitor, *found = NULL;

	spin_lock(&lock);
	list_for_each_entry(visitor, &visitors, node)
		for (unsigned int i = 0; i < MEDES_WIRE_TOKENS; i++)
			if (visitor->unused & BIT(i) &&
			    !crypto_memneq(visitor->token[i], secret,
					   MEDES_WIRE_SECRET)) {
				found = visitor;
				*token = i;
			}
	if (found) {
		found->unused &= ~BIT(*token);
		kref_get(&found->ref);
	}
	spin_unlock(&lock);
	return found;
}

/**
 * medes_visitor_set_data() - a data connection of his is there
 * @visitor: his session
 * @token: that opened it
 * @conn: accepted
 *
 * Context: handler of the RDMA CM.
 * Return: 0, or -ECONNABORTED as of medes_visitor_set_control().
 */
int medes_visitor_set_data(struct medes_visitor *visitor, unsigned int token,
			   struct medes_conn *conn)
{
	int err = 0;

	spin_lock(&lock);
	if (visitor->state == DEAD)
		err = -ECONNABORTED;
	else
		visitor->data[token] = conn;
	spin_unlock(&lock);
	return err;
}

/**
 * medes_visitors_begin() - there may be readers from now on
 *
 * Context: may sleep.
 */
void medes_visitors_begin(void)
{
	queue_delayed_work(queue, &reaper, REAP_EVERY);
}

/**
 * medes_visitors_leave() - a device goes
 * @dev: whose connections end soon after this
 *
 * Context: may sleep.
 */
void medes_visitors_leave(struct medes_device *dev)
{
	struct medes_visitor *visitor;

	spin_lock(&lock);
	list_for_each_entry(visitor, &visitors, node) {
		/* of one that is dead, nobody may look at the connection */
		if (visitor->state == DEAD ||
		    (visitor->control && visitor->control->dev != dev))
			continue;
		medes_visitor_lose(visitor);
	}
	spin_unlock(&lock);
}

/**
 * medes_visitors_end() - end all sessions; nobody can come any more
 *
 * Context: may sleep, until all connections have ended.
 */
void medes_visitors_end(void)
{
	struct medes_visitor *visitor;

	spin_lock(&lock);
	list_for_each_entry(visitor, &visitors, node)
		medes_visitor_lose(visitor);
	spin_unlock(&lock);
	wait_event(gone, list_empty(&visitors));
	cancel_delayed_work_sync(&reaper);
}

/**
 * medes_visitors_init() - prepare for readers
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int __init medes_visitors_init(void)
{
	queue = alloc_workqueue("medes-owner", WQ_UNBOUND, 0);
	return queue ? 0 : -ENOMEM;
}

/**
 * medes_visitors_exit() - the end of that
 *
 * Context: module exit, after medes_visitors_end().
 */
void medes_visitors_exit(void)
{
	destroy_workqueue(queue);
}
