// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections to one Valkey server, by hiredis in the event loop: nothing here waits. Hosts
 * are numeric, since a look-up of a name would.
 *
 * A new connection authenticates, or pings; the answer makes it ready. When it breaks,
 * hiredis calls every callback that is due with no reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>
#include "log.h"
#include "server.h"

#define RETRY_MIN 100000ULL
#define RETRY_MAX 3000000ULL

/**
 * server_new() - a server that is not connected yet
 * @common: outlives it
 * @host: numeric
 * @port: of it
 *
 * Return: the server, or NULL for lack of memory.
 */
struct server *server_new(const struct server_common *common, const char *host, uint16_t port)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->common = common;
	snprintf(s->host, sizeof(s->host), "%s", host);
	s->port = port;
	return s;
}

static void tell_down(struct server *s, const char *what, const char *why)
{
	char text[160];

	if (s->told)
		return;
	s->told = true;
	snprintf(text, sizeof(text), "%s:%u: %s%s", s->host, s->port, what, why);
	s->common->down(text, s->common->arg);
}

/* Told although it is known to be down: that is why it stays so. */
static void tell_refusal(struct server *s, const char *why)
{
	if (!strncmp(s->refusal, why, sizeof(s->refusal) - 1))
		return;
	snprintf(s->refusal, sizeof(s->refusal), "%s", why);
	s->told = false;
	tell_down(s, "", why);
}

static void gone(struct server *s, const char *why)
{
	bool was_ready = s->state == SERVER_READY;
	const char *distrust = server_tls_reason(s);

	s->context = NULL;
	s->ssl = NULL;
	s->state = SERVER_DOWN;
	if (distrust)
		tell_down(s, "its certificate is not accepted: ", distrust);
	else
		tell_down(s, "", why);
	s->wait = was_ready || !s->wait ? RETRY_MIN : 2 * s->wait;
	if (s->wait > RETRY_MAX)
		s->wait = RETRY_MAX;
	s->retry = 0;			/* server_connect() counts from its now */
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct server *s = context->data;

	/* hiredis frees the context of a failed one after this */
	if (status != REDIS_OK && s)
		gone(s, context->errstr ? context->errstr : "no connection");
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
	struct server *s = context->data;

	if (s && s->context == context)
		gone(s, status == REDIS_OK || !context->errstr || !*context->errstr ?
			"the connection was closed" : context->errstr);
}

static void on_hello(redisAsyncContext *context, void *reply, void *arg)
{
	const redisReply *r = reply;
	struct server *s = context->data;

	(void)arg;
	if (!s || !r)
		return;
	if (r->type != REDIS_REPLY_ERROR) {
		s->state = SERVER_READY;
		s->told = false;
		s->refusal[0] = '\0';
		s->wait = 0;
		s->common->ready(s->common->arg);
		return;
	}
	tell_refusal(s, r->str);
	s->wait = RETRY_MAX / 2;
	redisAsyncDisconnect(context);
}

static int hello(struct server *s)
{
	const struct server_common *c = s->common;

	if (!*c->password)
		return redisAsyncCommand(s->context, on_hello, NULL, "PING");
	if (!*c->user)
		return redisAsyncCommand(s->context, on_hello, NULL, "AUTH %s", c->password);
	return redisAsyncCommand(s->context, on_hello, NULL, "AUTH %s %s", c->user, c->password);
}

static struct timeval timeval_of(unsigned int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/*
 * The requests have deadlines of their own. This one is for a connection on which nothing
 * arrives for much longer: it is replaced.
 */
static redisAsyncContext *open_context(const struct server *s)
{
	const struct timeval connecting = timeval_of(1000 + s->common->timeout);
	const struct timeval silent = timeval_of(2000 + 4 * s->common->timeout);
	redisOptions options = { 0 };

	REDIS_OPTIONS_SET_TCP(&options, s->host, s->port);
	options.connect_timeout = &connecting;
	options.command_timeout = &silent;
	return redisAsyncConnectWithOptions(&options);
}

/**
 * server_connect() - connect, if it is time to
 * @s: the server, in any state
 * @now: the time
 */
void server_connect(struct server *s, uint64_t now)
{
	redisAsyncContext *context;

	if (s->state != SERVER_DOWN)
		return;
	if (!s->retry)
		s->retry = now + s->wait;
	if (now < s->retry)
		return;
	s->retry = 0;
	context = open_context(s);
	if (!context || context->err) {
		gone(s, context ? context->errstr : "no memory");
		if (context)
			redisAsyncFree(context);
		return;
	}
	context->data = s;
	s->context = context;
	s->state = SERVER_CONNECTING;
	server_reply_attach(context);
	if (!server_events_attach(context, s->common->events)) {
		server_cut(s);
		return;
	}
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	if (!server_tls_begin(s) || hello(s) != REDIS_OK)
		server_cut(s);
}

/**
 * server_cut() - end the connection
 * @s: the server; whoever waits for an answer is told that there is none
 */
void server_cut(struct server *s)
{
	redisAsyncContext *context = s->context;

	if (!context)
		return;
	gone(s, "the connection was given up");
	context->data = NULL;
	redisAsyncFree(context);
}

/**
 * server_flush() - write what was sent now, as far as that does not block
 * @s: the server, about to be freed
 */
void server_flush(struct server *s)
{
	if (s->state == SERVER_READY)
		redisAsyncHandleWrite(s->context);
}

/**
 * server_send() - send a command
 * @s: the server
 * @text: in the protocol's form
 * @len: its length
 * @fn: called once, never from here
 * @arg: for @fn
 *
 * Return: false when the connection is not ready, and @fn is not called.
 */
bool server_send(struct server *s, const char *text, size_t len, redisCallbackFn *fn, void *arg)
{
	return s->state == SERVER_READY &&
	       redisAsyncFormattedCommand(s->context, fn, arg, text, len) == REDIS_OK;
}

void server_free(struct server *s)
{
	if (s->context) {
		s->context->data = NULL;
		redisAsyncFree(s->context);
	}
	free(s);
}
