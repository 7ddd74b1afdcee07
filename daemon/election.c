// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Election by a lease in Valkey.
 *
 * The record says "ID EPOCH NONCE". The leader renews it with a new nonce, several times in a
 * lease. Who wants to lead watches it; when it has not changed for a whole lease, by the
 * watcher's own clock, he replaces the very record that he saw, under an epoch one higher than the
 * last. So no clock but CLOCK_BOOTTIME is read, and none is compared with that of
 * another machine; all that is asked of them is that they run at about the same speed.
 *
 * A leader counts from the moment before it sent what was accepted, and stops a tenth of a
 * lease early. That keeps two from leading while Valkey tells the truth. It may not: a failover
 * can lose an acknowledged write. This election is for availability only; what
 * makes a second leader harmless is that nodes check epochs (epoch.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include "entry.h"
#include "election.h"
#include "log.h"
#include "random.h"
#include "valkey.h"

#define RECORD 160

struct election {
	struct valkey *valkey;
	struct event *tick;
	struct valkey_request *request;
	struct rng rng;
	char key[ENTRY_KEY + 8], counter[ENTRY_KEY + 16];
	char id[64];
	uint64_t lease;			/* us */
	uint64_t floor;
	void (*changed)(void *arg);
	void *arg;

	uint64_t sent;			/* when the request in flight was */
	uint64_t until;			/* we lead before this time */
	bool led;			/* at the last look */
	char record[RECORD];		/* as it was seen last */
	uint64_t since;			/* when it was seen first */
	char holder[64];
	uint64_t epoch;
};

/*
 * Ours, and its epoch is not another's: renewed. None, or the one that was watched long enough:
 * replaced. Else it is only told.
 */
static const char script[] =
	"local have = redis.call('GET', KEYS[1]) or '' "
	"local who, epoch = string.match(have, '^(%S+) (%d+) ') "
	"local floor = tonumber(ARGV[3]) "
	"if who == ARGV[1] and tonumber(epoch) > floor and ARGV[5] == epoch then "
	"have = who .. ' ' .. epoch .. ' ' .. ARGV[2] "
	"redis.call('SET', KEYS[1], have) return have end "
	"if have ~= '' and have ~= ARGV[4] and who ~= ARGV[1] then return have end "
	"epoch = redis.call('INCR', KEYS[2]) "
	"if epoch <= floor then epoch = floor + 1 "
	"redis.call('SET', KEYS[2], string.format('%d', epoch)) end "
	"have = ARGV[1] .. ' ' .. string.format('%d', epoch) .. ' ' .. ARGV[2] "
	"redis.call('SET', KEYS[1], have) return have";

static const char resign_script[] =
	"if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1";

/**
 * election_leads() - does this controller lead, now
 * @e: the election
 * @epoch: receives the epoch of its commands
 */
bool election_leads(const struct election *e, uint64_t *epoch)
{
	*epoch = e->epoch;
	return valkey_now() < e->until;
}

/**
 * election_leader() - who led when it was seen last
 * @e: the election
 * @epoch: receives the epoch
 *
 * Return: the name, empty when nobody is known to.
 */
const char *election_leader(const struct election *e, uint64_t *epoch)
{
	*epoch = e->epoch;
	return e->holder;
}

static void look(struct election *e)
{
	bool leads = valkey_now() < e->until;

	if (leads == e->led)
		return;
	e->led = leads;
	if (leads)
		log_notice("this controller leads, epoch %" PRIu64, e->epoch);
	else
		log_warning("this controller does not lead any more");
	if (e->changed)
		e->changed(e->arg);
}

static void take(struct election *e, const char *record)
{
	char holder[64];
	uint64_t epoch;
	bool other;

	if (sscanf(record, "%63s %" SCNu64, holder, &epoch) != 2)
		return;
	if (strcmp(record, e->record)) {
		snprintf(e->record, sizeof(e->record), "%s", record);
		e->since = valkey_now();
	}
	other = strcmp(holder, e->holder) || epoch != e->epoch;
	strcpy(e->holder, holder);
	e->epoch = epoch;
	if (epoch > e->floor && strcmp(holder, e->id))
		e->floor = epoch;
	e->until = strcmp(holder, e->id) ? 0 : e->sent + e->lease - e->lease / 10;
	if (other && !e->until && e->changed)
		e->changed(e->arg);
}

static void on_answer(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct election *e = arg;

	e->request = NULL;
	if (result == VALKEY_OK && reply->type == REDIS_REPLY_STRING)
		take(e, reply->str);
	look(e);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct election *e = arg;
	bool expired = *e->record && valkey_now() - e->since >= e->lease;
	char floor[24], ours[24], nonce[16];

	(void)fd, (void)what;
	look(e);
	if (e->request)
		return;
	snprintf(floor, sizeof(floor), "%" PRIu64, e->floor);
	/* of an earlier life of ours, it is not renewed */
	snprintf(ours, sizeof(ours), "%" PRIu64, strcmp(e->holder, e->id) ? 0 : e->epoch);
	snprintf(nonce, sizeof(nonce), "%x", rng_below(&e->rng, UINT32_MAX));
	e->sent = valkey_now();
	e->request = valkey_sendf(e->valkey, e->key, on_answer, e,
				  "EVAL %s 2 %s %s %s %s %s %s %s", script, e->key, e->counter,
				  e->id, nonce, floor, expired ? e->record : "-", ours);
}

/**
 * election_outbid() - a node obeys another controller of our epoch, or a higher one
 * @e: the election; this controller does not lead until it has a higher epoch
 * @epoch: the node's
 */
void election_outbid(struct election *e, uint64_t epoch)
{
	if (epoch > e->floor)
		e->floor = epoch;
	if (epoch < e->epoch)
		return;
	e->until = 0;
	look(e);
}

/**
 * election_resign() - lead no more, and let another one do so at once
 * @e: the election
 */
void election_resign(struct election *e)
{
	if (e->request)
		valkey_forget(e->request);
	e->request = NULL;
	if (e->until)
		valkey_sendf(e->valkey, e->key, NULL, NULL, "EVAL %s 1 %s %s", resign_script,
			     e->key, e->record);
	valkey_flush(e->valkey);
	event_del(e->tick);
	e->until = 0;
	look(e);
}

/**
 * election_new() - stand for election
 * @events: the event loop
 * @valkey: the cluster of servers; outlives the election
 * @settings: copied
 *
 * Return: the election, or NULL for lack of memory.
 */
struct election *election_new(struct event_base *events, struct valkey *valkey,
			      const struct election_settings *settings)
{
	struct election *e = calloc(1, sizeof(*e));
	const struct timeval tick = {
		.tv_sec = settings->lease / 4000, .tv_usec = settings->lease / 4 % 1000 * 1000,
	};

	if (!e)
		return NULL;
	e->valkey = valkey;
	e->lease = settings->lease * 1000ULL;
	e->floor = settings->floor;
	e->changed = settings->changed;
	e->arg = settings->arg;
	rng_seed_any(&e->rng);
	snprintf(e->id, sizeof(e->id), "%s", settings->id);
	snprintf(e->key, sizeof(e->key), "medes:%s:{lead}", settings->cluster);
	snprintf(e->counter, sizeof(e->counter), "medes:%s:{lead}epoch", settings->cluster);
	e->tick = event_new(events, -1, EV_PERSIST, on_tick, e);
	if (!e->tick || event_add(e->tick, &tick)) {
		election_free(e);
		return NULL;
	}
	event_active(e->tick, EV_TIMEOUT, 0);
	return e;
}

void election_free(struct election *e)
{
	if (!e)
		return;
	if (e->request)
		valkey_forget(e->request);
	if (e->tick)
		event_free(e->tick);
	free(e);
}
