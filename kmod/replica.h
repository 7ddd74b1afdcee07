/* SPDX-License-Identifier: GPL-2.0 */
/* Replicas: the nodes that have the pages of an imported base. */
#ifndef MEDES_REPLICA_H
#define MEDES_REPLICA_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <uapi/linux/medes.h>
#include "remote.h"

/**
 * struct medes_replica - a node that has the pages
 * @ref: one of the imported base, one of who leases it
 * @peer: the node, held
 * @base: its id there
 * @generation: of it
 * @bit: stands for it in a set of replicas; no other of the base has it
 * @listed: it is one of the base's; under the imported base's lock
 * @state: likewise
 * @serial: of the session in which @key is valid; likewise
 * @key: of each extent; likewise
 */
struct medes_replica {
	struct kref ref;
	struct medes_peer *peer;
	u64 base;
	u64 generation;
	unsigned int bit;
	bool listed;
	enum medes_replica_state state;
	u32 serial;
	struct medes_read_from *key;
};

/**
 * struct medes_remote - where the pages of a base are
 * @node: in the list of all
 * @base: that has them; NULL until it is made
 * @lock: protects @nr, @replica, @made, and what changes of each replica
 * @nr: of @replica
 * @replica: the nodes
 * @made: replicas that there ever were
 * @next: replica to begin with
 * @tables: one table at a time becomes, or is compared with, the base's extents
 * @extents: of the table; 0 until the first was read; under @tables
 * @reach: who can give its pages, when survey.c looked last; its own
 */
struct medes_remote {
	struct list_head node;
	struct medes_base *base;
	spinlock_t lock;	/* nr, replica, made; state, serial, key of each */
	unsigned int nr;
	struct medes_replica *replica[MEDES_REPLICAS_MAX];
	unsigned int made;
	atomic_t next;
	struct mutex tables;	/* extents */
	u32 extents;
	enum medes_reach reach;
};

struct medes_replica *medes_replica_new(const struct medes_replica_info *info,
					struct netlink_ext_ack *extack);
void medes_replica_put(struct medes_replica *replica);
struct medes_replica *medes_replica_of(struct medes_remote *remote,
				       struct medes_peer *peer);
bool medes_replica_enter(struct medes_remote *remote,
			 struct medes_replica *replica,
			 enum medes_replica_state state);

struct medes_remote *medes_remote_next(struct medes_remote *remote);

#endif /* MEDES_REPLICA_H */
