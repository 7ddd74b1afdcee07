// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Membership by leases in Valkey.
 *
 * One hash has a field per node, "NONCE ABOUT", which the node writes anew several times in a
 * lease; the same command reads all the others. A node is alive as long as its field has changed
 * within a lease, by the reader's own CLOCK_BOOTTIME: a clock that is set, here or at the
 * server, ends no lease. While Valkey does not answer nobody knows, and all stay what they were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <uthash.h>
#include "entry.h"
#include "log.h"
#include "random.h"
#include "roster.h"
#include "valkey.h"

struct member {
	struct roster_node node;	/* first: what roster_find() gives out */
	char field[ROSTER_ABOUT + 16];
	uint64_t since;			/* when the field was seen first */
	bool listed;
	UT_hash_handle hh;
};

struct roster {
	struct valkey *valkey;
	struct event *tick;
	struct valkey_request *request;
	struct rng rng;
	char key[ENTRY_KEY];
	char node[MEDES_NAME_SIZE];
	char about[ROSTER_ABOUT];
	uint64_t lease;			/* us */
	uint64_t asked, answered;
	bool failed;			/* since it was answered */
	void (*changed)(const char *node, bool alive, void *arg);
	void *arg;
	struct member *members;
};

static const char script[] =
	"if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end "
	"return redis.call('HGETALL', KEYS[1])";

static struct member *find(const struct roster *r, const char *name)
{
	struct member *m;

	HASH_FIND_STR(r->members, name, m);
	return m;
}

static void tell(struct roster *r, const struct member *m)
{
	if (r->changed)
		r->changed(m->node.name, m->node.alive, r->arg);
}

static void take(struct roster *r, const char *name, const char *field, uint64_t now)
{
	struct member *m = find(r, name);
	const char *about = strchr(field, ' ');
	bool changed;

	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return;
		snprintf(m->node.name, sizeof(m->node.name), "%s", name);
		/* one that is listed may have died long ago: it must move first */
		snprintf(m->field, sizeof(m->field), "%s", field);
		HASH_ADD_STR(r->members, node.name, m);
	}
	m->listed = true;
	if (!strcmp(m->field, field) && strcmp(name, r->node))
		return;
	about = about ? about + 1 : "";
	changed = !m->node.alive || strcmp(m->node.about, about);
	snprintf(m->field, sizeof(m->field), "%s", field);
	snprintf(m->node.about, sizeof(m->node.about), "%s", about);
	m->node.alive = true;
	m->since = now;
	if (changed)
		tell(r, m);
}

static void remove_member(struct roster *r, struct member *m)
{
	bool was_alive = m->node.alive;

	HASH_DEL(r->members, m);
	m->node.alive = false;
	if (was_alive)
		tell(r, m);
	free(m);
}

/* Who is silent for a lease is gone; who is not listed any more was told to go. */
static void expire(struct roster *r, uint64_t now)
{
	struct member *m, *next;

	HASH_ITER(hh, r->members, m, next) {
		if (!m->listed) {
			remove_member(r, m);
			continue;
		}
		m->listed = false;
		if (!m->node.alive || now - m->since < r->lease)
			continue;
		m->node.alive = false;
		log_warning("node %s is silent", m->node.name);
		tell(r, m);
	}
}

static void on_list(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct roster *r = arg;
	uint64_t now = valkey_now(), pause;
	struct member *m;
	size_t i;

	r->request = NULL;
	if (result != VALKEY_OK || reply->type != REDIS_REPLY_ARRAY) {
		r->failed = true;
		return;
	}
	/* the time without an answer counts for nobody: others may have got none, either */
	pause = r->answered ? r->asked - r->answered : 0;
	if (r->failed || pause > r->lease / 2)
		for (m = r->members; m; m = m->hh.next)
			m->since += pause;
	r->answered = now;
	r->failed = false;
	for (i = 0; i + 1 < reply->elements; i += 2)
		take(r, reply->element[i]->str, reply->element[i + 1]->str, now);
	expire(r, now);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct roster *r = arg;
	char field[ROSTER_ABOUT + 16];

	(void)fd, (void)what;
	if (r->request)
		return;
	r->asked = valkey_now();
	snprintf(field, sizeof(field), "%x %s", rng_below(&r->rng, UINT32_MAX), r->about);
	r->request = valkey_sendf(r->valkey, r->key, on_list, r, "EVAL %s 1 %s %s %s", script,
				  r->key, r->node, field);
}

/**
 * roster_new() - appear in the list, and follow it
 * @events: the event loop
 * @valkey: the cluster of servers; outlives the roster
 * @settings: copied
 *
 * Return: the roster, or NULL for lack of memory.
 */
struct roster *roster_new(struct event_base *events, struct valkey *valkey,
			  const struct roster_settings *settings)
{
	const struct timeval tick = {
		.tv_sec = settings->lease / 4000, .tv_usec = settings->lease / 4 % 1000 * 1000,
	};
	struct roster *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->valkey = valkey;
	r->lease = settings->lease * 1000ULL;
	r->changed = settings->changed;
	r->arg = settings->arg;
	rng_seed_any(&r->rng);
	snprintf(r->key, sizeof(r->key), "medes:%s:{nodes}", settings->cluster);
	snprintf(r->node, sizeof(r->node), "%s", settings->node);
	snprintf(r->about, sizeof(r->about), "%s", settings->about);
	r->tick = event_new(events, -1, EV_PERSIST, on_tick, r);
	if (!r->tick || event_add(r->tick, &tick)) {
		roster_free(r);
		return NULL;
	}
	event_active(r->tick, EV_TIMEOUT, 0);
	return r;
}

const struct roster_node *roster_find(const struct roster *r, const char *node)
{
	const struct member *m = find(r, node);

	return m ? &m->node : NULL;
}

void roster_each(const struct roster *r, void (*fn)(const struct roster_node *node, void *arg),
		 void *arg)
{
	const struct member *m;

	for (m = r->members; m; m = m->hh.next)
		fn(&m->node, arg);
}

/**
 * roster_forget() - take a node that will not come back off the list
 * @r: the roster
 * @node: its name; if it is alive after all it appears again
 */
void roster_forget(struct roster *r, const char *node)
{
	valkey_sendf(r->valkey, r->key, NULL, NULL, "HDEL %s %s", r->key, node);
}

void roster_free(struct roster *r)
{
	struct member *m, *next;

	if (!r)
		return;
	if (r->request)
		valkey_forget(r->request);
	if (r->tick)
		event_free(r->tick);
	HASH_ITER(hh, r->members, m, next) {
		HASH_DEL(r->members, m);
		free(m);
	}
	free(r);
}
