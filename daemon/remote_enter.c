// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Entering pages of our bases.
 *
 * The pages become entries, sorted by bucket. A command takes some buckets of one shard, and a
 * script adds what is not there yet; so it can be repeated, by us and by a daemon
 * that starts anew. It leaves a hash alone that has enough pages, and a bucket that is full. One command
 * is in flight: entering is rare, and must not slow down those who look up. What fails is
 * repeated a little later, for as long as the base exists.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "remote.h"

#define BUCKETS_PER_COMMAND 64
#define BUCKET_MAX (16 * ENTRY_FILL * ENTRY_SIZE)	/* bytes */
#define WAITING_MAX (32U << 20)		/* entries, over all batches */
#define RETRY_MS 500
#define RETRY_FULL_MS 5000

struct placed {
	uint64_t bucket;		/* shard and bucket */
	struct entry entry;
};

struct batch {
	TAILQ_ENTRY(batch) link;
	const struct own_base *own;
	size_t n, at, sent;		/* sent: how far the command in flight goes */
	struct placed v[];
};

static const char script[] =
	"local max, room = tonumber(ARGV[1]), tonumber(ARGV[2]) "
	"local find, sub, n = string.find, string.sub, 0 "
	"for i, key in ipairs(KEYS) do "
	"local have, new = redis.call('GET', key) or '', ARGV[i + 2] "
	"local before = #have "
	"for at = 1, #new, 12 do "
	"local e, tag, same, from = sub(new, at, at + 11), sub(new, at, at + 3), 0, 1 "
	"while same < max do "
	"local p = find(have, tag, from, true) "
	"if not p then break end "
	"if p % 12 ~= 1 then from = p + 1 "
	"elseif sub(have, p, p + 11) == e then same = max "
	"else same = same + 1 from = p + 12 end end "
	"if same < max and #have < room then have = have .. e n = n + 1 end end "
	"if #have > before then redis.call('SET', key, have) end end "
	"return n";

static void go_later(struct remote *r, unsigned int ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(r->enter_later, &tv);
}

static void batch_free(struct remote *r, struct batch *batch)
{
	TAILQ_REMOVE(&r->batches, batch, link);
	free(batch);
}

static void on_entered(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct remote *r = arg;
	struct batch *batch = TAILQ_FIRST(&r->batches);
	size_t i;

	r->entering = NULL;
	if (result != VALKEY_OK || reply->type != REDIS_REPLY_INTEGER) {
		r->counts.enter_failed++;
		go_later(r, result == VALKEY_ERROR && !strncmp(reply->str, "OOM", 3) ?
			 RETRY_FULL_MS : RETRY_MS);
		return;
	}
	r->counts.entered += reply->integer;
	for (i = batch->at; i < batch->sent; i++)
		bucket_cache_drop(r->cache, batch->v[i].bucket);
	batch->at = batch->sent;
	if (batch->at == batch->n)
		batch_free(r, batch);
	remote_enter_go(r);
}

struct command {
	const char *argv[5 + 2 * BUCKETS_PER_COMMAND];
	size_t len[5 + 2 * BUCKETS_PER_COMMAND];
	char keys[BUCKETS_PER_COMMAND][ENTRY_KEY];
	char number[16], max[16], room[16];
	size_t values;			/* bytes that were packed */
};

/* The buckets of one shard that come next; return how many there are. */
static unsigned int gather(struct remote *r, struct batch *batch, struct command *c,
			   unsigned char *packed)
{
	const struct placed *p = &batch->v[batch->at];
	size_t left = batch->n - batch->at, at = 0, from;
	unsigned int n = 0;
	struct place place;

	while (at < left && n < BUCKETS_PER_COMMAND && p[at].bucket >> 32 == p->bucket >> 32) {
		place = (struct place){ .shard = p[at].bucket >> 32, .bucket = p[at].bucket };
		c->argv[3 + n] = c->keys[n];
		c->len[3 + n] = entry_key(c->keys[n], r->cluster, &place);
		/* where it begins, until the number of keys is known */
		c->len[5 + BUCKETS_PER_COMMAND + n] = c->values;
		for (from = at; at < left && p[at].bucket == p[from].bucket; at++) {
			entry_pack(&p[at].entry, packed + c->values);
			c->values += ENTRY_SIZE;
		}
		n++;
	}
	batch->sent = batch->at + at;
	return n;
}

static void set_text(struct command *c, unsigned int at, const char *text)
{
	c->argv[at] = text;
	c->len[at] = strlen(text);
}

