// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine of a cluster: what this node's own bases have is in the registry of this
 * process, as for a node that is alone, and in Valkey besides. So a registry that is gone
 * takes away what other nodes have, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "remote.h"

static struct remote *of(struct engine *e)
{
	return (struct remote *)e;
}

static void share(struct engine *e, const struct engine_base *base, bool shared)
{
	struct own_base *own = remote_own_find(of(e), base->id);
	uint32_t known, next;

	if (own && (!shared || own->generation != base->generation)) {
		remote_disown(of(e), own);
		own = NULL;
	}
	if (own || !shared)
		return;
	own = remote_own(of(e), base);
	registry_has(e->local, base->id, &known, &next);
	/* its pages were read before it was shared */
	if (own && known)
		own->due = true;
}

/* Hand on what others may use, as far as it is not there yet. */
static void hand_on(struct remote *r, struct own_base *own, const struct medes_base_page *pages,
		    size_t n)
{
	/* all of it is read again, once it has a number */
	if (own->due || !own->number || !r->geometry.shards) {
		own->due = true;
		return;
	}
	for (; n && pages->index < own->next; n--)
		pages++;
	if (!n)
		return;
	if (remote_enter(r, own, pages, n))
		log_warning("%zu pages of base 0x%llx are not entered into the cluster's registry: too much waits already",
			    n, (unsigned long long)own->id);
	own->pages += n;
	own->next = pages[n - 1].index + 1;
}

static int add(struct engine *e, const struct engine_base *base,
	       const struct medes_base_page *pages, size_t n)
{
	struct own_base *own = remote_own_find(of(e), base->id);
	uint32_t known, next;
	size_t skip = 0;
	int err;

	registry_has(e->local, base->id, &known, &next);
	while (skip < n && pages[skip].index < next)
		skip++;
	err = registry_add(e->local, base->domain, base->id, pages + skip, n - skip);
	if (!err && own)
		hand_on(of(e), own, pages, n);
	return err;
}

static bool has(const struct engine *e, uint64_t base, uint32_t *pages, uint32_t *next)
{
	const struct own_base *own = remote_own_find((const struct remote *)e, base);
	bool known = registry_has(e->local, base, pages, next);

	if (!known || !own || !own->registered || own->pages >= *pages)
		return known;
	*pages = own->pages;
	*next = own->next;
	return true;
}

static void remove_base(struct engine *e, uint64_t base)
{
	struct own_base *own = remote_own_find(of(e), base);

	if (own)
		remote_disown(of(e), own);
	registry_remove(e->local, base);
}

static void keep(struct engine *e, bool (*wanted)(uint64_t base, void *arg), void *arg)
{
	struct own_base *own, *next;

	HASH_ITER(hh, of(e)->own, own, next)
		if (!wanted || !wanted(own->id, arg))
			remote_disown(of(e), own);
	registry_keep(e->local, wanted, arg);
	of(e)->kept = true;
}

static json_t *counts_json(const struct remote_counts *c)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
			 "lookups", (json_int_t)c->lookups,
			 "answered_here", (json_int_t)c->here,
			 "hashes", (json_int_t)c->hashes,
			 "cached", (json_int_t)c->cached,
			 "hits", (json_int_t)c->hits,
			 "unanswered", (json_int_t)c->missed,
			 "pages_found", (json_int_t)c->pages_found,
			 "foreign", (json_int_t)c->foreign,
			 "entered", (json_int_t)c->entered,
			 "enter_failures", (json_int_t)c->enter_failed,
			 "buckets_swept", (json_int_t)c->swept,
			 "lost", (json_int_t)c->lost);
}

static json_t *json(const struct engine *e)
{
	const struct remote *r = (const struct remote *)e;
	struct valkey_stats s;

	valkey_stats(r->valkey, &s);
	return json_pack("{s:s,s:s,s:s?,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}",
			 "engine", e->ops->name,
			 "state", !s.ready ? "down" : s.ready < s.servers || s.open ?
				  "degraded" : "up",
			 "error", *s.error ? s.error : NULL,
			 "servers", (json_int_t)s.servers,
			 "servers_ready", (json_int_t)s.ready,
			 "breaker", s.open ? "open" : "closed",
			 "breakers_open", (json_int_t)s.open,
			 "breakers_opened", (json_int_t)s.opened,
			 "requests", (json_int_t)s.sent,
			 "timeouts", (json_int_t)s.late,
			 "failures", (json_int_t)s.failed,
			 "refused", (json_int_t)s.refused,
			 "redirected", (json_int_t)s.redirected,
			 "cache_bytes", (json_int_t)bucket_cache_bytes(r->cache),
			 "shared_bases", (json_int_t)HASH_COUNT(r->bases),
			 "own_bases", (json_int_t)HASH_COUNT(r->own),
			 "counts", counts_json(&r->counts));
}

static void remote_free(struct engine *e)
{
	struct remote *r = of(e);

	remote_find_free(r);
	remote_sweep_free(r);
	remote_enter_free(r);
	remote_bases_free(r);
	remote_theirs_free(r);
	valkey_free(r->valkey);
	bucket_cache_free(r->cache);
	registry_free(e->local);
	free(r);
}

static const struct engine_ops remote_ops = {
	.name = "valkey",
	.finds_imports = true,
	.share = share,
	.add = add,
	.has = has,
	.remove = remove_base,
	.keep = keep,
	.imports = remote_imports,
	.wants = remote_wants,
	.forget_node = remote_forget_node,
	.lookup = remote_lookup,
	.forget = remote_forget,
	.json = json,
	.free = remote_free,
};

/* Its servers, for what else is kept there. */
struct valkey *remote_valkey(struct engine *e)
{
	return of(e)->valkey;
}

/**
 * remote_new() - the engine of a cluster
 * @events: the event loop
 * @settings: copied, except for their arg
 * @error: receives what is wrong
 * @size: of @error
 *
 * Return: the engine, or NULL when the settings are no good or memory is short. It works
 * as that of a node that is alone as long as Valkey does not answer.
 */
struct engine *remote_new(struct event_base *events, const struct remote_settings *settings,
			  char *error, size_t size)
{
	struct remote *r = calloc(1, sizeof(*r));

	snprintf(error, size, "no memory");
	if (!r)
		return NULL;
	r->engine.ops = &remote_ops;
	r->events = events;
	r->max_pages = settings->max_pages;
	r->wanted = entry_geometry(settings->entries);
	r->reread = settings->reread;
	r->import_after = settings->import_after;
	r->want = settings->want;
	r->arg = settings->arg;
	LIST_INIT(&r->lookups);
	TAILQ_INIT(&r->batches);
	snprintf(r->cluster, sizeof(r->cluster), "%s", settings->cluster);
	snprintf(r->node, sizeof(r->node), "%s", settings->node);
	r->engine.local = registry_new(settings->max_pages);
	r->cache = bucket_cache_new(settings->cache_bytes, settings->cache_life * 1000ULL);
	if (!r->engine.local || !r->cache)
		goto err;
	r->valkey = valkey_new(events, &settings->valkey, error, size);
	if (!r->valkey || remote_enter_init(r) || remote_bases_init(r, settings->poll))
		goto err;
	return &r->engine;

err:
	remote_free(&r->engine);
	return NULL;
}
