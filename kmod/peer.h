/* SPDX-License-Identifier: GPL-2.0 */
/* Nodes whose bases we read. */
#ifndef MEDES_PEER_H
#define MEDES_PEER_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/medes.h>
#include "wire.h"

struct medes_conn;
struct medes_device;
struct netlink_ext_ack;

/**
 * struct medes_session - a connection to a node, in all its parts
 * @peer: of it
 * @serial: never used twice; what was learned in one session is nothing in the next
 * @control: for questions
 * @data: for reading
 * @nr_data: of them
 * @next: data connection to use next
 * @lease_ms: how long a lease is worth
 * @lost: no use any more; never taken back
 * @users: READs under way and who posts them; the session ends when they have
 * @sequence: of the newest question; asked by the peer's work alone
 * @answer: to it
 * @answered: it is there, or the session is lost
 * @orphans: READs that were posted in part
 */
struct medes_session {
	struct medes_peer *peer;
	u32 serial;
	struct medes_conn *control;
	struct medes_conn *data[MEDES_WIRE_TOKENS];
	unsigned int nr_data;
	atomic_t next;
	unsigned int lease_ms;
	bool lost;
	atomic_t users;
	u32 sequence;
	struct medes_wire_message answer;
	struct completion answered;
	struct llist_head orphans;
};

/**
 * struct medes_peer - a node
 * @ref: one of the list, one of each replica on it and of each holder
 * @id: never used twice
 * @address: and port
 * @replicas: imported bases that may be read from it
 * @work: connects, keeps alive, leases; alone touches @backoff and @leased
 * @stop: it is to end
 * @lock: protects what stands behind it, up to @name, and @releases
 * @session: to be had by medes_peer_session()
 * @state: of it
 * @error: newest
 * @since: jiffies when @state was up last, or the peer became known
 * @node_id: as it said
 * @name: likewise
 * @backoff: ms until the next try
 * @leased: jiffies of the newest round of leases
 * @kicked: lease now: there is something new
 * @releases: leases that are to be given back
 * @connects: and the following: counters
 */
struct medes_peer {
	struct kref ref;
	u32 id;
	struct sockaddr_storage address;
	atomic_t replicas;
	struct delayed_work work;
	bool stop;
	spinlock_t lock;	/* all from here to name; releases */
	struct medes_session *session;
	enum medes_peer_state state;
	int error;
	unsigned long since;
	u64 node_id;
	char name[MEDES_WIRE_NAME];
	unsigned int backoff;
	unsigned long leased;
	bool kicked;
	struct list_head releases;
	atomic64_t connects;
	atomic64_t reads;
	atomic64_t pages;
	atomic64_t failures;
	atomic64_t batches;
	atomic64_t read_ns;
};

/* Something of peers or replicas has changed. */
extern struct wait_queue_head medes_peer_changed;

int medes_peer_init(void);
void medes_peer_exit(void);

struct medes_peer *medes_peer_new(const struct sockaddr_storage *address,
				  struct netlink_ext_ack *extack);
int medes_peer_del(u32 id, struct netlink_ext_ack *extack);
struct medes_peer *medes_peer_find(u32 id);
struct medes_peer *medes_peer_next(u32 *id);
void medes_peer_put(struct medes_peer *peer);
void medes_peer_kick(struct medes_peer *peer);
void medes_peer_release(struct medes_peer *peer, u64 base, u64 generation);
bool medes_peer_is_away(struct medes_peer *peer, unsigned int ms);
void medes_peers_hurry(void);
void medes_peers_leave(struct medes_device *dev);

struct medes_session *medes_peer_session(struct medes_peer *peer);
void medes_session_put(struct medes_session *session);
void medes_session_lose(struct medes_session *session);
int medes_session_ask(struct medes_session *session,
		      struct medes_wire_message *message);

#endif /* MEDES_PEER_H */