/* Script, number of keys, keys, two numbers, values. */
static int format(struct remote *r, struct batch *batch, struct command *c, char **text,
		  unsigned char *packed)
{
	size_t begins[BUCKETS_PER_COMMAND + 1];
	unsigned int n = gather(r, batch, c, packed), i;

	memcpy(begins, &c->len[5 + BUCKETS_PER_COMMAND], n * sizeof(*begins));
	begins[n] = c->values;
	snprintf(c->number, sizeof(c->number), "%u", n);
	snprintf(c->max, sizeof(c->max), "%u", r->max_pages);
	snprintf(c->room, sizeof(c->room), "%u", BUCKET_MAX);
	set_text(c, 0, "EVAL");
	set_text(c, 1, script);
	set_text(c, 2, c->number);
	set_text(c, 3 + n, c->max);
	set_text(c, 4 + n, c->room);
	for (i = 0; i < n; i++) {
		c->argv[5 + n + i] = (char *)packed + begins[i];
		c->len[5 + n + i] = begins[i + 1] - begins[i];
	}
	return redisFormatCommandArgv(text, 5 + 2 * n, c->argv, c->len);
}

static bool send_next(struct remote *r, struct batch *batch)
{
	unsigned char *packed = malloc((batch->n - batch->at) * ENTRY_SIZE);
	struct valkey_command command = { 0 };
	struct command *c = calloc(1, sizeof(*c));
	int len = -1;

	if (packed && c)
		len = format(r, batch, c, &command.text, packed);
	if (len >= 0) {
		command.key = c->keys[0];
		command.key_len = c->len[3];
		command.len = len;
		r->entering = valkey_send(r->valkey, &command, on_entered, r);
	}
	free(packed);
	free(c);
	return r->entering;
}

/**
 * remote_enter_go() - go on, if there is something to enter and nothing in flight
 * @r: the engine
 */
void remote_enter_go(struct remote *r)
{
	struct batch *batch;

	if (r->entering)
		return;
	TAILQ_FOREACH(batch, &r->batches, link)
		if (batch->own->registered)
			break;
	if (!batch)
		return;
	TAILQ_REMOVE(&r->batches, batch, link);
	TAILQ_INSERT_HEAD(&r->batches, batch, link);
	if (!send_next(r, batch))
		go_later(r, RETRY_MS);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	remote_enter_go(arg);
}

static int by_bucket(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;

	return a->bucket < b->bucket ? -1 : a->bucket > b->bucket;
}

static void place(struct remote *r, struct batch *batch, uint64_t domain, uint64_t hash,
		  uint32_t index)
{
	struct place p = entry_place(&r->geometry, domain, hash);

	batch->v[batch->n++] = (struct placed){
		.bucket = (uint64_t)p.shard << 32 | p.bucket,
		.entry = { .tag = p.tag, .base = batch->own->number, .index = index },
	};
}

static size_t waiting(const struct remote *r)
{
	const struct batch *batch;
	size_t n = 0;

	TAILQ_FOREACH(batch, &r->batches, link)
		n += batch->n - batch->at;
	return n;
}

/**
 * remote_enter() - enter pages of a base
 * @r: the engine; its geometry is known
 * @own: the base, which has a number
 * @pages: the pages, entered already or not
 * @n: how many
 *
 * Return: 0, -ENOMEM, or -ENOBUFS when too much waits already.
 */
int remote_enter(struct remote *r, struct own_base *own, const struct medes_base_page *pages,
		 size_t n)
{
	uint64_t domain = entry_domain(own->domain);
	struct batch *batch;
	unsigned int k;
	size_t i;

	if (!n)
		return 0;
	if (waiting(r) + n * (MEDES_SKETCH + 1) > WAITING_MAX)
		return -ENOBUFS;
	batch = malloc(sizeof(*batch) + n * (MEDES_SKETCH + 1) * sizeof(*batch->v));
	if (!batch)
		return -ENOMEM;
	*batch = (struct batch){ .own = own };
	for (i = 0; i < n; i++) {
		place(r, batch, domain, pages[i].hash, pages[i].index);
		for (k = 0; k < MEDES_SKETCH && pages[i].sketch[k]; k++)
			place(r, batch, domain, pages[i].sketch[k], pages[i].index);
	}
	qsort(batch->v, batch->n, sizeof(*batch->v), by_bucket);
	TAILQ_INSERT_TAIL(&r->batches, batch, link);
	remote_enter_go(r);
	return 0;
}

/**
 * remote_enter_drop() - enter no more of a base
 * @r: the engine
 * @own: the base
 */
void remote_enter_drop(struct remote *r, const struct own_base *own)
{
	struct batch *batch, *next;

	for (batch = TAILQ_FIRST(&r->batches); batch; batch = next) {
		next = TAILQ_NEXT(batch, link);
		if (batch->own != own)
			continue;
		/* the command in flight is the first one's */
		if (r->entering && batch == TAILQ_FIRST(&r->batches)) {
			valkey_forget(r->entering);
			r->entering = NULL;
		}
		batch_free(r, batch);
	}
	remote_enter_go(r);
}

int remote_enter_init(struct remote *r)
{
	TAILQ_INIT(&r->batches);
	r->enter_later = evtimer_new(r->events, on_later, r);
	return r->enter_later ? 0 : -1;
}

void remote_enter_free(struct remote *r)
{
	struct batch *batch;

	if (r->entering)
		valkey_forget(r->entering);
	while ((batch = TAILQ_FIRST(&r->batches)))
		batch_free(r, batch);
	if (r->enter_later)
		event_free(r->enter_later);
}
