// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Dumps in the event loop.
 *
 * The kernel hashes pages while a scan, or the list of a base's pages, is read:
 * each read of the socket costs it the hashing of some 300 pages. So such a dump
 * has a socket of its own, and the loop does other things between two reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dump.h"

#define REPEATS 8

struct dump {
	struct dump_handlers handlers;
	void *arg;
	struct event *event;
	struct nl_msg *request;
	unsigned int repeats;
	int err;			/* of the handlers, or of the beginning */
	struct medes_nl nl;
};

static int on_message(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;

	(void)cmd;
	if (!d->err)
		d->err = d->handlers.message(nlh, d->arg);
	return d->err;
}

/* One read. 1: there is more to come; else the result. */
static int read_some(struct dump *d)
{
	int err = medes_nl_receive(&d->nl, on_message, d);

	if (!d->err && err != -EAGAIN && d->handlers.batch)
		d->err = d->handlers.batch(d->arg);
	if (d->err)
		return d->err;
	if (err == -EAGAIN)
		return 1;
	if (err != -EINTR || ++d->repeats == REPEATS)
		return err;
	d->handlers.again(d->arg);
	return medes_nl_send(&d->nl, d->request) ?: 1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct dump *d = arg;
	int err = d->err;

	(void)fd;
	if (what & EV_READ)
		err = read_some(d);
	if (err > 0)
		return;
	event_del(d->event);
	if (err && !d->nl.error[0])
		medes_nl_fail(&d->nl, err, "%s", strerror(-err));
	d->handlers.done(err, d->nl.error, d->arg);
}

static int open_dump(struct dump *d, struct event_base *events, dump_request request,
		     const void *what)
{
	int err = medes_nl_open(&d->nl);

	if (err)
		return err;
	evutil_make_socket_nonblocking(medes_nl_fd(&d->nl));
	d->request = request(&d->nl, what);
	if (!d->request)
		return -ENOMEM;
	d->event = event_new(events, medes_nl_fd(&d->nl), EV_READ | EV_PERSIST, on_readable, d);
	if (!d->event || event_add(d->event, NULL))
		return medes_nl_fail(&d->nl, -ENOMEM, "no memory for a dump");
	return medes_nl_send(&d->nl, d->request);
}

/**
 * dump_start() - begin a dump
 * @events: the event loop
 * @request: makes the message
 * @what: for @request
 * @handlers: told what comes; done() is called once, from the loop
 * @arg: for @handlers
 *
 * Return: the dump, or NULL for lack of memory (done() is not called then).
 */
struct dump *dump_start(struct event_base *events, dump_request request, const void *what,
			const struct dump_handlers *handlers, void *arg)
{
	struct dump *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->handlers = *handlers;
	d->arg = arg;
	d->err = open_dump(d, events, request, what);
	if (!d->err)
		return d;
	/* tell it from the loop, like every other end */
	if (!d->event)
		d->event = event_new(events, -1, 0, on_readable, d);
	if (!d->event) {
		dump_free(d);
		return NULL;
	}
	event_active(d->event, EV_TIMEOUT, 0);
	return d;
}

/**
 * dump_pause() - read no more for a while, or go on
 * @d: the dump
 * @pause: which; the kernel goes on only as it is read
 */
void dump_pause(struct dump *d, bool pause)
{
	if (d->err)
		return;
	if (pause)
		event_del(d->event);
	else
		event_add(d->event, NULL);
}

/**
 * dump_free() - end a dump at any time
 * @d: the dump, or NULL
 */
void dump_free(struct dump *d)
{
	if (!d)
		return;
	if (d->event)
		event_free(d->event);
	nlmsg_free(d->request);
	medes_nl_close(&d->nl);
	free(d);
}
