// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hiredis in libevent's loop. The adapter that comes with hiredis changes what epoll waits for with
 * each command, and sets its one event, timer included, anew with each piece that is read:
 * five system calls for each read, a fifth of the time that a look-up took.
 *
 * Here the socket is watched for what can be read as long as it is open. What is to be written is
 * written in the same turn of the loop, after whatever else is put into the buffer in it, and the
 * socket is watched for room only while some of it did not fit.
 */
#include <stdlib.h>
#include <event2/event.h>
#include "server.h"

struct server_events {
	redisAsyncContext *context;
	struct event *read, *write, *timer;
	bool left;			/* not all could be written */
};

/* Each of these may end the context, and all this with it. */
static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct server_events *e = arg;

	(void)fd, (void)what;
	redisAsyncHandleRead(e->context);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct server_events *e = arg;

	(void)fd, (void)what;
	e->left = true;			/* del_write() says that nothing is */
	redisAsyncHandleWrite(e->context);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server_events *e = arg;

	(void)fd, (void)what;
	redisAsyncHandleTimeout(e->context);
}

static void add_read(void *arg)
{
	struct server_events *e = arg;

	if (!event_pending(e->read, EV_READ, NULL))
		event_add(e->read, NULL);
}

static void del_read(void *arg)
{
	struct server_events *e = arg;

	event_del(e->read);
}

static void add_write(void *arg)
{
	struct server_events *e = arg;

	/* that it can be written to says that it is connected */
	if (e->left || !(e->context->c.flags & REDIS_CONNECTED))
		event_add(e->write, NULL);
	else
		event_active(e->write, EV_WRITE, 0);
}

static void del_write(void *arg)
{
	struct server_events *e = arg;

	e->left = false;
	event_del(e->write);
}

static void set_timer(void *arg, struct timeval tv)
{
	struct server_events *e = arg;

	event_add(e->timer, &tv);
}

static void cleanup(void *arg)
{
	struct server_events *e = arg;

	if (e->read)
		event_free(e->read);
	if (e->write)
		event_free(e->write);
	if (e->timer)
		event_free(e->timer);
	free(e);
}

/**
 * server_events_attach() - have a connection served by the event loop
 * @context: the connection, not attached yet; what it needs here ends with it
 * @events: the loop
 *
 * Return: false for lack of memory.
 */
bool server_events_attach(redisAsyncContext *context, struct event_base *events)
{
	struct server_events *e = calloc(1, sizeof(*e));

	if (!e)
		return false;
	e->context = context;
	e->read = event_new(events, context->c.fd, EV_READ | EV_PERSIST, on_read, e);
	e->write = event_new(events, context->c.fd, EV_WRITE | EV_PERSIST, on_write, e);
	e->timer = evtimer_new(events, on_timer, e);
	if (!e->read || !e->write || !e->timer) {
		cleanup(e);
		return false;
	}
	context->ev.data = e;
	context->ev.addRead = add_read;
	context->ev.delRead = del_read;
	context->ev.addWrite = add_write;
	context->ev.delWrite = del_write;
	context->ev.scheduleTimer = set_timer;
	context->ev.cleanup = cleanup;
	return true;
}
