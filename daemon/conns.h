/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections of clients: how many, and how long one may take.
 */
#ifndef MEDESD_CONNS_H
#define MEDESD_CONNS_H

#include <stdbool.h>
#include <event2/http.h>

struct conns;

/* How the connections of a socket are made, and who is told when one has gone. */
struct conns_kind {
	struct bufferevent *(*make)(struct event_base *events, void *arg);
	void (*closed)(struct bufferevent *bev, void *arg);	/* may be NULL */
	void *arg;
	unsigned int max;		/* at once, of all that MaxConnections allows; 0: no less */
};

struct conns *conns_new(struct event_base *events, unsigned int max, unsigned int deadline_ms);
void conns_free(struct conns *c);
void conns_watch(struct conns *c, struct evhttp *server, struct evhttp_bound_socket *socket,
		 const struct conns_kind *kind);
struct bufferevent *conns_plain(struct event_base *events, void *arg);
void conns_stop(struct conns *c);		/* before the servers are freed */

/* A request has come in whole; its answer was given. */
void conns_busy(struct conns *c, struct evhttp_request *request);
void conns_answered(struct conns *c, struct evhttp_request *request);
unsigned int conns_count(const struct conns *c);

#endif /* MEDESD_CONNS_H */
