/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP server on medesd's socket.
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
	json_t *body;			/* an object; empty when there was none */
	void (*gone)(struct request *r);/* told when the client goes; may be NULL */
	void *private;			/* the handler's */
};

struct route {
	enum evhttp_cmd_type method;
	const char *path;		/* "*" stands for one part */
	void (*handler)(struct request *r);
};

/* Both end the request: r is freed. */
void http_reply(struct request *r, int status, json_t *body);
void http_refuse(struct request *r, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void http_refuse_errno(struct request *r, int err, const char *text);
struct medes_nl *http_nl(struct request *r);
const char *http_query(const struct request *r, const char *key, char *value, size_t size);

struct http *http_new(struct daemon *daemon, const struct route *const *tables, size_t n);
void http_free(struct http *http);

#endif /* MEDESD_HTTP_H */
