// SPDX-License-Identifier: GPL-2.0
/*
 * The reader's side of a session: prove each other the key, get tokens, open
 * data connections with them, ask.
 *
 * Who posts READs counts as a user until they have completed. A session that is
 * lost lets nobody post any more, and ends when its last user has gone: its queue
 * pairs have failed by then, so everything that was posted completes at once.
 */
#include <crypto/utils.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "cluster.h"
#include "conn.h"
#include "peer.h"
#include "read.h"
#include "session.h"

/* A base may have to be registered before it is leased. */
#define ASK_MS 20000
#define ALIVE_MS 500

static DECLARE_WAIT_QUEUE_HEAD(idle);	/* who waits for users to go */
static atomic_t serials;

/**
 * medes_session_lose() - it is of no use any more
 * @session: that the caller uses, or whose connection fails
 *
 * Context: any.
 */
void medes_session_lose(struct medes_session *session)
{
	struct medes_peer *peer = session->peer;

	WRITE_ONCE(session->lost, true);
	complete(&session->answered);
	for (unsigned int i = 0; i < session->nr_data; i++)
		wake_up_all(&session->data[i]->room);
	medes_peer_kick(peer);
}

static void lost(struct medes_conn *conn)
{
	medes_session_lose(conn->owner);
}

static void received(struct medes_conn *conn, const void *data, u32 len)
{
	struct medes_session *session = conn->owner;
	const struct medes_wire_message *message = data;

	if (medes_wire_check_message(data, len) < 0) {
		medes_session_lose(session);
		return;
	}
	/* an answer that nobody waits for any more is none */
	if (le32_to_cpu(message->sequence) != READ_ONCE(session->sequence))
		return;
	memcpy(&session->answer, message, sizeof(*message));
	complete(&session->answered);
}

static const struct medes_conn_ops ops = {
	.received = received,
	.lost = lost,
};

/*
 * A node may die after it took the question; nothing tells unless something is
 * posted. A WRITE of no bytes to nowhere is nothing to it but an acknowledgment.
 */
static int await_answer(struct medes_session *session)
{
	for (unsigned int ms = 0; ms < ASK_MS; ms += ALIVE_MS) {
		struct ib_rdma_wr probe = { .wr.opcode = IB_WR_RDMA_WRITE };
		int err;

		if (wait_for_completion_timeout(&session->answered,
						msecs_to_jiffies(ALIVE_MS)))
			return 0;
		err = medes_conn_post(session->control, &probe.wr);
		if (err)
			return err;
	}
	return -ETIMEDOUT;
}

/**
 * medes_session_ask() - ask a node something
 * @session: of the peer
 * @message: the question; receives the answer
 *
 * Context: the peer's work; may sleep, for as long as the node takes.
 * Return: enum medes_wire_status, or a negative errno when there is no answer,
 * and then the session is lost.
 */
int medes_session_ask(struct medes_session *session,
		      struct medes_wire_message *message)
{
	u16 type = le16_to_cpu(message->type);
	int err;

	reinit_completion(&session->answered);
	WRITE_ONCE(session->sequence, session->sequence + 1);
	message->sequence = cpu_to_le32(session->sequence);
	err = READ_ONCE(session->lost) ? -ENOTCONN :
	      medes_conn_send(session->control, message) ?:
	      await_answer(session);
	if (!err && READ_ONCE(session->lost))
		err = -ENOTCONN;
	if (!err && le16_to_cpu(session->answer.type) != type + 1)
		err = -EPROTO;
	if (!err)
		memcpy(message, &session->answer, sizeof(*message));
	memzero_explicit(&session->answer, sizeof(session->answer));
	if (err) {
		medes_session_lose(session);
		return err;
	}
	return le16_to_cpu(message->status);
}

/**
 * medes_session_put() - use it no more
 * @session: from medes_peer_session()
 *
 * Context: any.
 */
void medes_session_put(struct medes_session *session)
{
	/* Nothing of the session may be touched afterwards. */
	if (atomic_dec_and_test(&session->users))
		wake_up_all(&idle);
}

static void hello_init(struct medes_wire_hello *hello,
		       enum medes_wire_kind kind, const u8 *secret)
{
	hello->magic = cpu_to_le32(MEDES_WIRE_MAGIC);
	hello->version = cpu_to_le16(MEDES_WIRE_VERSION);
	hello->kind = cpu_to_le16(kind);
	memcpy(hello->cluster, medes_cluster.id, sizeof(hello->cluster));
	memcpy(hello->secret, secret, sizeof(hello->secret));
}

