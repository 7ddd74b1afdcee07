// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The readiness probe: GET of a path until the answer is 2xx, or, without a path, until the
 * port takes a connection. Asked often at first, since the answer decides how long a cold
 * start takes, then less often, since each question costs the sandbox time as well.
 */
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "probe.h"

#define PAUSE_FIRST_US 2000
#define PAUSE_MAX_US 100000
#define ANSWER_MAX (64 << 10)

struct probe {
	struct event_base *events;
	unsigned int port;
	char *path;
	unsigned int pause;		/* us */
	struct event *next;		/* question */
	struct event *over;
	struct evhttp_connection *http;
	struct bufferevent *connection;
	probe_fn done;
	void *arg;
	char last[128];			/* why not yet */
};

static void drop(struct probe *p)
{
	if (p->http)
		evhttp_connection_free(p->http);
	if (p->connection)
		bufferevent_free(p->connection);
	p->http = NULL;
	p->connection = NULL;
}

static void again(struct probe *p)
{
	const struct timeval tv = { .tv_usec = p->pause };

	p->pause += p->pause / 2;
	if (p->pause > PAUSE_MAX_US)
		p->pause = PAUSE_MAX_US;
	event_add(p->next, &tv);
}

static void on_answer(struct evhttp_request *request, void *arg)
{
	int code = request ? evhttp_request_get_response_code(request) : 0;
	struct probe *p = arg;

	if (code / 100 == 2) {
		p->done(NULL, p->arg);
		return;
	}
	if (code)
		snprintf(p->last, sizeof(p->last), "GET %.64s is answered with status %d", p->path,
			 code);
	else
		snprintf(p->last, sizeof(p->last), "nothing answers at port %u", p->port);
	again(p);
}

static void on_connection(struct bufferevent *bev, short what, void *arg)
{
	struct probe *p = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		p->done(NULL, p->arg);
		return;
	}
	snprintf(p->last, sizeof(p->last), "nothing listens at port %u", p->port);
	again(p);
}

static int connect_port(struct probe *p)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(p->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	p->connection = bufferevent_socket_new(p->events, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!p->connection)
		return -1;
	bufferevent_setcb(p->connection, NULL, NULL, on_connection, p);
	return bufferevent_socket_connect(p->connection, (const struct sockaddr *)&address,
					  sizeof(address));
}

static int ask(struct probe *p)
{
	struct evhttp_request *request;

	p->http = evhttp_connection_base_new(p->events, NULL, "127.0.0.1", p->port);
	if (!p->http)
		return -1;
	evhttp_connection_set_max_body_size(p->http, ANSWER_MAX);
	evhttp_connection_set_max_headers_size(p->http, ANSWER_MAX);
	request = evhttp_request_new(on_answer, p);
	if (!request)
		return -1;
	evhttp_add_header(evhttp_request_get_output_headers(request), "Host", "localhost");
	evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
	evhttp_add_header(evhttp_request_get_output_headers(request), "User-Agent", "medesd");
	return evhttp_make_request(p->http, request, EVHTTP_REQ_GET, p->path);
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;

	(void)fd, (void)what;
	drop(p);
	if (*p->path ? ask(p) : connect_port(p))
		again(p);
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;
	char error[192];

	(void)fd, (void)what;
	snprintf(error, sizeof(error), "it is not ready in time: %s",
		 p->last[0] ? p->last : "no answer yet");
	p->done(error, p->arg);
}

/**
 * probe_start() - begin to ask
 * @events: the event loop
 * @port: of 127.0.0.1
 * @path: to GET; empty: a connection is enough
 * @timeout_ms: when to give up
 * @done: called once
 * @arg: for @done
 *
 * Return: the probe, or NULL for lack of memory.
 */
struct probe *probe_start(struct event_base *events, unsigned int port, const char *path,
			  unsigned int timeout_ms, probe_fn done, void *arg)
{
	const struct timeval tv = {
		.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000,
	};
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	*p = (struct probe){
		.events = events, .port = port, .path = strdup(path), .pause = PAUSE_FIRST_US,
		.done = done, .arg = arg,
	};
	p->next = evtimer_new(events, on_next, p);
	p->over = evtimer_new(events, on_over, p);
	if (p->path && p->next && p->over && !event_add(p->over, &tv)) {
		again(p);
		return p;
	}
	probe_free(p);
	return NULL;
}

/* Safe also from done(): what libevent does after a callback does not touch the connection. */
void probe_free(struct probe *p)
{
	if (!p)
		return;
	drop(p);
	if (p->next)
		event_free(p->next);
	if (p->over)
		event_free(p->over);
	free(p->path);
	free(p);
}
