/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nodes share: the cluster, peers, bases that others read, leases. As ops.h:
 * all block, return 0 or a negative errno, and then say why in nl->error.
 */
#ifndef MEDES_SHARE_H
#define MEDES_SHARE_H

#include <jansson.h>
#include "nl.h"

struct medes_cluster {
	char name[MEDES_NAME_SIZE];	/* empty: in none */
	char node[MEDES_NAME_SIZE];
	uint16_t port;
	uint64_t node_id;
	uint32_t devices;
	bool listening;
	uint64_t refused_version;
	uint64_t refused_cluster;
	uint64_t refused_key;
	uint64_t refused_token;
	uint64_t refused_malformed;
};

struct medes_peer {
	uint32_t id;
	uint8_t address[16];
	size_t address_len;		/* 4 or 16 */
	uint16_t port;
	char name[MEDES_NAME_SIZE];	/* empty: not known yet */
	uint64_t node_id;
	uint32_t state;			/* MEDES_PEER_STATE_* */
	int32_t error;
	uint64_t connects;
	uint64_t reads;
	uint64_t pages;
	uint64_t failures;
	uint64_t read_ns;
	uint64_t batches;
};

struct medes_peers {
	struct medes_peer *v;
	size_t n;
};

struct medes_lease {
	uint64_t base;
	uint64_t node_id;
	uint64_t left_ms;
	char name[MEDES_NAME_SIZE];
};

struct medes_leases {
	struct medes_lease *v;
	size_t n;
};

int medes_cluster_set(struct medes_nl *nl, const char *name, const char *node, const void *key,
		      size_t key_len, uint16_t port);
int medes_cluster_get(struct medes_nl *nl, struct medes_cluster *out);

int medes_peer_new(struct medes_nl *nl, const void *address, size_t len, uint16_t port,
		   struct medes_peer *out);
int medes_peer_del(struct medes_nl *nl, uint32_t id);
int medes_peer_list(struct medes_nl *nl, struct medes_peers *out);
void medes_peers_clear(struct medes_peers *list);

int medes_base_export(struct medes_nl *nl, uint64_t base, uint64_t *generation);
int medes_base_unexport(struct medes_nl *nl, uint64_t base, bool force);
int medes_base_import(struct medes_nl *nl, const char *name, const char *domain,
		      const char *function, const struct medes_replica *replicas, size_t n,
		      uint64_t *id);
int medes_replica_add(struct medes_nl *nl, uint64_t base, const struct medes_replica *replica);
int medes_replica_del(struct medes_nl *nl, uint64_t base, uint32_t peer, bool force);
int medes_copy(struct medes_nl *nl, uint64_t source, uint64_t base, uint32_t *op);

int medes_lease_list(struct medes_nl *nl, struct medes_leases *out);
void medes_leases_clear(struct medes_leases *list);
int medes_lease_del(struct medes_nl *nl, uint64_t node_id);

int medes_parse_peer(struct nlmsghdr *nlh, struct medes_peer *out);

const char *medes_peer_state_name(uint32_t state);
const char *medes_replica_state_name(uint32_t state);

json_t *medes_json_cluster(const struct medes_cluster *cluster);
json_t *medes_json_peer(const struct medes_peer *peer);
json_t *medes_json_lease(const struct medes_lease *lease);

#endif /* MEDES_SHARE_H */
