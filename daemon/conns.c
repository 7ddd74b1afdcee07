// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libevent's HTTP server knows a time-out for silence only: a client that sends a
 * byte now and then holds a connection for ever, and there may be any number. Here each
 * connection has a deadline for its next whole request, and for taking its answer;
 * when there are as many as may be, no more are accepted until one goes.
 *
 * The server makes each connection's bufferevent through a callback of ours, which keeps a
 * reference. One whose event callback is gone was freed by the server, which has also shut it
 * down; it is closed when the reference goes, not before, since libevent would otherwise
 * mix up what it knows of the descriptor with the next one of the same number.
 */
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <uthash.h>
#include "conns.h"
#include "log.h"

#define SWEEP_MS 250
#define SOCKETS_MAX 3

struct conn {
	UT_hash_handle hh;
	struct bufferevent *bev;	/* the key */
	struct source *source;
	bool busy;			/* a request is being served */
	struct timeval since;		/* it was accepted, or answered last */
};

/* A socket that connections come from. */
struct source {
	struct conns *conns;
	struct conns_kind kind;
	struct evconnlistener *listener;
	unsigned int n;			/* connections */
	bool closed;			/* no more are accepted now */
};

struct conns {
	struct event_base *events;
	struct conn *all;
	unsigned int max;
	struct timeval deadline;
	struct event *sweep;
	struct source sources[SOCKETS_MAX];
	unsigned int n_sources;
	bool full;
};

/* Accept where there is room, and nowhere else. */
static void look_for_room(struct conns *c)
{
	bool full = HASH_COUNT(c->all) >= c->max, closed;
	struct source *source;

	if (full && !c->full)
		log_warning("%u connections: no more are accepted until one goes (MaxConnections)",
			    c->max);
	c->full = full;
	for (source = c->sources; source < c->sources + c->n_sources; source++) {
		closed = full || (source->kind.max && source->n >= source->kind.max);
		if (closed == source->closed)
			continue;
		source->closed = closed;
		if (closed && !full)
			log_warning("%u connections of nodes: no more are accepted until one goes",
				    source->kind.max);
		if (closed)
			evconnlistener_disable(source->listener);
		else
			evconnlistener_enable(source->listener);
	}
}

static bool is_gone(const struct conn *conn)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(conn->bev, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static void forget(struct conns *c, struct conn *conn)
{
	const struct conns_kind *kind = &conn->source->kind;

	HASH_DEL(c->all, conn);
	conn->source->n--;
	if (kind->closed)
		kind->closed(conn->bev, kind->arg);
	bufferevent_decref(conn->bev);
	free(conn);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct conns *c = arg;
	struct conn *conn, *next;
	struct timeval now, age;

	(void)fd, (void)what;
	event_base_gettimeofday_cached(c->events, &now);
	HASH_ITER(hh, c->all, conn, next) {
		if (is_gone(conn)) {
			forget(c, conn);
			continue;
		}
		evutil_timersub(&now, &conn->since, &age);
		/* the server sees an end of file, and closes */
		if (!conn->busy && evutil_timercmp(&age, &c->deadline, >))
			shutdown(bufferevent_getfd(conn->bev), SHUT_RDWR);
	}
	look_for_room(c);
}

static struct bufferevent *on_connection(struct event_base *events, void *arg)
{
	struct source *source = arg;
	struct conns *c = source->conns;
	struct conn *conn = calloc(1, sizeof(*conn));
	struct bufferevent *bev = source->kind.make(events, source->kind.arg);

	if (!conn || !bev) {
		free(conn);
		return bev;
	}
	conn->bev = bev;
	conn->source = source;
	bufferevent_incref(bev);
	event_base_gettimeofday_cached(events, &conn->since);
	HASH_ADD_PTR(c->all, bev, conn);
	source->n++;
	look_for_room(c);
	return bev;
}

static struct conn *find(struct conns *c, struct evhttp_request *request)
{
	struct bufferevent *bev =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	struct conn *conn;

	HASH_FIND_PTR(c->all, &bev, conn);
	return conn;
}

void conns_busy(struct conns *c, struct evhttp_request *request)
{
	struct conn *conn = find(c, request);

	if (conn)
		conn->busy = true;
}

void conns_answered(struct conns *c, struct evhttp_request *request)
{
	struct conn *conn = find(c, request);

	if (!conn)
		return;
	conn->busy = false;
	event_base_gettimeofday_cached(c->events, &conn->since);
}

unsigned int conns_count(const struct conns *c)
{
	return HASH_COUNT(c->all);
}

/**
 * conns_new() - begin to watch connections
 * @events: the event loop
 * @max: connections at once
 * @deadline_ms: for a whole request to come in, and for an answer to be taken
 */
struct conns *conns_new(struct event_base *events, unsigned int max, unsigned int deadline_ms)
{
	const struct timeval period = { .tv_usec = SWEEP_MS * 1000 };
	struct conns *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->events = events;
	c->max = max;
	c->deadline.tv_sec = deadline_ms / 1000;
	c->deadline.tv_usec = deadline_ms % 1000 * 1000;
	c->sweep = event_new(events, -1, EV_PERSIST, on_sweep, c);
	if (c->sweep && !event_add(c->sweep, &period))
		return c;
	conns_free(c);
	return NULL;
}

/* Without anything around it. */
struct bufferevent *conns_plain(struct event_base *events, void *arg)
{
	(void)arg;
	return bufferevent_socket_new(events, -1, BEV_OPT_CLOSE_ON_FREE);
}

/**
 * conns_watch() - of a server, before it has any connection
 * @c: the connections
 * @server: at most SOCKETS_MAX of them
 * @socket: that it listens at
 * @kind: how its connections are made
 */
void conns_watch(struct conns *c, struct evhttp *server, struct evhttp_bound_socket *socket,
		 const struct conns_kind *kind)
{
	struct source *source = &c->sources[c->n_sources++];

	*source = (struct source){
		.conns = c, .kind = *kind, .listener = evhttp_bound_socket_get_listener(socket),
	};
	evhttp_set_bevcb(server, on_connection, source);
}

void conns_stop(struct conns *c)
{
	c->n_sources = 0;
	event_del(c->sweep);
}

void conns_free(struct conns *c)
{
	struct conn *conn, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->all, conn, next)
		forget(c, conn);
	if (c->sweep)
		event_free(c->sweep);
	free(c);
}
