/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One HTTP request to a sandbox or to another node, and its answer.
 */
#ifndef MEDESD_FORWARD_H
#define MEDESD_FORWARD_H

#include <stdbool.h>
#include <sys/queue.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

struct lines;
struct forward;

/* Connections to one port that may be used again. */
/* What connections to another machine consist of. */
struct lines_kind {
	struct bufferevent *(*make)(struct event_base *events, void *arg);
	/* Can anything have been sent on it? */
	bool (*proved)(struct bufferevent *bev);
};

/* To a port of 127.0.0.1, or to another machine, on connections that are made so. */
struct lines *lines_new(struct event_base *events, unsigned int port, unsigned int max_answer);
struct lines *lines_new_far(struct event_base *events, const char *address, unsigned int port,
			    unsigned int max_answer,
			    const struct lines_kind *kind, void *arg);
void lines_move(struct lines *lines, const char *address, unsigned int port);
void lines_free(struct lines *lines);
void lines_drop(struct lines *lines);	/* the idle ones: they may be stale */

struct forward_request {
	enum evhttp_cmd_type method;
	const char *path;		/* with the query */
	const struct evkeyvalq *headers;
	struct evbuffer *body;		/* referred to, not moved */
	const struct evkeyvalq *own;	/* more headers; or NULL */
	unsigned int timeout;		/* ms without a sign of life; 0: libevent's */
};

/*
 * answer NULL: why says what happened; sent false: not a byte can have reached it. Headers
 * and body of the answer may be taken. The forward is freed afterwards.
 */
typedef void (*forward_fn)(struct evhttp_request *answer, bool sent, const char *why, void *arg);

struct forward *forward_start(struct lines *lines, const struct forward_request *request,
			      forward_fn done, void *arg);
void forward_cancel(struct forward *f);

/* Those that are between two hops only are left out. */
void forward_copy_headers(const struct evkeyvalq *from, struct evkeyvalq *to);

#endif /* MEDESD_FORWARD_H */
