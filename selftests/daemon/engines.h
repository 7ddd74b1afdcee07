/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engines that stand for nodes, on a cluster of real Valkey servers: three primaries, three replicas.
 * What the first one enters, the second one finds, or does without. Every look-up must
 * be answered.
 */
#ifndef TEST_ENGINES_H
#define TEST_ENGINES_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "pages.h"
#include "remote.h"
#include "slots.h"
#include "turns.h"
#include "valkeys.h"

#define PAGES 300
#ifndef TIMEOUT
#define TIMEOUT 1000			/* ms; ASan, and others on the machine */
#endif
#define PASSWORD "not-a-secret"

/* As Documentation/registry.rst has it */
#define ACL "ACL SETUSER medes on >" PASSWORD " resetchannels ~medes:* -@all +ping +asking +cluster|slots +eval +mget +get +set +del +hget +hmget +hgetall +hset +hsetnx +hdel +hincrby"

static struct valkeys servers;
static char cluster[16];		/* one for each test */
static struct medes_base_page pages[PAGES];

struct node {
	struct engine *engine;
	struct engine_base base;
	bool found;			/* the answer has come */
	unsigned int ours, theirs;	/* pages that found a base page here, and there */
	bool reread;
	unsigned int wants;		/* times that a base was missed often enough */
};

#define GENERATION 3
#define THEIR_BASE (1 << 19)		/* of node a; imported: 1 << 20 */
#define IMPORT_AFTER 500		/* pages */

static const struct engine_import their_import = {
	.node = "a", .id = THEIR_BASE, .generation = GENERATION, .import = 2 * THEIR_BASE,
};

static inline void on_reread(void *arg)
{
	struct node *n = arg;

	n->reread = true;
}

static inline void on_want(void *arg)
{
	struct node *n = arg;

	n->wants++;
}

static inline void open_with(struct node *n, const char *name, const char *list, const char *password)
{
	const struct remote_settings settings = {
		.valkey = { .servers = list, .user = "medes", .password = password,
			    .ca = "", .cert = "", .key = "", .name = "", .timeout = TIMEOUT },
		.cluster = cluster, .node = name, .max_pages = 16, .entries = 1 << 16,
		.cache_bytes = 1 << 20, .cache_life = 0, .poll = 60,
		.reread = on_reread, .import_after = IMPORT_AFTER, .want = on_want, .arg = n,
	};
	char error[256];

	*n = (struct node){ 0 };
	n->engine = remote_new(events, &settings, error, sizeof(error));
	if (!n->engine)
		fail_msg("%s", error);
}

/* Whatever node a has is at hand. */
static inline void open_node(struct node *n, const char *name)
{
	open_with(n, name, servers.servers, PASSWORD);
	engine_imports(n->engine, &their_import, 1);
}

static struct remote *of(const struct node *n)
{
	return (struct remote *)n->engine;
}

static inline void on_found(const struct medes_page *p, size_t n, const struct candidates *found, void *arg)
{
	struct node *node = arg;
	size_t i;

	(void)p;
	node->found = true;
	node->ours = 0;
	node->theirs = 0;
	for (i = 0; i < n; i++) {
		if (!found[i].n)
			continue;
		node->ours += !(found[i].v[0].base & 1 << 20);
		node->theirs += !!(found[i].v[0].base & 1 << 20);
		/* whoever has it, it is the page that was looked for */
		assert_int_equal(found[i].v[0].index, i);
	}
}

/* Look all pages up as the node sees them: each shares half of its sketch with a base page. */
static inline void look_up(struct node *n, const char *domain)
{
	struct medes_page like[PAGES];
	uint64_t seed = 77;
	size_t i;

	for (i = 0; i < PAGES; i++)
		like[i] = page_like(&seed, &pages[i], 4, false);
	n->found = false;
	engine_lookup(n->engine, domain, like, PAGES, on_found, n);
	until(n->found);
}

static inline unsigned int theirs(struct node *n)
{
	look_up(n, "d");
	return n->theirs;
}

/* As bases.c does it. */
static inline void enter(struct node *n, uint64_t id)
{
	uint32_t known, next;

	n->base = (struct engine_base){ .id = id, .generation = GENERATION, .domain = "d" };
	engine_share(n->engine, &n->base, true);
	engine_has(n->engine, id, &known, &next);
	assert_int_equal(engine_add(n->engine, &n->base, pages + next, PAGES - next), 0);
	n->reread = false;
}

static inline bool all_entered(struct node *n)
{
	uint32_t known, next;

	if (n->reread)
		enter(n, n->base.id);
	return of(n)->own && of(n)->own->registered && TAILQ_EMPTY(&of(n)->batches) &&
	       engine_has(n->engine, n->base.id, &known, &next) && known == PAGES &&
	       of(n)->own->pages == PAGES;
}

static inline void enter_all(struct node *n)
{
	enter(n, THEIR_BASE);
	until(all_entered(n));
}

static inline long number(const struct node *n, const char *name)
{
	json_t *json = engine_json(n->engine);
	long value = json_integer_value(json_object_get(json, name));

	json_decref(json);
	return value;
}

static inline bool is_state(const struct node *n, const char *name)
{
	json_t *json = engine_json(n->engine);
	bool is = !strcmp(json_string_value(json_object_get(json, "state")), name);

	json_decref(json);
	return is;
}

static inline void on_all(const char *command)
{
	unsigned int i;

	for (i = 0; i < servers.n; i++)
		if (servers.pid[i])
			freeReplyObject(valkeys_command(&servers, i, command));
}

static inline void on_all_primaries(const char *command)
{
	unsigned int i;

	for (i = 0; i < servers.n; i++)
		if (servers.pid[i] && valkeys_said(&servers, i, "role:master", "INFO replication"))
			freeReplyObject(valkeys_command(&servers, i, command));
}

static inline unsigned int keys_left(const char *pattern)
{
	redisReply *reply;
	unsigned int i, n = 0;

	for (i = 0; i < servers.primaries; i++) {
		reply = valkeys_command(&servers, i, "KEYS medes:%s:%s", cluster, pattern);
		n += reply ? reply->elements : 0;
		freeReplyObject(reply);
	}
	return n;
}

static inline int next_cluster(void **state)
{
	static unsigned int n;
	uint64_t seed = 4;
	uint32_t i;

	(void)state;
	snprintf(cluster, sizeof(cluster), "c%u", n++);
	for (i = 0; i < PAGES; i++)
		pages[i] = random_base_page(&seed, i);
	return 0;
}

static inline int start(void **state)
{
	unsigned int i;

	(void)state;
	/* as medesd has it: servers die while they are written to */
	signal(SIGPIPE, SIG_IGN);
	events = event_base_new();
	if (!events || valkeys_start(&servers, 3, 3, NULL))
		return -1;
	for (i = 0; i < servers.n; i++)
		freeReplyObject(valkeys_command(&servers, i, ACL));
	return 0;
}

static inline int stop(void **state)
{
	(void)state;
	valkeys_stop(&servers);
	event_base_free(events);
	return 0;
}

#endif /* TEST_ENGINES_H */
