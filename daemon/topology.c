// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The map of a cluster, from CLUSTER SLOTS: every few seconds, and soon after something
 * showed that it is not true any more. Any server that answers is asked, so that the map
 * follows a failover as long as one of them lives. Redis 7 answers in the same form.
 *
 * A server without cluster mode has all slots.
 */
#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include "log.h"
#include "topology.h"

#define EVERY 5000000ULL
#define SOON 200000ULL
#define SERVERS_MAX 512

static struct server *find(const struct topology *t, const char *host, uint16_t port)
{
	struct server *s;

	TAILQ_FOREACH(s, &t->servers, link)
		if (s->port == port && !strcmp(s->host, host))
			return s;
	return NULL;
}

/**
 * topology_find() - a server, known or not
 * @t: the map
 * @host: numeric
 * @port: of it
 *
 * Return: the server, which is connected soon, or NULL.
 */
struct server *topology_find(struct topology *t, const char *host, uint16_t port)
{
	struct server *s = find(t, host, port);
	unsigned int n = 0;

	if (s)
		return s;
	TAILQ_FOREACH(s, &t->servers, link)
		n++;
	s = n < SERVERS_MAX ? server_new(&t->common, host, port) : NULL;
	if (!s)
		return NULL;
	s->listed = true;
	TAILQ_INSERT_TAIL(&t->servers, s, link);
	return s;
}

/**
 * topology_seed() - a server of the configuration
 * @t: the map, with its common part filled in and the list made
 * @host: numeric
 * @port: of it
 *
 * Return: false for lack of memory.
 */
bool topology_seed(struct topology *t, const char *host, uint16_t port)
{
	struct server *s = topology_find(t, host, port);

	if (s)
		s->seed = true;
	return s;
}

/* One row: from, to, [host, port, ...], replicas. */
static bool take_row(struct topology *t, const struct server *from, const redisReply *row)
{
	const redisReply *who;
	struct server *s;
	const char *host;
	long long slot;

	if (row->type != REDIS_REPLY_ARRAY || row->elements < 3 ||
	    row->element[0]->type != REDIS_REPLY_INTEGER ||
	    row->element[1]->type != REDIS_REPLY_INTEGER)
		return false;
	who = row->element[2];
	if (who->type != REDIS_REPLY_ARRAY || who->elements < 2 ||
	    who->element[1]->type != REDIS_REPLY_INTEGER)
		return false;
	/* none: the host that was asked */
	host = who->element[0]->type == REDIS_REPLY_STRING && who->element[0]->len ?
		who->element[0]->str : from->host;
	s = strcmp(host, "?") ? topology_find(t, host, who->element[1]->integer) : NULL;
	if (!s)
		return false;
	s->listed = true;
	s->primary = true;
	for (slot = row->element[0]->integer; slot <= row->element[1]->integer; slot++)
		if (slot >= 0 && slot < SLOTS)
			t->of_slot[slot] = s;
	return true;
}

static void all_slots(struct topology *t, struct server *s)
{
	unsigned int i;

	s->primary = true;
	for (i = 0; i < SLOTS; i++)
		t->of_slot[i] = s;
}

/* What is neither configured, nor listed, nor in use by the way of a redirection. */
static void forget_others(struct topology *t)
{
	struct server *s, *next;

	for (s = TAILQ_FIRST(&t->servers); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->seed || s->listed || s->state != SERVER_DOWN)
			continue;
		TAILQ_REMOVE(&t->servers, s, link);
		server_free(s);
	}
}

static void on_slots(redisAsyncContext *context, void *reply, void *arg)
{
	const redisReply *r = reply;
	struct server *from = context->data, *s;
	struct topology *t = arg;
	size_t i;

	t->asking = false;
	if (!r || !from)
		return;
	if (r->type == REDIS_REPLY_ERROR && strstr(r->str, "cluster support disabled")) {
		all_slots(t, from);
		return;
	}
	if (r->type != REDIS_REPLY_ARRAY || !r->elements) {
		if (r->type == REDIS_REPLY_ERROR)
			t->common.down(r->str, t->common.arg);
		return;
	}
	memset(t->of_slot, 0, sizeof(t->of_slot));
	TAILQ_FOREACH(s, &t->servers, link) {
		s->primary = false;
		s->listed = false;
	}
	for (i = 0; i < r->elements; i++)
		if (!take_row(t, from, r->element[i]))
			log_debug("a row of CLUSTER SLOTS makes no sense");
	forget_others(t);
}

static void ask(struct topology *t)
{
	static const char text[] = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";
	struct server *s;

	TAILQ_FOREACH(s, &t->servers, link) {
		if (s->breaker.state != BREAKER_CLOSED ||
		    !server_send(s, text, sizeof(text) - 1, on_slots, t))
			continue;
		t->asking = true;
		/* another one the next time, should this one know nothing */
		TAILQ_REMOVE(&t->servers, s, link);
		TAILQ_INSERT_TAIL(&t->servers, s, link);
		return;
	}
}

/**
 * topology_tick() - connect what is to be connected, and ask if it is time to
 * @t: the map
 * @now: the time
 */
void topology_tick(struct topology *t, uint64_t now)
{
	struct server *s;

	TAILQ_FOREACH(s, &t->servers, link)
		if (s->seed || s->listed)
			server_connect(s, now);
	if (t->asking || now < t->next)
		return;
	ask(t);
	if (!t->asking)
		return;
	t->next = now + EVERY;
	t->not_before = now + SOON;
}

/**
 * topology_stale() - something showed that the map is not true any more
 * @t: the map
 * @now: the time
 */
void topology_stale(struct topology *t, uint64_t now)
{
	if (t->next > t->not_before)
		t->next = t->not_before > now ? t->not_before : now;
}

void topology_free(struct topology *t)
{
	struct server *s;

	while ((s = TAILQ_FIRST(&t->servers))) {
		TAILQ_REMOVE(&t->servers, s, link);
		server_free(s);
	}
}
