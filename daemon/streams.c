// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Server-sent events. A reader that does not keep up loses events, and is told how many;
 * what waits for it is bounded.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include "control.h"
#include "json.h"
#include "streams.h"

#define BEHIND_MAX (256 << 10)
#define COMMENT_SECONDS 15		/* so that a reader that has gone is noticed */

struct stream {
	TAILQ_ENTRY(stream) link;
	struct streams *streams;
	struct request *r;
	uint64_t dropped;
};

struct streams {
	struct daemon *daemon;
	TAILQ_HEAD(, stream) list;
	unsigned int n;
	uint64_t last_id;
	struct event *timer;
};

static size_t behind(const struct stream *s)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(s->r->http);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);

	return evbuffer_get_length(bufferevent_get_output(bev));
}

static void send_text(struct stream *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void send_text(struct stream *s, const char *format, ...)
{
	struct evbuffer *chunk = evbuffer_new();
	va_list args;

	if (!chunk)
		return;
	va_start(args, format);
	evbuffer_add_vprintf(chunk, format, args);
	va_end(args);
	evhttp_send_reply_chunk(s->r->http, chunk);
	evbuffer_free(chunk);
}

static void tell_one(struct stream *s, const char *type, const char *data)
{
	if (behind(s) > BEHIND_MAX) {
		s->dropped++;
		return;
	}
	if (s->dropped)
		send_text(s, "event: lag\ndata: {\"dropped\":%" PRIu64 "}\n\n", s->dropped);
	s->dropped = 0;
	send_text(s, "id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", s->streams->last_id, type, data);
}

/**
 * streams_tell() - something happened
 * @streams: the readers
 * @domain: whose it is
 * @type: of the event
 * @data: an object; no reference is taken
 */
void streams_tell(void *streams, const char *domain, const char *type, json_t *data)
{
	struct streams *all = streams;
	struct stream *s;
	char *text = NULL;

	all->last_id++;
	TAILQ_FOREACH(s, &all->list, link) {
		if (!s->r->admin && strcmp(s->r->domain, domain))
			continue;
		if (!text) {
			json_object_set_new(data, "domain", medes_json_text(domain));
			text = json_dumps(data, MEDES_JSON_FLAGS);
		}
		if (text)
			tell_one(s, type, text);
	}
	free(text);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct streams *all = arg;
	struct stream *s;

	(void)fd, (void)what;
	TAILQ_FOREACH(s, &all->list, link)
		if (!behind(s))
			send_text(s, ":\n\n");
}

/* While nobody reads, nothing is put into words. */
static void listen_if_read(struct streams *all)
{
	struct control *c = all->daemon->control;

	if (!c)
		return;
	c->listener = all->n ? streams_tell : NULL;
	c->listener_arg = all;
}

static void end(struct stream *s)
{
	TAILQ_REMOVE(&s->streams->list, s, link);
	s->streams->n--;
	listen_if_read(s->streams);
	http_end(s->r);
	free(s);
}

static void on_gone(struct request *r)
{
	end(r->private);
}

void streams_add(struct request *r)
{
	struct streams *all = r->daemon->streams;
	struct stream *s;

	s = all->n < r->daemon->config.max_streams ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 10,
				  "as many read the events as may (MaxStreams)");
		return;
	}
	s->streams = all;
	s->r = r;
	r->private = s;
	r->gone = on_gone;
	TAILQ_INSERT_TAIL(&all->list, s, link);
	all->n++;
	listen_if_read(all);
	http_begin(r, "text/event-stream");
	send_text(s, ":\n\n");
}

struct streams *streams_new(struct daemon *daemon)
{
	const struct timeval period = { .tv_sec = COMMENT_SECONDS };
	struct streams *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->daemon = daemon;
	TAILQ_INIT(&all->list);
	all->timer = event_new(daemon->events, -1, EV_PERSIST, on_timer, all);
	if (all->timer && !event_add(all->timer, &period))
		return all;
	streams_free(all);
	return NULL;
}

void streams_free(struct streams *all)
{
	struct stream *s;

	if (!all)
		return;
	while ((s = TAILQ_FIRST(&all->list)))
		end(s);
	if (all->timer)
		event_free(all->timer);
	free(all);
}
