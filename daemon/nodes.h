/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nodes of the cluster, as this one knows them.
 */
#ifndef MEDESD_NODES_H
#define MEDESD_NODES_H

#include <uthash.h>
#include "daemon.h"
#include "http.h"
#include "medes.h"
#include "offer.h"

#define NODE_ERROR 400

enum node_state {
	NODE_UNKNOWN,			/* not asked yet */
	NODE_UP,
	NODE_AWAY,			/* no answer, or one that makes no sense */
};

struct node {
	UT_hash_handle hh;
	struct nodes *nodes;
	char name[MEDES_NAME_SIZE];	/* the key */
	char address[46];		/* a number, of IPv4 or IPv6 */
	unsigned int port;
	unsigned int rdma_port;
	bool configured;		/* by the file, not by command */

	/* exchange.c: what it said last */
	struct ask *ask;
	enum node_state state;
	char error[NODE_ERROR];		/* of the newest question, empty when it was answered */
	uint64_t heard;			/* us, clock_now() */
	uint64_t asked, failed;
	unsigned int protocol;		/* 0: not told yet */
	char version[24];		/* of what it told; empty: nothing yet */
	bool cordoned, draining;
	struct offer *offers;
	size_t n_offers;

	/* sharing.c: the kernel's view */
	uint32_t peer;			/* 0: not known there */
	uint32_t peer_state;		/* MEDES_PEER_STATE_* */
	uint64_t connects, reads, pages, read_failures;
};

struct nodes {
	struct daemon *daemon;
	struct node *all;
	struct event *tick;		/* exchange.c */
	struct event *round;		/* sharing.c, usable.c */
	bool cordoned;			/* this node */
	bool draining;
	uint64_t version;		/* of what we tell */
	struct offer *offers;		/* our bases */
	size_t n_offers;
	uint32_t peer;			/* this node, as its own kernel's peer; 0: not needed yet */
	struct bases_waiter learned;
	bool learning;
	struct replications *replications;
	struct moving *moving;		/* drain.c: our bases, on their way to other nodes */
	uint64_t imports, leaves, drops, failures;
};

struct nodes *nodes_new(struct daemon *daemon);
void nodes_free(struct nodes *nodes);
bool nodes_on(const struct nodes *nodes);

struct node *nodes_find(struct nodes *nodes, const char *name);
struct node *nodes_of_peer(struct nodes *nodes, uint32_t peer);
struct node *nodes_put(struct nodes *nodes, const char *name, const char *address,
		       unsigned int port, unsigned int rdma_port, bool configured);
void nodes_remove(struct nodes *nodes, struct node *node);
int nodes_save(struct nodes *nodes);
void nodes_cordon(struct nodes *nodes, bool cordoned);
const char *node_state_name(enum node_state state);
json_t *node_json(const struct node *node);

/* exchange.c */
int exchange_start(struct nodes *nodes);
void exchange_soon(struct nodes *nodes);
json_t *exchange_tell(struct nodes *nodes, const char *known);

/* sharing.c, usable.c */
int sharing_import(struct nodes *nodes, struct medes_nl *nl, const struct offer *first,
		   const struct medes_replica *replicas, size_t n, uint64_t *id);
int sharing_start(struct nodes *nodes);
void sharing_soon(struct nodes *nodes);
void sharing_down(struct nodes *nodes);
/* May new records refer to it? */
bool sharing_usable(struct nodes *nodes, const struct medes_base *base);

/* forget.c */
int nodes_forget(struct nodes *nodes, struct node *node, bool force, char *error, size_t size);

#endif /* MEDESD_NODES_H */
