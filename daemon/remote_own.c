// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bases of ours that other nodes may use, and their names in the directory.
 *
 * Numbers are drawn at random, and never used again: an entry that outlives its base, or a
 * write that a failover lost, can then name no base, but hardly ever a wrong one. And a wrong
 * one would be a poor hint: the domain is checked against the directory, and the pages by the
 * kernel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "remote.h"

static const char register_script[] =
	"if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 "
	"and redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end "
	"redis.call('HSET', KEYS[1], 'version', ARGV[3]) return 1";

static const char drop_script[] =
	"if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then "
	"redis.call('HSET', KEYS[1], 'dead:' .. ARGV[1], 1) "
	"redis.call('HSET', KEYS[1], 'version', ARGV[2]) end return 1";

bool remote_is_ours(const struct remote *r, const struct remote_base *b)
{
	return !strcmp(b->node, r->node);
}

struct own_base *remote_own_find(const struct remote *r, uint64_t id)
{
	struct own_base *own;

	HASH_FIND(hh, r->own, &id, sizeof(id), own);
	return own;
}

void remote_send_drop(struct remote *r, uint32_t number)
{
	valkey_sendf(r->valkey, r->directory, NULL, NULL, "EVAL %s 1 %s %x %x", drop_script,
		     r->directory, number, rng_below(&r->rng, UINT32_MAX));
}

static void on_registered(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct own_base *own = arg;

	own->registering = NULL;
	if (result != VALKEY_OK)
		return;
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
		own->registered = true;
		/* read it again soon, lest it be lost before it was seen there */
		strcpy(own->remote->version, "changed");
		remote_enter_go(own->remote);
		if (!own->due)
			return;
		own->due = false;
		if (own->remote->reread)
			own->remote->reread(own->remote->arg);
	} else {
		own->number = 0;	/* taken: another one the next time */
	}
}

/* The number that an earlier daemon of this node gave the base, or a new one. */
static uint32_t number_of(struct remote *r, const struct own_base *own)
{
	const struct remote_base *b;
	uint32_t number = 0;

	for (b = r->bases; b; b = b->hh.next)
		if (b->id == own->id && b->generation == own->generation && remote_is_ours(r, b))
			return b->number;
	while (!number || remote_base(r, number))
		number = rng_below(&r->rng, UINT32_MAX);
	return number;
}

/* Once the directory was read, so that a number may be found again, and can be used. */
void remote_register(struct remote *r)
{
	char what[2 * MEDES_NAME_SIZE + 48];
	struct own_base *own;

	if (!r->version[0] || !r->geometry.shards)
		return;
	for (own = r->own; own; own = own->hh.next) {
		if (own->registered || own->registering)
			continue;
		if (!own->number)
			own->number = number_of(r, own);
		snprintf(what, sizeof(what), "%" PRIx64 " %" PRIx64 " %s %s", own->id,
			 own->generation, r->node, own->domain);
		own->registering = valkey_sendf(r->valkey, r->directory, on_registered, own,
						"EVAL %s 1 %s %x %s %x", register_script,
						r->directory, own->number, what,
						rng_below(&r->rng, UINT32_MAX));
	}
}

/* Nothing of it is there any more. */
void remote_enter_again(struct remote *r, struct own_base *own)
{
	own->registered = false;
	own->pages = 0;
	own->next = 0;
	own->due = true;
	remote_enter_drop(r, own);
}

/**
 * remote_own() - a base of ours that others may use from now on
 * @r: the engine
 * @base: the base, not known yet
 *
 * Return: it, or NULL for lack of memory.
 */
struct own_base *remote_own(struct remote *r, const struct engine_base *base)
{
	struct own_base *own = calloc(1, sizeof(*own));

	if (!own)
		return NULL;
	own->remote = r;
	own->id = base->id;
	own->generation = base->generation;
	snprintf(own->domain, sizeof(own->domain), "%s", base->domain);
	HASH_ADD(hh, r->own, id, sizeof(own->id), own);
	remote_register(r);
	return own;
}

/**
 * remote_disown() - a base of ours is no more, or nobody may use it any more
 * @r: the engine
 * @own: the base
 */
void remote_disown(struct remote *r, struct own_base *own)
{
	struct remote_base *b = remote_base(r, own->number);

	if (own->registering)
		valkey_forget(own->registering);
	if (own->number)
		remote_send_drop(r, own->number);
	if (b) {
		HASH_DEL(r->bases, b);
		free(b);
	}
	remote_enter_drop(r, own);
	HASH_DEL(r->own, own);
	free(own);
}
