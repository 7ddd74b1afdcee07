// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forwarding by libevent's HTTP client.
 *
 * A connection is used again only when its last answer came less than a second ago: servers
 * close idle connections after some seconds, and a request that meets the close is lost
 * without anybody knowing whether it was served.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include "forward.h"
#include "medes.h"

#define FRESH_MS 1000
#define IDLE_MAX 16
#define HEADERS_MAX (64 << 10)

struct line {
	TAILQ_ENTRY(line) link;
	struct lines *lines;
	struct evhttp_connection *connection;
	struct timeval used;
	bool open;			/* not closed by the other side, as far as we know */
};

struct lines {
	struct event_base *events;
	char address[46];
	unsigned int port;
	const struct lines_kind *kind;	/* NULL: plain */
	void *arg;
	unsigned int max_answer;
	unsigned int n_idle;
	TAILQ_HEAD(line_list, line) idle;
	TAILQ_HEAD(, line) busy;
};

struct forward {
	struct line *line;
	struct evhttp_request *request;
	enum evhttp_request_error error;
	bool failed;
	forward_fn done;
	void *arg;
};

struct lines *lines_new(struct event_base *events, unsigned int port, unsigned int max_answer)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return NULL;
	lines->events = events;
	strcpy(lines->address, "127.0.0.1");
	lines->port = port;
	lines->max_answer = max_answer;
	TAILQ_INIT(&lines->idle);
	TAILQ_INIT(&lines->busy);
	return lines;
}

/**
 * lines_new_far() - connections to another machine
 * @events: the event loop
 * @address: a number
 * @port: there
 * @max_answer: bytes
 * @kind: of connections; kept
 * @arg: for @kind
 */
struct lines *lines_new_far(struct event_base *events, const char *address, unsigned int port,
			    unsigned int max_answer,
			    const struct lines_kind *kind, void *arg)
{
	struct lines *lines = lines_new(events, port, max_answer);

	if (!lines)
		return NULL;
	snprintf(lines->address, sizeof(lines->address), "%s", address);
	lines->kind = kind;
	lines->arg = arg;
	return lines;
}

static void line_free(struct line *line)
{
	evhttp_connection_set_closecb(line->connection, NULL, NULL);
	evhttp_connection_free(line->connection);
	free(line);
}

void lines_drop(struct lines *lines)
{
	struct line *line;

	while ((line = TAILQ_FIRST(&lines->idle))) {
		TAILQ_REMOVE(&lines->idle, line, link);
		lines->n_idle--;
		line_free(line);
	}
}

/* From now on they lead elsewhere; what is in flight is not touched. */
void lines_move(struct lines *lines, const char *address, unsigned int port)
{
	if (!strcmp(lines->address, address) && lines->port == port)
		return;
	lines_drop(lines);
	snprintf(lines->address, sizeof(lines->address), "%s", address);
	lines->port = port;
}

/* Nothing is in flight any more. */
void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	lines_drop(lines);
	free(lines);
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct line *line = arg;

	(void)connection;
	line->open = false;
}

static struct line *line_new(struct lines *lines)
{
	struct line *line = calloc(1, sizeof(*line));
	struct bufferevent *bev = NULL;

	if (line && lines->kind)
		bev = lines->kind->make(lines->events, lines->arg);
	if (!line || (lines->kind && !bev)) {
		free(line);
		return NULL;
	}
	line->lines = lines;
	line->connection = evhttp_connection_base_bufferevent_new(lines->events, NULL, bev,
								  lines->address, lines->port);
	if (!line->connection) {
		if (bev)
			bufferevent_free(bev);
		free(line);
		return NULL;
	}
	evhttp_connection_set_max_headers_size(line->connection, HEADERS_MAX);
	evhttp_connection_set_max_body_size(line->connection, lines->max_answer);
	evhttp_connection_set_closecb(line->connection, on_close, line);
	return line;
}

static bool is_fresh(const struct line *line)
{
	const struct timeval limit = { .tv_sec = FRESH_MS / 1000 };
	struct timeval now, age;

	event_base_gettimeofday_cached(line->lines->events, &now);
	evutil_timersub(&now, &line->used, &age);
	return line->open && evutil_timercmp(&age, &limit, <);
}

static struct line *line_get(struct lines *lines)
{
	struct line *line = TAILQ_LAST(&lines->idle, line_list);

