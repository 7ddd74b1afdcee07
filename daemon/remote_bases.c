// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The directory of bases: one hash in Valkey. A field per base, named after its number
 * in hexadecimal, says "ID GENERATION NODE DOMAIN"; a field "dead:NUMBER" is for one that was dropped
 * and whose entries are still to be swept; "version" is drawn anew with each change, and
 * "geometry" is what all nodes lay the buckets out by.
 *
 * Each node reads the directory when its version has changed, and now and then
 * anyway. Bases of ours that it lacks are read from the kernel again and entered anew: that is
 * how the registry fills after it was flushed. Bases of ours that we do not have any more are
 * dropped from it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "random.h"
#include "remote.h"

#define READ_ANYWAY 30000000ULL

struct remote_base *remote_base(const struct remote *r, uint32_t number)
{
	struct remote_base *b;

	HASH_FIND(hh, r->bases, &number, sizeof(number), b);
	return b;
}

static void forget_bases(struct remote *r)
{
	struct remote_base *b, *next;

	HASH_ITER(hh, r->bases, b, next) {
		HASH_DEL(r->bases, b);
		free(b);
	}
}

static void take_base(struct remote *r, uint32_t number, const char *what, struct remote_base *old)
{
	struct remote_base *b = calloc(1, sizeof(*b)), *known;

	if (!b)
		return;
	b->number = number;
	if (sscanf(what, "%" SCNx64 " %" SCNx64 " %63s %63s", &b->id, &b->generation, b->node,
		   b->domain) != 4 || remote_base(r, number)) {
		free(b);
		return;
	}
	HASH_FIND(hh, old, &number, sizeof(number), known);
	b->wanted = known ? known->wanted : 0;
	b->import = remote_import_of(r, b);
	HASH_ADD(hh, r->bases, number, sizeof(b->number), b);
}

static void take_field(struct remote *r, const char *name, const char *value,
		       struct remote_base *old)
{
	if (!strcmp(name, "version"))
		snprintf(r->version, sizeof(r->version), "%s", value);
	else if (!strncmp(name, "dead:", 5))
		remote_sweep_dead(r, strtoul(name + 5, NULL, 16));
	else if (strcmp(name, "geometry"))
		take_base(r, strtoul(name, NULL, 16), value, old);
}

/* What the directory says of our bases, and what we know of them. */
static void compare(struct remote *r)
{
	struct remote_base *b, *next;
	struct own_base *own;
	bool lost = false;

	for (own = r->own; own; own = own->hh.next) {
		if (!own->registered || remote_base(r, own->number))
			continue;
		remote_enter_again(r, own);
		lost = true;
	}
	HASH_ITER(hh, r->bases, b, next)
		if (r->kept && remote_is_ours(r, b) && !remote_own_find(r, b->id))
			remote_send_drop(r, b->number);
	remote_forget_go(r);
	if (!lost)
		return;
	r->counts.lost++;
	log_warning("the cluster's registry has lost this node's bases; they are entered again");
	bucket_cache_clear(r->cache);
}

static void on_all(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct remote_base *old, *b, *next;
	struct remote *r = arg;
	size_t i;

	r->asking = NULL;
	if (result != VALKEY_OK || reply->type != REDIS_REPLY_ARRAY)
		return;
	old = r->bases;
	r->bases = NULL;
	r->n_dead = r->sweeping;
	strcpy(r->version, "none");	/* that there is nothing was read, too */
	for (i = 0; i + 1 < reply->elements; i += 2)
		take_field(r, reply->element[i]->str, reply->element[i + 1]->str, old);
	HASH_ITER(hh, old, b, next) {
		HASH_DEL(old, b);
		free(b);
	}
	r->read = valkey_now();
	compare(r);
	remote_register(r);
	remote_sweep_go(r);
}

static bool good_geometry(const struct geometry *g)
{
	return g->shards && g->shards <= ENTRY_SHARDS_MAX && !(g->shards & (g->shards - 1)) &&
	       g->buckets && g->buckets <= 1U << 24 && !(g->buckets & (g->buckets - 1));
}

static void take_geometry(struct remote *r, const char *text)
{
	struct own_base *own;
	struct geometry g;

	if (sscanf(text, "%u %u", &g.shards, &g.buckets) != 2 || !good_geometry(&g)) {
		log_error("the cluster's registry is laid out as \"%.40s\", which makes no sense", text);
		r->geometry.shards = 0;
		return;
	}
	if (r->geometry.shards == g.shards && r->geometry.buckets == g.buckets)
		return;
	log_info("the cluster's registry has %u shards of %u buckets", g.shards, g.buckets);
	for (own = r->own; own; own = own->hh.next)
		remote_enter_again(r, own);
	r->geometry = g;
	bucket_cache_clear(r->cache);
}

static void on_poll(enum valkey_result result, const redisReply *reply, void *arg)
{
	const redisReply *version, *geometry;
	struct remote *r = arg;
	char text[32];

	r->asking = NULL;
	if (result != VALKEY_OK || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return;
	version = reply->element[0];
	geometry = reply->element[1];
	if (geometry->type == REDIS_REPLY_STRING) {
		take_geometry(r, geometry->str);
	} else {
		snprintf(text, sizeof(text), "%u %u", r->wanted.shards, r->wanted.buckets);
		valkey_sendf(r->valkey, r->directory, NULL, NULL, "HSETNX %s geometry %s",
			     r->directory, text);
	}
	if (!r->version[0] || valkey_now() - r->read > READ_ANYWAY ||
	    strcmp(r->version, version->type == REDIS_REPLY_STRING ? version->str : "none"))
		r->asking = valkey_sendf(r->valkey, r->directory, on_all, r, "HGETALL %s",
					 r->directory);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct remote *r = arg;

	(void)fd, (void)what;
	if (!r->asking)
		r->asking = valkey_sendf(r->valkey, r->directory, on_poll, r,
					 "HMGET %s version geometry", r->directory);
	remote_register(r);
	remote_sweep_go(r);
}

int remote_bases_init(struct remote *r, unsigned int poll_ms)
{
	const struct timeval poll = { .tv_sec = poll_ms / 1000, .tv_usec = poll_ms % 1000 * 1000 };

	snprintf(r->directory, sizeof(r->directory), "medes:%s:{bases}", r->cluster);
	rng_seed_any(&r->rng);
	r->tick = event_new(r->events, -1, EV_PERSIST, on_tick, r);
	if (!r->tick || event_add(r->tick, &poll))
		return -1;
	event_active(r->tick, EV_TIMEOUT, 0);
	return 0;
}

/* The directory keeps our bases: a daemon that starts anew finds them again. */
void remote_bases_free(struct remote *r)
{
	struct own_base *own, *next;

	if (r->tick)
		event_free(r->tick);
	if (r->asking)
		valkey_forget(r->asking);
	forget_bases(r);
	HASH_ITER(hh, r->own, own, next) {
		if (own->registering)
			valkey_forget(own->registering);
		HASH_DEL(r->own, own);
		free(own);
	}
}
