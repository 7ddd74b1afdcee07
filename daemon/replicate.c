// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying a base of other nodes here, so that it has one replica more:
 *
 *	finding		somebody who has it must be known, and be imported from
 *	waiting		until his kernel has let ours read
 *	copying		all pages, into a base of our own
 *	exporting	the registry learns it, other nodes may read it
 *
 * To ask again for what is under way is to ask how far it is, and for what is there already,
 * is no work: whoever wants a replica asks until it is done. A failure is told once; to
 * ask after that is to begin anew.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "kernel.h"
#include "log.h"
#include "nodes.h"
#include "ops.h"
#include "replicate.h"
#include "share.h"

#define STEP_MS 100
/* for each step but copying, which takes as long as it takes */
#define PATIENCE_US 30000000

enum step { FINDING, WAITING, COPYING, EXPORTING, DONE, FAILED };

struct replication {
	TAILQ_ENTRY(replication) link;
	struct replications *of;
	struct offer what;
	enum step step;
	uint64_t since;			/* us; of the step */
	uint64_t import;
	uint64_t copy;
	uint32_t op;
	uint64_t pages;
	char error[300];
};

struct replications {
	struct daemon *daemon;
	struct event *timer;
	TAILQ_HEAD(, replication) list;
};

static void enter(struct replication *one, enum step step)
{
	one->step = step;
	one->since = clock_now(one->of->daemon->clock);
}

static void fail(struct replication *one, const char *why)
{
	struct medes_nl *nl = kernel_nl(one->of->daemon->kernel);

	snprintf(one->error, sizeof(one->error), "%s", why);
	log_warning("base %s is not copied here: %s", one->what.name, why);
	if (one->copy && nl)
		medes_base_del(nl, one->copy);
	one->copy = 0;
	enter(one, FAILED);
}

static bool is_same(const struct offer *a, const struct offer *b)
{
	return a->digest == b->digest && a->pages == b->pages && !strcmp(a->domain, b->domain);
}

/* Do we offer it ourselves? */
static bool have(const struct nodes *nodes, const struct offer *what)
{
	size_t i;

	for (i = 0; i < nodes->n_offers; i++)
		if (is_same(&nodes->offers[i], what))
			return true;
	return false;
}

/* All who are there and have it. */
static size_t sources(const struct nodes *nodes, const struct offer *what,
		      struct medes_replica replicas[MEDES_REPLICAS_MAX])
{
	const struct node *node;
	size_t i, n = 0;

	for (node = nodes->all; node; node = node->hh.next)
		for (i = 0; node->peer && i < node->n_offers && n < MEDES_REPLICAS_MAX; i++)
			if (is_same(&node->offers[i], what))
				replicas[n++] = (struct medes_replica){
					.peer = node->peer, .base = node->offers[i].base,
					.generation = node->offers[i].generation,
				};
	return n;
}

static bool reads(const struct medes_base *base, const struct medes_replica *replicas, size_t n)
{
	size_t i, k;

	for (i = 0; i < base->n_replicas; i++)
		for (k = 0; k < n; k++)
			if (base->replicas[i].peer == replicas[k].peer &&
			    base->replicas[i].base == replicas[k].base &&
			    base->replicas[i].generation == replicas[k].generation)
				return true;
	return false;
}

static void find(struct replication *one, struct medes_nl *nl, const struct medes_bases *list)
{
	struct nodes *nodes = one->of->daemon->nodes;
	struct medes_replica replicas[MEDES_REPLICAS_MAX];
	size_t i, n = sources(nodes, &one->what, replicas);

	for (i = 0; n && !one->import && i < list->n; i++)
		if (reads(&list->v[i], replicas, n))
			one->import = list->v[i].id;
	if (n && !one->import &&
	    sharing_import(nodes, nl, &one->what, replicas, n, &one->import)) {
		fail(one, nl->error);
		return;
	}
	if (one->import)
		enter(one, WAITING);
}

static const struct medes_base *base_of(const struct medes_bases *list, uint64_t id)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].id == id)
			return &list->v[i];
	return NULL;
}

static bool is_ready(const struct medes_base *base)
{
	size_t i;

	for (i = 0; i < base->n_replicas; i++)
		if (base->replicas[i].state == MEDES_REPLICA_STATE_READY)
			return base->pages;
	return false;
}

/* A copy is called NAME+copy, and of a copy's copy the same, with a number. */
static int make_copy(struct replication *one, struct medes_nl *nl)
{
	char name[2 * MEDES_NAME_SIZE], root[MEDES_NAME_SIZE];
	struct medes_base made;
	int err = -EEXIST, i;

	snprintf(root, sizeof(root), "%.*s", (int)strcspn(one->what.name, "@+"), one->what.name);
	for (i = 1; i <= 9 && err == -EEXIST; i++) {
		if (i == 1)
			snprintf(name, sizeof(name), "%.50s+copy", root);
		else
			snprintf(name, sizeof(name), "%.50s+copy.%d", root, i);
		err = medes_base_new(nl, name, one->what.domain,
				     *one->what.function ? one->what.function : NULL, &made);
	}
	if (!err)
		one->copy = made.id;
	return err;
}

