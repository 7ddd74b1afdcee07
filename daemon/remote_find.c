// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking pages up in the cluster's registry.
 *
 * First our own bases are asked, and pages that find an equal page there, or one that
 * shares most of the sketch, are done: reading a page of another node costs more than a
 * slightly better base page saves. The hashes of the others, unless their buckets were read
 * lately, are sorted by shard, and go out in one MGET a shard. When all have been answered, or
 * given up, what was found is merged with our own candidates.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "remote_lookup.h"
#include "scan.h"

#define KEYS_MAX 1024			/* in a command */
#define AHEAD 4				/* buckets whose place in the cache is fetched */
#define GOOD_ENOUGH 6			/* hashes of the sketch */

static uint64_t bucket_id(const struct place *place)
{
	return (uint64_t)place->shard << 32 | place->bucket;
}

static void lookup_free(struct lookup *l)
{
	unsigned int i;

	for (i = 0; i < l->n_fetches; i++)
		if (l->fetches[i].request)
			valkey_forget(l->fetches[i].request);
	LIST_REMOVE(l, link);
	free(l->matches);
	free(l->asks);
	free(l->fetches);
	free(l->found);
	free(l);
}

static void finish(struct lookup *l)
{
	remote_merge(l);
	l->fn(l->pages, l->n, l->found, l->arg);
	lookup_free(l);
}

/* They come one by one, in the order in which they were asked for. */
static void on_bucket(size_t at, const char *text, size_t len, void *arg)
{
	struct fetch *fetch = arg;
	struct lookup *l = fetch->lookup;
	const struct ask *ask = &l->asks[fetch->first + at];

	if (at >= fetch->n)
		return;
	fetch->taken++;
	if (at + AHEAD < fetch->n)
		bucket_cache_ahead(l->remote->cache, bucket_id(&ask[AHEAD].place));
	bucket_cache_put(l->remote->cache, bucket_id(&ask->place), l->now, text, len);
	remote_take_bucket(l, ask, (const unsigned char *)text, len);
}

static void on_buckets(enum valkey_result result, const redisReply *reply, void *arg)
{
	struct fetch *fetch = arg;
	struct lookup *l = fetch->lookup;

	(void)result, (void)reply;
	fetch->request = NULL;
	l->remote->counts.missed += fetch->n - fetch->taken;
	if (!--l->waiting)
		finish(l);
}

/* MGET of some buckets, in the protocol's form; hiredis's own way asks twice the time. */
static bool send_fetch(struct lookup *l, struct fetch *fetch)
{
	struct valkey_command command = { 0 };
	const struct ask *ask = &l->asks[fetch->first];
	char key[ENTRY_KEY], first[ENTRY_KEY], *at;
	unsigned int i;
	size_t len;

	command.text = malloc(32 + (size_t)fetch->n * (ENTRY_KEY + 8));
	if (!command.text)
		return false;
	at = command.text + sprintf(command.text, "*%u\r\n$4\r\nMGET\r\n", fetch->n + 1);
	for (i = 0; i < fetch->n; i++) {
		len = entry_key(key, l->remote->cluster, &ask[i].place);
		*at++ = '$';
		if (len > 9)
			*at++ = '0' + len / 10;
		*at++ = '0' + len % 10;
		memcpy(at, "\r\n", 2);
		memcpy(at + 2, key, len);
		memcpy(at + 2 + len, "\r\n", 2);
		at += len + 4;
	}
	command.len = at - command.text;
	command.part = on_bucket;
	command.key = first;
	command.key_len = entry_key(first, l->remote->cluster, &ask->place);
	fetch->lookup = l;
	fetch->request = valkey_send(l->remote->valkey, &command, on_buckets, fetch);
	return fetch->request;
}

/* By shard, each of which has its place counted out: there are few of them, and many asks. */
static bool sort_asks(struct lookup *l)
{
	unsigned int begins[ENTRY_SHARDS_MAX + 1] = { 0 }, i;
	struct ask *sorted = malloc(l->n_asks * sizeof(*sorted));

	if (!sorted)
		return false;
	for (i = 0; i < l->n_asks; i++)
		begins[l->asks[i].place.shard + 1]++;
	for (i = 0; i < ENTRY_SHARDS_MAX; i++)
		begins[i + 1] += begins[i];
	for (i = 0; i < l->n_asks; i++)
		sorted[begins[l->asks[i].place.shard]++] = l->asks[i];
	free(l->asks);
	l->asks = sorted;
	return true;
}

