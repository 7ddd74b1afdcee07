/* SPDX-License-Identifier: GPL-2.0 */
/* The cluster that this node belongs to. */
#ifndef MEDES_CLUSTER_H
#define MEDES_CLUSTER_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <uapi/linux/medes.h>
#include "wire.h"

struct netlink_ext_ack;

/**
 * struct medes_cluster - written once, under the lock of cluster.c, before @set
 * @set: the rest may be read
 * @node_id: this load of the module's, drawn at random
 * @port: to listen on
 * @id: of the cluster, from its name
 * @key_len: bytes of @key
 * @key: that all nodes share
 * @name: of the cluster
 * @node: of this node, for people
 * @refused: by enum medes_wire_status
 */
struct medes_cluster {
	bool set;
	u64 node_id;
	u16 port;
	u8 id[MEDES_WIRE_CLUSTER];
	u8 key_len;
	u8 key[MEDES_KEY_MAX];
	char name[MEDES_NAME_MAX + 1];
	char node[MEDES_NAME_MAX + 1];
	atomic64_t refused[MEDES_WIRE_STATUS_MAX];
};

extern struct medes_cluster medes_cluster;

/* Whose code it is: nobody can send ours back to us. */
enum medes_cluster_role {
	MEDES_CLUSTER_OWNER,
	MEDES_CLUSTER_READER,
};

int medes_cluster_set(const char *name, const char *node, const u8 *key,
		      unsigned int key_len, u16 port,
		      struct netlink_ext_ack *extack);
void medes_cluster_code(enum medes_cluster_role role, const u8 *owner,
			const u8 *reader, u8 *code);
void medes_cluster_exit(void);

static inline bool medes_cluster_is_set(void)
{
	/* pairs with the release in medes_cluster_set() */
	return smp_load_acquire(&medes_cluster.set);
}

#endif /* MEDES_CLUSTER_H */
