/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One Valkey server: its connection and its breaker.
 */
#ifndef MEDESD_SERVER_H
#define MEDESD_SERVER_H

#include <sys/queue.h>
#include <hiredis/async.h>
#include "breaker.h"
#include "slots.h"

struct event_base;
struct ssl_ctx_st;
struct ssl_st;

enum server_state { SERVER_DOWN, SERVER_CONNECTING, SERVER_READY };

/* What all servers of a cluster have in common. */
struct server_common {
	struct event_base *events;
	const char *user;
	const char *password;
	struct ssl_ctx_st *tls;		/* NULL: none */
	const char *name;		/* in certificates */
	unsigned int timeout;		/* ms */
	/* a connection is ready for commands, or has ended for some reason */
	void (*ready)(void *arg);
	void (*down)(const char *why, void *arg);
	void *arg;
	/*
	 * Parts of an array that answers a command whose callback is @taker are shown to part(), with
	 * the command's argument, unless that says false; text is NULL for nil.
	 */
	redisCallbackFn *taker;
	bool (*part)(void *arg, size_t at, const char *text, size_t len);
};

struct server {
	TAILQ_ENTRY(server) link;
	const struct server_common *common;
	char host[SLOT_HOST];
	uint16_t port;
	bool seed;			/* named in the configuration */
	bool listed;			/* in the newest topology */
	bool primary;			/* has slots */
	enum server_state state;
	redisAsyncContext *context;
	struct ssl_st *ssl;		/* the context's; NULL: no TLS */
	long verified;			/* X509_V_*, of one that was given up without an @ssl */
	struct breaker breaker;
	bool shunned;			/* it opened, and no answer came since */
	bool told;			/* that it is down, since it was ready */
	char refusal[80];		/* why it will not have us; told, too. Empty: it would */
	uint64_t wait;			/* us, before the next attempt */
	uint64_t retry;			/* not before this time */
};

struct server *server_new(const struct server_common *common, const char *host, uint16_t port);
void server_free(struct server *s);
void server_connect(struct server *s, uint64_t now);
void server_cut(struct server *s);
void server_flush(struct server *s);
bool server_send(struct server *s, const char *text, size_t len, redisCallbackFn *fn, void *arg);

/* server_events.c, server_reply.c */
bool server_events_attach(redisAsyncContext *context, struct event_base *events);
void server_reply_attach(redisAsyncContext *context);

/* server_tls.c */
struct ssl_ctx_st *server_tls_new(const char *ca, const char *cert, const char *key,
				  char *error, size_t size);
void server_tls_free(struct ssl_ctx_st *tls);
bool server_tls_begin(struct server *s);
const char *server_tls_reason(const struct server *s);

#endif /* MEDESD_SERVER_H */