/* A fetch for each shard, several where it is asked for very much. */
static bool send_all(struct lookup *l)
{
	unsigned int i, from;

	l->fetches = calloc(l->remote->geometry.shards + l->n_asks / KEYS_MAX + 1,
			    sizeof(*l->fetches));
	if (!l->fetches || !sort_asks(l))
		return false;
	for (from = 0; from < l->n_asks; from = i) {
		for (i = from; i < l->n_asks && i - from < KEYS_MAX &&
		     l->asks[from].place.shard == l->asks[i].place.shard; i++)
			;
		l->fetches[l->n_fetches] = (struct fetch){ .first = from, .n = i - from };
		if (send_fetch(l, &l->fetches[l->n_fetches]))
			l->waiting++;
		else
			l->remote->counts.missed += i - from;
		l->n_fetches++;
	}
	return l->waiting;
}

static void ask_for(struct lookup *l, unsigned int page, uint64_t domain, uint64_t hash,
		    bool whole)
{
	struct ask ask = {
		.place = entry_place(&l->remote->geometry, domain, hash),
		.page = page, .whole = whole,
	};
	const unsigned char *bytes;
	size_t len;

	l->remote->counts.hashes++;
	if (!bucket_cache_get(l->remote->cache, bucket_id(&ask.place), l->now, &bytes, &len)) {
		l->asks[l->n_asks++] = ask;
		return;
	}
	l->remote->counts.cached++;
	remote_take_bucket(l, &ask, bytes, len);
}

static bool good_enough(const struct candidates *found)
{
	return found->n && (found->v[0].equal || found->v[0].shared >= GOOD_ENOUGH);
}

static void gather(struct lookup *l)
{
	uint64_t domain = entry_domain(l->domain);
	const struct medes_page *page = l->pages;
	unsigned int i, k;

	for (i = 0; i < l->n; i++, page++) {
		if (good_enough(&l->found[i])) {
			l->remote->counts.here++;
			continue;
		}
		ask_for(l, i, domain, page->hash, true);
		for (k = 0; k < MEDES_SKETCH && page->sketch[k]; k++)
			ask_for(l, i, domain, page->sketch[k], false);
	}
}

static struct lookup *lookup_new(struct remote *r, const char *domain,
				 const struct medes_page *pages, size_t n)
{
	struct lookup *l = calloc(1, sizeof(*l) + n * sizeof(*pages));

	if (!l)
		return NULL;
	LIST_INSERT_HEAD(&r->lookups, l, link);
	l->remote = r;
	l->n = n;
	l->now = valkey_now();
	l->asks = malloc((n ? n : 1) * (MEDES_SKETCH + 1) * sizeof(*l->asks));
	l->found = malloc((n ? n : 1) * sizeof(*l->found));
	if (!l->asks || !l->found) {
		lookup_free(l);
		return NULL;
	}
	snprintf(l->domain, sizeof(l->domain), "%s", domain);
	memcpy(l->pages, pages, n * sizeof(*pages));
	return l;
}

struct lookup *remote_lookup(struct engine *e, const char *domain, const struct medes_page *pages,
			     size_t n, found_fn fn, void *arg)
{
	struct remote *r = (struct remote *)e;
	static struct candidates own[SCAN_BATCH];
	struct lookup *l = r->geometry.shards ? lookup_new(r, domain, pages, n) : NULL;

	r->counts.lookups += n;
	/* without the cluster's registry, or memory: what this node has */
	if (!l) {
		registry_lookup(e->local, domain, pages, n, own);
		fn(pages, n, own, arg);
		return NULL;
	}
	l->fn = fn;
	l->arg = arg;
	registry_lookup(e->local, domain, pages, n, l->found);
	gather(l);
	if (l->n_asks && send_all(l))
		return l;
	finish(l);
	return NULL;
}

void remote_forget(struct lookup *lookup)
{
	lookup_free(lookup);
}

void remote_find_free(struct remote *r)
{
	struct lookup *l;

	while ((l = LIST_FIRST(&r->lookups)))
		lookup_free(l);
}
