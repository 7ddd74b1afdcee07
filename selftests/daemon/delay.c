// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What clients say passes at once. What comes back is taken in pieces, each of which waits in a queue
 * until its time, so that a delay costs latency and no throughput.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include "delay.h"
#include "valkey.h"

struct piece {
	TAILQ_ENTRY(piece) link;
	uint64_t due;
	struct evbuffer *bytes;
};

struct line {
	LIST_ENTRY(line) link;
	struct delay *delay;
	struct bufferevent *client, *server;
	struct event *next;		/* piece */
	TAILQ_HEAD(, piece) pieces;
};

struct delay {
	struct event_base *events;
	struct evconnlistener *listener;
	struct sockaddr_in server;
	uint16_t port;
	unsigned int ms;
	size_t pass;			/* bytes that may still pass */
	LIST_HEAD(, line) lines;
};

static void line_free(struct line *l)
{
	struct piece *p;

	while ((p = TAILQ_FIRST(&l->pieces))) {
		TAILQ_REMOVE(&l->pieces, p, link);
		evbuffer_free(p->bytes);
		free(p);
	}
	LIST_REMOVE(l, link);
	event_free(l->next);
	bufferevent_free(l->client);
	bufferevent_free(l->server);
	free(l);
}

/* Hand over what is due, as far as it may pass. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct line *l = arg;
	struct delay *d = l->delay;
	uint64_t now = valkey_now(), wait;
	struct timeval tv;
	struct piece *p;
	size_t len;

	(void)fd, (void)what;
	while ((p = TAILQ_FIRST(&l->pieces)) && p->due <= now && d->pass) {
		len = evbuffer_get_length(p->bytes);
		if (len > d->pass)
			len = d->pass;
		if (d->pass != SIZE_MAX)
			d->pass -= len;
		evbuffer_remove_buffer(p->bytes, bufferevent_get_output(l->client), len);
		if (evbuffer_get_length(p->bytes))
			break;
		TAILQ_REMOVE(&l->pieces, p, link);
		evbuffer_free(p->bytes);
		free(p);
	}
	if (!p)
		return;
	/* what may not pass is looked at again now and then */
	wait = p->due > now ? p->due - now : 5000;
	tv = (struct timeval){ .tv_sec = wait / 1000000, .tv_usec = wait % 1000000 };
	event_add(l->next, &tv);
}

static void on_answer(struct bufferevent *server, void *arg)
{
	struct line *l = arg;
	struct piece *p = calloc(1, sizeof(*p));

	p->bytes = evbuffer_new();
	p->due = valkey_now() + l->delay->ms * 1000ULL;
	evbuffer_add_buffer(p->bytes, bufferevent_get_input(server));
	TAILQ_INSERT_TAIL(&l->pieces, p, link);
	on_due(-1, 0, l);
}

static void on_request(struct bufferevent *client, void *arg)
{
	struct line *l = arg;

	evbuffer_add_buffer(bufferevent_get_output(l->server), bufferevent_get_input(client));
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		line_free(arg);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
			  struct sockaddr *from, int len, void *arg)
{
	struct line *l = calloc(1, sizeof(*l));
	struct delay *d = arg;

	(void)listener, (void)from, (void)len;
	l->delay = d;
	TAILQ_INIT(&l->pieces);
	l->next = evtimer_new(d->events, on_due, l);
	l->client = bufferevent_socket_new(d->events, fd, BEV_OPT_CLOSE_ON_FREE);
	l->server = bufferevent_socket_new(d->events, -1, BEV_OPT_CLOSE_ON_FREE);
	LIST_INSERT_HEAD(&d->lines, l, link);
	bufferevent_setcb(l->client, on_request, NULL, on_end, l);
	bufferevent_setcb(l->server, on_answer, NULL, on_end, l);
	bufferevent_enable(l->client, EV_READ | EV_WRITE);
	bufferevent_enable(l->server, EV_READ | EV_WRITE);
	bufferevent_socket_connect(l->server, (struct sockaddr *)&d->server, sizeof(d->server));
}

/**
 * delay_new() - a proxy that hides nothing yet
 * @events: the test's loop
 * @server: its port
 *
 * Return: the proxy, or NULL.
 */
struct delay *delay_new(struct event_base *events, uint16_t server)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct delay *d = calloc(1, sizeof(*d));
	socklen_t len = sizeof(at);

	d->events = events;
	d->server = at;
	d->server.sin_port = htons(server);
	d->pass = SIZE_MAX;
	LIST_INIT(&d->lines);
	d->listener = evconnlistener_new_bind(events, on_connection, d,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
					      (struct sockaddr *)&at, sizeof(at));
	if (!d->listener || getsockname(evconnlistener_get_fd(d->listener), (struct sockaddr *)&at,
					&len)) {
		free(d);
		return NULL;
	}
	d->port = ntohs(at.sin_port);
	return d;
}

uint16_t delay_port(const struct delay *d)
{
	return d->port;
}

void delay_set(struct delay *d, unsigned int ms)
{
	d->ms = ms;
}

void delay_pass(struct delay *d, size_t bytes)
{
	d->pass = bytes;
}

void delay_cut(struct delay *d)
{
	while (!LIST_EMPTY(&d->lines))
		line_free(LIST_FIRST(&d->lines));
}

void delay_free(struct delay *d)
{
	delay_cut(d);
	evconnlistener_free(d->listener);
	free(d);
}