static void copy(struct replication *one, struct medes_nl *nl, const struct medes_bases *list)
{
	const struct medes_base *base = base_of(list, one->import);

	if (!base)
		fail(one, "the imported base was dropped");
	else if (is_ready(base) && (make_copy(one, nl) ||
				    medes_copy(nl, one->import, one->copy, &one->op)))
		fail(one, nl->error);
	else if (one->op)
		enter(one, COPYING);
}

static void follow(struct replication *one, struct medes_nl *nl)
{
	struct medes_op op;

	if (medes_op_get(nl, one->op, &op)) {
		fail(one, nl->error);
		return;
	}
	one->pages = op.done;
	if (!medes_op_ended(&op))
		return;
	if (op.state != MEDES_OP_STATE_DONE || op.stored < one->what.pages) {
		fail(one, op.error ? strerror(-op.error) : "the copy was cancelled");
		return;
	}
	enter(one, EXPORTING);
	sharing_soon(one->of->daemon->nodes);
}

static void step(struct replication *one, struct medes_nl *nl, const struct medes_bases *list)
{
	static const char *const late[] = {
		[FINDING] = "no node that has it is known here, or reachable",
		[WAITING] = "no node that has it lets this one read it",
		[EXPORTING] = "it was copied, but is not exported (Share=no?)",
	};

	if (one->step == FINDING)
		find(one, nl, list);
	else if (one->step == WAITING)
		copy(one, nl, list);
	else if (one->step == COPYING)
		follow(one, nl);
	else if (one->step == EXPORTING && have(one->of->daemon->nodes, &one->what))
		enter(one, DONE);
	if (one->step < DONE && late[one->step] &&
	    clock_now(one->of->daemon->clock) - one->since > PATIENCE_US)
		fail(one, late[one->step]);
}

static bool under_way(const struct replications *r)
{
	const struct replication *one;

	TAILQ_FOREACH(one, &r->list, link)
		if (one->step < DONE)
			return true;
	return false;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = { .tv_usec = STEP_MS * 1000 };
	struct replications *r = arg;
	struct medes_nl *nl = kernel_nl(r->daemon->kernel);
	struct medes_bases list = { 0 };
	struct replication *one;

	(void)fd, (void)what;
	if (nl && medes_base_list(nl, &list))
		nl = NULL;
	TAILQ_FOREACH(one, &r->list, link) {
		if (one->step >= DONE)
			continue;
		if (nl)
			step(one, nl, &list);
		else
			fail(one, "the kernel module is not loaded");
	}
	medes_bases_clear(&list);
	if (under_way(r))
		event_add(r->timer, &again);
}

struct replications *replications_new(struct daemon *daemon)
{
	struct replications *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->daemon = daemon;
	TAILQ_INIT(&r->list);
	r->timer = evtimer_new(daemon->events, on_time, r);
	if (r->timer)
		return r;
	free(r);
	return NULL;
}

void replications_free(struct replications *r)
{
	struct replication *one;

	if (!r)
		return;
	while ((one = TAILQ_FIRST(&r->list))) {
		TAILQ_REMOVE(&r->list, one, link);
		free(one);
	}
	event_free(r->timer);
	free(r);
}

struct replication *replication_begin(struct replications *r, const struct offer *what)
{
	const struct timeval now = { 0 };
	struct replication *one;

	TAILQ_FOREACH(one, &r->list, link)
		if (is_same(&one->what, what))
			return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->of = r;
	one->what = *what;
	enter(one, have(r->daemon->nodes, what) ? DONE : FINDING);
	TAILQ_INSERT_TAIL(&r->list, one, link);
	event_add(r->timer, &now);
	return one;
}

/* How far it is; one that has ended is forgotten with that. */
json_t *replication_tell(struct replication *one)
{
	static const char *const names[] = {
		[FINDING] = "finding", [WAITING] = "waiting", [COPYING] = "copying",
		[EXPORTING] = "exporting", [DONE] = "done", [FAILED] = "failed",
	};
	json_t *object = json_pack("{s:s,s:s,s:I,s:I}", "base", one->what.name,
				   "state", names[one->step], "pages", (json_int_t)one->what.pages,
				   "pages_done", (json_int_t)(one->step == DONE ? one->what.pages :
							      one->pages));

	if (one->step == FAILED)
		json_object_set_new(object, "why", json_string(one->error));
	if (one->step >= DONE) {
		TAILQ_REMOVE(&one->of->list, one, link);
		free(one);
	}
	return object;
}

bool replications_read(const struct replications *r, uint64_t base)
{
	const struct replication *one;

	TAILQ_FOREACH(one, &r->list, link)
		if (one->step < EXPORTING && one->import == base)
			return true;
	return false;
}

bool replications_fill(const struct replications *r, uint64_t base)
{
	const struct replication *one;

	TAILQ_FOREACH(one, &r->list, link)
		if (one->step == COPYING && one->copy == base)
			return true;
	return false;
}
