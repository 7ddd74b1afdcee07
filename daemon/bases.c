// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's bases are the truth, the registry follows.
 *
 * A round compares lists and reads only the pages that the registry does not know.
 * One runs when a module is found and at the start of each job, so whoever
 * made or dropped a base, and whatever event was lost, the next job knows. There
 * is one round at a time; who comes while it runs gets the next one, since the
 * list of the first may be too old for him.
 *
 * A base page's fingerprint comes from the kernel's copy, never from the scan
 * that proposed the page: it may have changed in between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bases.h"
#include "daemon.h"
#include "dump.h"
#include "engine.h"
#include "imports.h"
#include "kernel.h"
#include "log.h"
#include "nodes.h"
#include "ops.h"
#include "parse.h"
#include "share.h"

TAILQ_HEAD(waiters, bases_waiter);

struct bases {
	struct daemon *daemon;
	struct event *timer;		/* begins the next round from the loop */
	bool running;
	struct waiters next;		/* wait for the next round */
	struct waiters now;		/* wait for this one */
	struct medes_bases list;
	size_t at;			/* in the list */
	bool whole;			/* its pages are read from the first on */
	struct dump *dump;
	struct medes_base_page *pages;
	size_t n;
	uint64_t *retired;		/* ids: for no new record */
	size_t n_retired;
	char error[MEDES_NL_ERROR];
};

static void learn_next(struct bases *b);

static void forget_pages(struct bases *b)
{
	free(b->pages);
	b->pages = NULL;
	b->n = 0;
}

static void end_round(struct bases *b)
{
	dump_free(b->dump);
	b->dump = NULL;
	forget_pages(b);
	medes_bases_clear(&b->list);
	b->running = false;
}

static void finish(struct bases *b, int err)
{
	struct bases_waiter *waiter;

	end_round(b);
	while ((waiter = TAILQ_FIRST(&b->now))) {
		bases_unwait(b, waiter);
		waiter->fn(err, b->error, waiter->arg);
	}
	if (!TAILQ_EMPTY(&b->next))
		event_active(b->timer, EV_TIMEOUT, 0);
}

static int on_page(struct nlmsghdr *nlh, void *arg)
{
	struct medes_base_page *pages;
	struct bases *b = arg;
	int err;

	if (!(b->n & (b->n - 1))) {
		pages = realloc(b->pages, (b->n ? 2 * b->n : 1) * sizeof(*pages));
		if (!pages)
			return -ENOMEM;
		b->pages = pages;
	}
	err = medes_parse_base_page(nlh, &b->pages[b->n]);
	if (!err)
		b->n++;
	return err;
}

static void on_again(void *arg)
{
	forget_pages(arg);
}

static struct engine_base as_engine_base(const struct medes_base *base)
{
	return (struct engine_base){
		.id = base->id, .generation = base->generation, .domain = base->domain,
	};
}

/*
 * Pages are added behind those that are there. Should the count not fit after
 * that, because a hole among them was filled meanwhile, all are read again.
 */
static void enter(struct bases *b, const struct medes_base *base)
{
	const struct engine_base what = as_engine_base(base);
	struct engine *engine = b->daemon->engine;
	uint32_t pages, next;

	if (engine_add(engine, &what, b->pages, b->n))
		log_error("no memory to enter base %s into the registry", base->name);
	else
		log_debug("base %s: %zu pages entered into the registry", base->name, b->n);
	if (base->n_replicas)
		registry_mark_remote(b->daemon->registry, base->id);
	engine_has(engine, base->id, &pages, &next);
	if (pages < base->pages && !b->whole) {
		engine_remove(engine, base->id);
		b->whole = true;
		return;
	}
	b->at++;
	b->whole = false;
}

static void on_done(int err, const char *error, void *arg)
{
	struct bases *b = arg;
	const struct medes_base *base = &b->list.v[b->at];

	/*
	 * Dropped since the list was read, or on a node that is away: on to the next one.
	 * The next round tries again.
	 */
	if (err && err != -ENOENT && err != -EHOSTUNREACH) {
		snprintf(b->error, sizeof(b->error), "%s", error);
		finish(b, err);
		return;
	}
	dump_free(b->dump);
	b->dump = NULL;
	if (err)
		b->at++;
	else
		enter(b, base);
	forget_pages(b);
	learn_next(b);
}

/* What a dump of base pages is asked for by. */
struct from {
	uint64_t base;
	uint32_t index;
};

static struct nl_msg *make_request(struct medes_nl *nl, const void *what)
{
	const struct from *from = what;

	return medes_base_page_message(nl, from->base, from->index);
}

static bool is_retired(const struct bases *b, uint64_t base)
{
	size_t i;

	for (i = 0; i < b->n_retired && b->retired[i] != base; i++)
		;
	return i < b->n_retired;
}

/* For new records, that is. */
static bool is_usable(const struct bases *b, const struct medes_base *base)
{
	return !is_retired(b, base->id) && sharing_usable(b->daemon->nodes, base);
}

/* What is exported, others may use. */
static void share(struct bases *b, const struct medes_base *base)
{
	const struct engine_base what = as_engine_base(base);

	engine_share(b->daemon->engine, &what,
		     base->generation && !base->n_replicas && !is_retired(b, base->id));
}

