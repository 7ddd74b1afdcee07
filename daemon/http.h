/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP server: on medesd's unix socket, whose mode is the permission, and, if
 * configured, on a TCP port, where requests need a token, and on another one by TLS, where
 * other nodes of the cluster ask.
 */
#ifndef MEDESD_HTTP_H
#define MEDESD_HTTP_H

#include <event2/http.h>
#include <jansson.h>
#include "daemon.h"
#include "medes.h"
#include "nl.h"

/* One request, from its handler to its answer, which may be later. */
struct request {
	struct daemon *daemon;
	struct evhttp_request *http;	/* NULL: the client has gone */
	char arg[MEDES_NAME_SIZE];	/* what stands for * in the route */
	const char *tail;		/* what stands for **; valid as long as http is */
	char node[MEDES_NAME_SIZE];	/* that asks, on the port for nodes; empty elsewhere */
	bool admin;			/* may do everything */
	char domain[MEDES_NAME_SIZE];	/* the token's; empty for administrators */
	json_t *body;			/* an object, empty when there was none; NULL: raw */
	void (*gone)(struct request *r);/* told when the client goes; may be NULL */
	void *private;			/* the handler's */
};

/* Without a flag: JSON, administrators only. */
#define ROUTE_OPEN	1		/* needs no token */
#define ROUTE_TENANT	2		/* for every token */
#define ROUTE_RAW	4		/* the body is the handler's business */
#define ROUTE_NODE	8		/* for other nodes, and for nobody else */

#define ANY_METHOD (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH | \
		    EVHTTP_REQ_DELETE)

struct route {
	unsigned int methods;		/* of enum evhttp_cmd_type */
	const char *path;		/* "*" stands for one part, "**" for all that is left */
	void (*handler)(struct request *r);
	unsigned int flags;
};

/* Both end the request: r is freed. */
void http_reply(struct request *r, int status, json_t *body);
void http_refuse(struct request *r, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void http_refuse_errno(struct request *r, int err, const char *text);
void http_refuse_later(struct request *r, int status, unsigned int seconds, const char *text);
void http_reply_raw(struct request *r, int status, struct evbuffer *body);
void http_begin(struct request *r, const char *type);	/* of a stream */
void http_end(struct request *r);			/* frees r, too */
struct medes_nl *http_nl(struct request *r);
const char *http_query(const struct request *r, const char *key, char *value, size_t size);

struct conns *http_conns(struct http *http);
struct http *http_new(struct daemon *daemon, const struct route *const *tables, size_t n);
void http_free(struct http *http);

#endif /* MEDESD_HTTP_H */
