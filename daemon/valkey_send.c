// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests to a Valkey cluster.
 *
 * A request that is not answered in time is told so to whoever made it, and counts for its
 * server's breaker; it stays here until its answer comes or the connection ends, because
 * hiredis has its address. How many of these there can be is bounded by the breaker.
 *
 * A redirection is followed at once, a few times; ASK does not change the map.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "valkey_parts.h"

#define REDIRECTIONS 4

void valkey_request_free(struct valkey_request *r)
{
	TAILQ_REMOVE(&r->valkey->requests, r, link);
	event_free(r->deadline);
	free(r->text);
	free(r);
}

/* Tell whoever made the request; once. */
static void tell(struct valkey_request *r, enum valkey_result result, const redisReply *reply)
{
	valkey_fn fn = r->fn;

	r->fn = NULL;
	if (fn)
		fn(result, reply, r->arg);
}

static void count(struct valkey_request *r, bool good)
{
	struct server *s = r->server;

	if (!s || r->counted || r->valkey->closing)
		return;
	r->counted = true;
	if (good) {
		breaker_good(&s->breaker);
		if (s->shunned)
			log_notice("Valkey server %s:%u answers again", s->host, s->port);
		s->shunned = false;
		return;
	}
	if (breaker_bad(&s->breaker, valkey_now()))
		log_at(s->shunned ? LOG_DEBUG : LOG_WARNING,
		       "Valkey server %s:%u fails, or does not answer in time; it is not asked for %.1f s",
		       s->host, s->port, s->breaker.wait / 1e6);
	s->shunned |= s->breaker.state == BREAKER_OPEN;
	topology_stale(&r->valkey->topology, valkey_now());
}

static bool send_to(struct valkey_request *r, struct server *s, bool asking)
{
	static const char ask[] = "*1\r\n$6\r\nASKING\r\n";

	if (!s || s->state != SERVER_READY || !breaker_allows(&s->breaker, valkey_now()))
		return false;
	r->counted = false;
	r->server = s;
	if ((!asking || server_send(s, ask, sizeof(ask) - 1, NULL, NULL)) &&
	    server_send(s, r->text, r->len, valkey_on_reply, r)) {
		r->valkey->stats.sent++;
		return true;
	}
	count(r, false);
	r->server = NULL;
	return false;
}

/* The slot is elsewhere: true when the request is on its way there. */
static bool redirect(struct valkey_request *r, const char *error)
{
	struct topology *t = &r->valkey->topology;
	struct redirection to;
	struct server *s;

	if (!slot_redirection(error, &to))
		return false;
	topology_stale(t, valkey_now());
	s = topology_find(t, *to.host ? to.host : r->server->host, to.port);
	if (s && !to.ask) {
		s->listed = true;
		s->primary = true;
		t->of_slot[to.slot] = s;
	}
	r->valkey->stats.redirected++;
	return r->fn && ++r->redirections <= REDIRECTIONS && send_to(r, s, to.ask);
}

void valkey_note(struct valkey *v, const char *error)
{
	snprintf(v->stats.error, sizeof(v->stats.error), "%.159s", error);
}

void valkey_on_reply(redisAsyncContext *context, void *reply, void *arg)
{
	struct valkey_request *r = arg;
	const redisReply *answer = reply;

	(void)context;
	if (!answer) {
		count(r, false);
		r->valkey->stats.failed++;
		tell(r, VALKEY_DOWN, NULL);
	} else if (answer->type != REDIS_REPLY_ERROR) {
		count(r, true);
		tell(r, VALKEY_OK, answer);
	} else {
		count(r, true);
		if (redirect(r, answer->str))
			return;
		r->valkey->stats.failed++;
		valkey_note(r->valkey, answer->str);
		topology_stale(&r->valkey->topology, valkey_now());
		tell(r, VALKEY_ERROR, answer);
	}
	valkey_request_free(r);
}

bool valkey_on_part(void *arg, size_t at, const char *text, size_t len)
{
	struct valkey_request *r = arg;

	if (!r->part)
		return false;
	/* after its time nobody wants it any more */
	if (r->fn)
		r->part(at, text, len, r->arg);
	return true;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct valkey_request *r = arg;

	(void)fd, (void)what;
	if (r->server) {
		r->valkey->stats.late++;
		count(r, false);
		tell(r, VALKEY_LATE, NULL);
		return;
	}
	tell(r, VALKEY_DOWN, NULL);
	valkey_request_free(r);
}

/**
 * valkey_send() - send a command
 * @v: the cluster
 * @command: its text is taken over, also when this fails
 * @fn: told how it went, from the loop
 * @arg: for @fn
 *
 * Return: the request, for valkey_forget() until @fn is called; NULL for lack of memory.
 */
struct valkey_request *valkey_send(struct valkey *v, const struct valkey_command *command,
				   valkey_fn fn, void *arg)
{
	struct valkey_request *r = calloc(1, sizeof(*r));
	const struct timeval at_once = { 0 };

	if (r)
		r->deadline = evtimer_new(v->topology.common.events, on_deadline, r);
	if (!r || !r->deadline) {
		free(command->text);
		free(r);
		return NULL;
	}
	r->valkey = v;
	r->text = command->text;
	r->len = command->len;
	r->slot = slot_of(command->key, command->key_len);
	r->fn = fn;
	r->part = command->part;
	r->arg = arg;
	TAILQ_INSERT_TAIL(&v->requests, r, link);
	if (send_to(r, v->topology.of_slot[r->slot], false)) {
		event_add(r->deadline, &v->timeout);
		return r;
	}
	v->stats.refused++;
	topology_stale(&v->topology, valkey_now());
	event_add(r->deadline, &at_once);
	return r;
}

/**
 * valkey_sendf() - send a command in hiredis's form
 * @v: the cluster
 * @key: decides where it goes
 * @fn: told how it went, from the loop
 * @arg: for @fn
 * @format: as for redisCommand()
 *
 * Return: as valkey_send().
 */
struct valkey_request *valkey_sendf(struct valkey *v, const char *key, valkey_fn fn, void *arg,
				    const char *format, ...)
{
	struct valkey_command command = { .key = key, .key_len = strlen(key) };
	va_list args;
	int len;

	va_start(args, format);
	len = redisvFormatCommand(&command.text, format, args);
	va_end(args);
	if (len < 0)
		return NULL;
	command.len = len;
	return valkey_send(v, &command, fn, arg);
}

/**
 * valkey_forget() - nobody wants to know any more
 * @request: its fn was not called yet, and will not be
 */
void valkey_forget(struct valkey_request *request)
{
	request->fn = NULL;
}
