/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry that all nodes of a cluster share, in Valkey. The parts:
 *
 *	remote.c	beginning, end, what is told about it
 *	remote_bases.c	the directory of bases
 *	remote_own.c	bases of ours in it
 *	remote_theirs.c	which bases of others are at hand, wanted, or gone with their node
 *	remote_enter.c	enters pages of our bases
 *	remote_sweep.c	takes out those of bases that were dropped
 *	remote_find.c	looks pages up, with remote_match.c
 */
#ifndef MEDESD_REMOTE_H
#define MEDESD_REMOTE_H

#include <sys/queue.h>
#include <uthash.h>
#include "bucket_cache.h"
#include "engine.h"
#include "entry.h"
#include "random.h"
#include "valkey.h"

struct remote_settings {
	struct valkey_settings valkey;
	const char *cluster;
	const char *node;
	unsigned int max_pages;		/* under one hash */
	uint64_t entries;		/* expected */
	size_t cache_bytes;
	unsigned int cache_life;	/* ms */
	unsigned int poll;		/* ms between two looks at the directory */
	/* bases have to be read again, since the registry has lost them; may be NULL */
	void (*reread)(void *arg);
	unsigned int import_after;	/* pages; 0: whatever the look-ups found */
	/* a base was missed for that many pages; may be NULL */
	void (*want)(void *arg);
	void *arg;
};

/* A base of the directory. */
struct remote_base {
	uint32_t number;
	uint64_t id;
	uint64_t generation;
	char node[MEDES_NAME_SIZE];
	char domain[MEDES_NAME_SIZE];
	uint64_t import;		/* as this node's kernel knows it; 0: not at hand */
	uint64_t wanted;		/* pages for which it was the best, and not at hand */
	UT_hash_handle hh;
};

/* A base of ours that others may use. */
struct own_base {
	uint64_t id;
	uint64_t generation;
	char domain[MEDES_NAME_SIZE];
	uint32_t number;
	bool registered;		/* the directory has it */
	bool due;			/* pages came before it had a number */
	struct valkey_request *registering;
	uint32_t pages, next;		/* handed over, as in registry_has() */
	struct remote *remote;
	UT_hash_handle hh;
};

struct remote_counts {
	unsigned long lookups;		/* pages */
	unsigned long here;		/* of them, answered well enough by our own bases */
	unsigned long hashes;		/* asked for */
	unsigned long cached;		/* of them, in the cache */
	unsigned long hits;		/* of them, that some base page has */
	unsigned long missed;		/* of them, without an answer: late, down, errors */
	unsigned long pages_found;	/* pages that got a base page of another node */
	unsigned long foreign;		/* pages whose best is a base that is not at hand */
	unsigned long entered;		/* entries */
	unsigned long enter_failed;	/* commands */
	unsigned long swept;		/* buckets looked through */
	unsigned long lost;		/* times that the registry had lost our bases */
};

TAILQ_HEAD(batches, batch);
LIST_HEAD(lookups, lookup);

struct remote {
	struct engine engine;
	struct valkey *valkey;
	struct event_base *events;
	char cluster[ENTRY_CLUSTER];
	char node[MEDES_NAME_SIZE];
	unsigned int max_pages;
	struct geometry wanted, geometry;	/* geometry.shards 0: not known yet */
	void (*reread)(void *arg);
	unsigned int import_after;
	void (*want)(void *arg);
	void *arg;
	struct bucket_cache *cache;
	struct lookups lookups;
	struct remote_counts counts;
	struct rng rng;

	/* remote_bases.c */
	char directory[ENTRY_KEY];	/* its key */
	struct remote_base *bases;	/* by number */
	struct own_base *own;		/* by id */
	char version[24];		/* of the directory, as it was read; empty: never */
	uint64_t read;			/* when */
	bool kept;			/* we know which bases we have */
	struct valkey_request *asking;
	struct event *tick;

	/* remote_theirs.c */
	struct import *imports;		/* by what they are on their nodes */
	struct forgotten *forgotten;	/* nodes whose bases are still to be taken out */

	/* remote_enter.c */
	struct batches batches;
	struct valkey_request *entering;
	struct event *enter_later;

	/* remote_sweep.c */
	uint32_t *dead;			/* numbers */
	size_t n_dead, sweeping;	/* of them, those that this pass takes out */
	uint64_t sweep_at;		/* bucket, over all shards */
	struct valkey_request *sweep;
};

struct valkey *remote_valkey(struct engine *e);
struct engine *remote_new(struct event_base *events, const struct remote_settings *settings,
			  char *error, size_t size);

/* remote_bases.c */
int remote_bases_init(struct remote *r, unsigned int poll_ms);
void remote_bases_free(struct remote *r);
struct remote_base *remote_base(const struct remote *r, uint32_t number);

/* remote_own.c */
struct own_base *remote_own(struct remote *r, const struct engine_base *base);
struct own_base *remote_own_find(const struct remote *r, uint64_t id);
void remote_disown(struct remote *r, struct own_base *own);
void remote_register(struct remote *r);
void remote_enter_again(struct remote *r, struct own_base *own);
void remote_send_drop(struct remote *r, uint32_t number);
bool remote_is_ours(const struct remote *r, const struct remote_base *b);

/* remote_theirs.c */
void remote_imports(struct engine *e, const struct engine_import *imports, size_t n);
uint64_t remote_import_of(const struct remote *r, const struct remote_base *b);
bool remote_wants(const struct engine *e, const struct engine_import *base);
void remote_want(struct remote *r, struct remote_base *b);
void remote_forget_node(struct engine *e, const char *node);
void remote_forget_go(struct remote *r);
void remote_theirs_free(struct remote *r);

/* remote_enter.c */
int remote_enter_init(struct remote *r);
void remote_enter_free(struct remote *r);
int remote_enter(struct remote *r, struct own_base *own, const struct medes_base_page *pages,
		 size_t n);
void remote_enter_drop(struct remote *r, const struct own_base *own);
void remote_enter_go(struct remote *r);

/* remote_sweep.c */
void remote_sweep_dead(struct remote *r, uint32_t number);
void remote_sweep_go(struct remote *r);
void remote_sweep_free(struct remote *r);

/* remote_find.c */
struct lookup *remote_lookup(struct engine *e, const char *domain, const struct medes_page *pages,
			     size_t n, found_fn fn, void *arg);
void remote_forget(struct lookup *lookup);
void remote_find_free(struct remote *r);

#endif /* MEDESD_REMOTE_H */