/* Who knows the key, on either side? */
static int prove(struct medes_session *session, const u8 *nonce,
		 struct medes_wire_message *message, int *refused)
{
	const struct medes_wire_welcome *welcome = &session->control->welcome;
	u8 code[MEDES_WIRE_SECRET];
	int status;

	medes_cluster_code(MEDES_CLUSTER_OWNER, welcome->nonce, nonce, code);
	if (crypto_memneq(code, welcome->code, sizeof(code))) {
		*refused = MEDES_WIRE_BAD_KEY;
		return -ECONNREFUSED;
	}
	message->type = cpu_to_le16(MEDES_WIRE_PROVE);
	medes_cluster_code(MEDES_CLUSTER_READER, welcome->nonce, nonce,
			   message->prove.code);
	message->prove.node = cpu_to_le64(medes_cluster.node_id);
	strscpy(message->prove.name, medes_cluster.node);
	status = medes_session_ask(session, message);
	if (status > 0) {
		*refused = status;
		return -ECONNREFUSED;
	}
	return status;
}

static int open_data(struct medes_session *session,
		     const struct medes_wire_admit *admit, int *refused)
{
	struct medes_peer *peer = session->peer;
	unsigned int n = min3(le32_to_cpu(admit->tokens), num_online_cpus(),
			      (u32)MEDES_WIRE_TOKENS);
	struct medes_wire_hello hello;

	for (unsigned int i = 0; i < n; i++) {
		struct medes_conn *conn;

		hello_init(&hello, MEDES_WIRE_DATA, admit->token[i]);
		conn = medes_conn_open(&peer->address, &hello, &ops, session,
				       &peer->stop, refused);
		memzero_explicit(&hello, sizeof(hello));
		if (IS_ERR(conn))
			return PTR_ERR(conn);
		session->data[i] = conn;
		session->nr_data = i + 1;
	}
	return 0;
}

static int open_all(struct medes_session *session, int *refused)
{
	struct medes_peer *peer = session->peer;
	struct medes_wire_message message = {};
	struct medes_wire_hello hello;
	u8 nonce[MEDES_WIRE_SECRET];
	int err;

	get_random_bytes(nonce, sizeof(nonce));
	hello_init(&hello, MEDES_WIRE_CONTROL, nonce);
	session->control = medes_conn_open(&peer->address, &hello, &ops,
					   session, &peer->stop, refused);
	if (IS_ERR(session->control)) {
		err = PTR_ERR(session->control);
		session->control = NULL;
		return err;
	}
	err = prove(session, nonce, &message, refused);
	if (err)
		return err;
	session->lease_ms = le32_to_cpu(message.admit.lease_ms);
	spin_lock(&peer->lock);
	peer->node_id = le64_to_cpu(message.admit.node);
	strscpy(peer->name, message.admit.name);
	spin_unlock(&peer->lock);
	err = open_data(session, &message.admit, refused);
	memzero_explicit(&message, sizeof(message));
	return err ?: READ_ONCE(session->lost) ? -ENOTCONN : 0;
}

/**
 * medes_session_open() - connect to a node
 * @peer: the node
 * @refused: receives enum medes_wire_status when it says no
 *
 * Context: the peer's work; may sleep for some seconds.
 * Return: the session, which nobody uses, or ERR_PTR().
 */
struct medes_session *medes_session_open(struct medes_peer *peer, int *refused)
{
	struct medes_session *session = kzalloc_obj(*session);
	int err;

	*refused = 0;
	if (!session)
		return ERR_PTR(-ENOMEM);
	session->peer = peer;
	session->serial = atomic_inc_return(&serials);
	init_completion(&session->answered);
	init_llist_head(&session->orphans);
	err = open_all(session, refused);
	if (!err)
		return session;
	medes_session_close(session);
	return ERR_PTR(err);
}

/**
 * medes_session_close() - end a session
 * @session: that nobody can find any more
 *
 * Context: the peer's work; may sleep until its users have gone.
 */
void medes_session_close(struct medes_session *session)
{
	WRITE_ONCE(session->lost, true);
	/* What was posted fails now, and who waits to post gives up. */
	for (unsigned int i = 0; i < session->nr_data; i++) {
		rdma_disconnect(session->data[i]->id);
		wake_up_all(&session->data[i]->room);
	}
	wait_event(idle, !atomic_read(&session->users));
	/* until the last one is quiet, any may tell all others that it is lost */
	for (unsigned int i = 0; i < session->nr_data; i++)
		medes_conn_stop(session->data[i]);
	if (session->control)
		medes_conn_stop(session->control);
	for (unsigned int i = 0; i < session->nr_data; i++)
		medes_conn_free(session->data[i]);
	if (session->control)
		medes_conn_free(session->control);
	medes_read_bury(&session->orphans);
	kfree_sensitive(session);
}