	if (line && is_fresh(line)) {
		TAILQ_REMOVE(&lines->idle, line, link);
		lines->n_idle--;
	} else {
		lines_drop(lines);	/* the others are older still */
		line = line_new(lines);
	}
	if (line) {
		line->open = true;
		TAILQ_INSERT_TAIL(&lines->busy, line, link);
	}
	return line;
}

static void line_put(struct line *line, bool good)
{
	struct lines *lines = line->lines;

	TAILQ_REMOVE(&lines->busy, line, link);
	if (!good || !line->open || lines->n_idle >= IDLE_MAX) {
		line_free(line);
		return;
	}
	event_base_gettimeofday_cached(lines->events, &line->used);
	TAILQ_INSERT_TAIL(&lines->idle, line, link);
	lines->n_idle++;
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	struct forward *f = arg;

	f->error = error;
	f->failed = true;
}

static const char *reason(const struct forward *f)
{
	if (!f->failed)
		return "it takes no connection";
	switch (f->error) {
	case EVREQ_HTTP_DATA_TOO_LONG:
		return "its answer is larger than may be (MaxAnswer)";
	case EVREQ_HTTP_INVALID_HEADER:
		return "its answer is no HTTP";
	case EVREQ_HTTP_EOF:
		return "it closed the connection without a whole answer";
	default:
		return "the connection to it broke";
	}
}

/* Does the server stay connected? Of HTTP/1.0 it does only if it says so. */
static bool reusable(struct evhttp_request *answer)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(answer);
	const char *connection = evhttp_find_header(headers, "Connection");

	if (answer->major == 1 && answer->minor >= 1)
		return !connection || strcasecmp(connection, "close");
	return connection && !strcasecmp(connection, "keep-alive");
}

static bool may_have_been_sent(const struct forward *f)
{
	const struct lines_kind *kind = f->line->lines->kind;

	return f->failed && (!kind ||
			     kind->proved(evhttp_connection_get_bufferevent(f->line->connection)));
}

static void on_answer(struct evhttp_request *answer, void *arg)
{
	struct forward *f = arg;
	int code = answer ? evhttp_request_get_response_code(answer) : 0;
	bool good = code && !f->failed;

	f->request = NULL;
	f->done(good ? answer : NULL, good || may_have_been_sent(f), good ? NULL : reason(f), f->arg);
	line_put(f->line, good && reusable(answer));
	free(f);
}

static bool is_between_hops(const char *name)
{
	static const char *const names[] = {
		"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE",
		"Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Host",
		"Authorization",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

void forward_copy_headers(const struct evkeyvalq *from, struct evkeyvalq *to)
{
	const struct evkeyval *header;

	TAILQ_FOREACH(header, from, next)
		if (!is_between_hops(header->key))
			evhttp_add_header(to, header->key, header->value);
}

/**
 * forward_start() - send a request
 * @lines: to where
 * @request: what
 * @done: called once, from the loop, unless it is cancelled
 * @arg: for @done
 *
 * Return: NULL for lack of memory or descriptors.
 */
struct forward *forward_start(struct lines *lines, const struct forward_request *request,
			      forward_fn done, void *arg)
{
	const struct timeval timeout = {
		.tv_sec = request->timeout / 1000, .tv_usec = request->timeout % 1000 * 1000,
	};
	struct forward *f = calloc(1, sizeof(*f));
	struct evkeyvalq *headers;

	if (!f)
		return NULL;
	f->done = done;
	f->arg = arg;
	f->line = line_get(lines);
	f->request = f->line ? evhttp_request_new(on_answer, f) : NULL;
	if (!f->request)
		goto err_free;
	evhttp_request_set_error_cb(f->request, on_error);
	headers = evhttp_request_get_output_headers(f->request);
	evhttp_add_header(headers, "Host", "localhost");
	forward_copy_headers(request->headers, headers);
	if (request->own)
		forward_copy_headers(request->own, headers);
	if (request->timeout)
		evhttp_connection_set_timeout_tv(f->line->connection, &timeout);
	if (evbuffer_add_buffer_reference(evhttp_request_get_output_buffer(f->request),
					  request->body) ||
	    evhttp_make_request(f->line->connection, f->request, request->method, request->path))
		goto err_free;
	return f;

err_free:
	if (f->line)
		line_put(f->line, false);
	free(f);
	return NULL;
}

/**
 * forward_cancel() - the answer is not wanted any more
 * @f: in flight; its callback does not come
 */
void forward_cancel(struct forward *f)
{
	/* frees the request, too */
	line_put(f->line, false);
	free(f);
}
