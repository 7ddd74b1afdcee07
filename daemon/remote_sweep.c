// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking out the entries of bases that were dropped.
 *
 * Nobody uses them any more as soon as the directory lacks the base; what is left is memory.
 * So this is done slowly: bucket after bucket, a command in flight, and for all bases at
 * once that are dead when a pass begins. A pass ends with their numbers being taken out of
 * the directory; one that is interrupted begins anew. That two nodes may do it at the same time
 * harms nothing; mostly they don't, since a key that lasts for a minute says who does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "remote.h"

#define BUCKETS_PER_COMMAND 128
#define DEAD_PER_PASS 256
#define MINUTE "60000"

/* The word of the node that sweeps comes first, and is renewed by each of its commands. */
static const char claim_script[] =
	"local who = redis.call('GET', KEYS[1]) "
	"if who and who ~= ARGV[1] then return 0 end "
	"redis.call('SET', KEYS[1], ARGV[1], 'PX', " MINUTE ") return 1";

static const char script[] =
	"local dead, sub, n = {}, string.sub, 0 "
	"for at = 1, #ARGV[1], 4 do dead[sub(ARGV[1], at, at + 3)] = true end "
	"for _, key in ipairs(KEYS) do "
	"local have = redis.call('GET', key) "
	"if have then "
	"local left = {} "
	"for at = 1, #have, 12 do "
	"if not dead[sub(have, at + 4, at + 7)] then left[#left + 1] = sub(have, at, at + 11) end end "
	"if #left == 0 then redis.call('DEL', key) "
	"elseif #left * 12 < #have then redis.call('SET', key, table.concat(left)) end end end "
	"return 1";

/**
 * remote_sweep_dead() - the directory says that a base was dropped
 * @r: the engine
 * @number: the base's
 */
void remote_sweep_dead(struct remote *r, uint32_t number)
{
	uint32_t *dead;
	size_t i;

	for (i = 0; i < r->n_dead; i++)
		if (r->dead[i] == number)
			return;
	dead = realloc(r->dead, (r->n_dead + 1) * sizeof(*dead));
	if (!dead)
		return;
	r->dead = dead;
	dead[r->n_dead++] = number;
}

static uint64_t buckets(const struct remote *r)
{
	return (uint64_t)r->geometry.shards * r->geometry.buckets;
}

static void finish(struct remote *r)
{
	size_t i;

	for (i = 0; i < r->sweeping; i++)
		valkey_sendf(r->valkey, r->directory, NULL, NULL, "HDEL %s dead:%x", r->directory,
			     r->dead[i]);
	log_debug("the entries of %zu bases are swept out of the cluster's registry", r->sweeping);
	memmove(r->dead, r->dead + r->sweeping, (r->n_dead - r->sweeping) * sizeof(*r->dead));
	r->n_dead -= r->sweeping;
	r->sweeping = 0;
	r->sweep_at = 0;
}

static void send_next(struct remote *r);

static void on_swept(enum valkey_result result, const redisReply *reply, void *arg)
{
	uint64_t per_shard, step;
	struct remote *r = arg;

	(void)reply;
	r->sweep = NULL;
	if (result != VALKEY_OK)
		return;			/* the next tick tries again */
	per_shard = r->geometry.buckets;
	step = per_shard < BUCKETS_PER_COMMAND ? per_shard : BUCKETS_PER_COMMAND;
	r->sweep_at += step;
	r->counts.swept += step;
	if (r->sweep_at < buckets(r))
		send_next(r);
	else
		finish(r);
}

/* Both counts are powers of two: the buckets of a command are of one shard. */
static void send_next(struct remote *r)
{
	struct valkey_command command = { 0 };
	const char *argv[4 + BUCKETS_PER_COMMAND];
	char keys[BUCKETS_PER_COMMAND][ENTRY_KEY], number[16];
	unsigned char packed[4 * DEAD_PER_PASS];
	size_t len[4 + BUCKETS_PER_COMMAND];
	struct entry entry = { 0 };
	unsigned char whole[ENTRY_SIZE];
	struct place place;
	unsigned int n, i;
	int size;

	place.shard = r->sweep_at / r->geometry.buckets;
	n = r->geometry.buckets < BUCKETS_PER_COMMAND ? r->geometry.buckets : BUCKETS_PER_COMMAND;
	for (i = 0; i < n; i++) {
		place.bucket = r->sweep_at % r->geometry.buckets + i;
		argv[3 + i] = keys[i];
		len[3 + i] = entry_key(keys[i], r->cluster, &place);
	}
	for (i = 0; i < r->sweeping; i++) {
		entry.base = r->dead[i];
		entry_pack(&entry, whole);
		memcpy(packed + 4 * i, whole + 4, 4);
	}
	snprintf(number, sizeof(number), "%u", n);
	argv[0] = "EVAL";
	argv[1] = script;
	argv[2] = number;
	argv[3 + n] = (char *)packed;
	for (i = 0; i < 3; i++)
		len[i] = strlen(argv[i]);
	len[3 + n] = 4 * r->sweeping;
	size = redisFormatCommandArgv(&command.text, 4 + n, argv, len);
	if (size < 0)
		return;
	command.key = keys[0];
	command.key_len = len[3];
	command.len = size;
	r->sweep = valkey_send(r->valkey, &command, on_swept, r);
}

static void on_claimed(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct remote *r = arg;

	r->sweep = NULL;
	if (result == VALKEY_OK && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1)
		send_next(r);
}

/**
 * remote_sweep_go() - begin a pass, or go on, if there is something to do
 * @r: the engine
 */
void remote_sweep_go(struct remote *r)
{
	char key[ENTRY_KEY];

	if (r->sweep || !r->n_dead || !r->geometry.shards)
		return;
	if (!r->sweeping) {
		r->sweeping = r->n_dead < DEAD_PER_PASS ? r->n_dead : DEAD_PER_PASS;
		r->sweep_at = 0;
	}
	snprintf(key, sizeof(key), "medes:%s:{bases}sweep", r->cluster);
	r->sweep = valkey_sendf(r->valkey, key, on_claimed, r, "EVAL %s 1 %s %s", claim_script,
				key, r->node);
}

void remote_sweep_free(struct remote *r)
{
	if (r->sweep)
		valkey_forget(r->sweep);
	free(r->dead);
}