/**
 * bases_exported() - other nodes may use a base from now on
 * @b: the bases
 * @base: it, with its generation
 *
 * Else the engine would hear of that when a round begins, for whatever reason, and that may be never.
 */
void bases_exported(struct bases *b, const struct medes_base *base)
{
	share(b, base);
}

/* Read the pages of the next base that has some we do not know. */
static void learn_next(struct bases *b)
{
	static const struct dump_handlers handlers = {
		.message = on_page, .again = on_again, .done = on_done,
	};
	uint32_t pages, next;
	struct from from;

	for (; b->at < b->list.n; b->at++) {
		share(b, &b->list.v[b->at]);
		from.base = b->list.v[b->at].id;
		if (!is_usable(b, &b->list.v[b->at]) ||
		    imports_found(b->daemon, &b->list.v[b->at]) ||
		    (engine_has(b->daemon->engine, from.base, &pages, &next) &&
		     pages >= b->list.v[b->at].pages))
			continue;
		from.index = next;
		b->dump = dump_start(b->daemon->events, make_request, &from, &handlers, b);
		if (b->dump)
			return;
		strcpy(b->error, "no memory to read a base's pages");
		finish(b, -ENOMEM);
		return;
	}
	finish(b, 0);
}

static bool listed(uint64_t base, void *arg)
{
	const struct bases *b = arg;
	size_t i;

	for (i = 0; i < b->list.n; i++)
		if (b->list.v[i].id == base)
			return is_usable(b, &b->list.v[i]);
	return false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct bases *b = arg;
	struct medes_nl *nl = kernel_nl(b->daemon->kernel);
	struct bases_waiter *waiter;
	int err;

	(void)fd;
	(void)what;
	if (b->running || TAILQ_EMPTY(&b->next))
		return;
	b->running = true;
	b->at = 0;
	b->whole = false;
	b->error[0] = '\0';
	TAILQ_FOREACH(waiter, &b->next, link)
		waiter->round = BASES_NOW;
	TAILQ_CONCAT(&b->now, &b->next, link);
	err = nl ? medes_base_list(nl, &b->list) : -ENODEV;
	if (err) {
		strcpy(b->error, nl ? nl->error : "the kernel module is not loaded");
		finish(b, err);
		return;
	}
	engine_keep(b->daemon->engine, listed, b);
	imports_tell(b->daemon, &b->list);
	learn_next(b);
}

struct bases *bases_new(struct daemon *daemon)
{
	struct bases *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->daemon = daemon;
	TAILQ_INIT(&b->next);
	TAILQ_INIT(&b->now);
	b->timer = evtimer_new(daemon->events, on_timer, b);
	if (b->timer)
		return b;
	free(b);
	return NULL;
}

/**
 * bases_sync() - have the registry know every base that there is now
 * @b: the bases
 * @waiter: its fn is called once, from the loop, unless bases_unwait() comes first;
 *	one that waits already is called once, after this
 */
void bases_sync(struct bases *b, struct bases_waiter *waiter)
{
	if (waiter->round == BASES_NEXT)
		return;
	bases_unwait(b, waiter);
	waiter->round = BASES_NEXT;
	TAILQ_INSERT_TAIL(&b->next, waiter, link);
	event_active(b->timer, EV_TIMEOUT, 0);
}

/**
 * bases_unwait() - wait no more
 * @b: the bases
 * @waiter: waiting or not
 */
void bases_unwait(struct bases *b, struct bases_waiter *waiter)
{
	if (waiter->round == BASES_NOW)
		TAILQ_REMOVE(&b->now, waiter, link);
	else if (waiter->round == BASES_NEXT)
		TAILQ_REMOVE(&b->next, waiter, link);
	waiter->round = BASES_IDLE;
}

static int add_retired(struct bases *b, uint64_t base)
{
	uint64_t *ids = realloc(b->retired, (b->n_retired + 1) * sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	b->retired = ids;
	ids[b->n_retired++] = base;
	return 0;
}

/**
 * bases_retire() - use a base for no new record
 * @b: the bases
 * @base: its id; it is dropped if nothing refers to it
 */
void bases_retire(struct bases *b, uint64_t base)
{
	struct medes_nl *nl = kernel_nl(b->daemon->kernel);

	if (!is_retired(b, base) && add_retired(b, base))
		return;
	engine_remove(b->daemon->engine, base);
	/* refused as long as another node or a record needs it: asked again later */
	if (nl)
		medes_base_unexport(nl, base, false);
	if (nl && !medes_base_del(nl, base))
		log_info("base 0x%llx dropped", (unsigned long long)base);
}

bool bases_retired(const struct bases *b, uint64_t base)
{
	return is_retired(b, base);
}

/**
 * bases_down() - the module has gone, and its bases with it
 * @b: the bases; whoever waits is told
 */
void bases_down(struct bases *b)
{
	engine_keep(b->daemon->engine, NULL, NULL);
	b->n_retired = 0;
	if (!b->running)
		return;
	strcpy(b->error, "the kernel module was unloaded");
	finish(b, -ENODEV);
}

void bases_free(struct bases *b)
{
	if (!b)
		return;
	end_round(b);
	event_free(b->timer);
	free(b->retired);
	free(b);
}
