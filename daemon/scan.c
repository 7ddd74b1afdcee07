// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scans.
 *
 * The kernel hashes pages while the dump is read: each read of the socket costs
 * it the hashing of some 300 pages. So a scan has a socket of its own, and the
 * loop does other things between two reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ops.h"
#include "parse.h"
#include "scan.h"

#define REPEATS 8

struct scan {
	struct scan_handlers handlers;
	void *arg;
	struct event *event;
	struct nl_msg *request;
	unsigned int repeats;
	int err;
	size_t n;
	struct medes_page pages[SCAN_BATCH];
	struct medes_nl nl;
};

static void deliver(struct scan *s)
{
	if (s->n && !s->err)
		s->err = s->handlers.pages(s->pages, s->n, s->arg);
	s->n = 0;
}

static int on_page(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct scan *s = arg;
	int err = medes_parse_page(nlh, &s->pages[s->n]);

	(void)cmd;
	if (err)
		return err;
	if (++s->n == SCAN_BATCH)
		deliver(s);
	return s->err;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct scan *s = arg;
	int err;

	(void)fd, (void)what;
	if (what & EV_READ) {
		err = medes_nl_receive(&s->nl, on_page, s);
		deliver(s);
		if (err == -EAGAIN || (err > 0 && !s->err))
			return;
		if (err == -EINTR && ++s->repeats < REPEATS) {
			s->handlers.again(s->arg);
			s->err = 0;
			err = medes_nl_send(&s->nl, s->request);
			if (!err)
				return;
		}
		if (err < 0 && !s->err)
			s->err = err;
	}
	event_del(s->event);
	if (s->err && !s->nl.error[0])
		medes_nl_fail(&s->nl, s->err, "the scan: %s", strerror(-s->err));
	s->handlers.done(s->err, s->nl.error, s->arg);
}

static int open_scan(struct scan *s, struct event_base *events, uint32_t sandbox)
{
	int err = medes_nl_open(&s->nl);

	if (err)
		return err;
	evutil_make_socket_nonblocking(medes_nl_fd(&s->nl));
	s->request = medes_scan_message(&s->nl, sandbox);
	if (!s->request)
		return -ENOMEM;
	s->event = event_new(events, medes_nl_fd(&s->nl), EV_READ | EV_PERSIST, on_readable, s);
	if (!s->event || event_add(s->event, NULL))
		return medes_nl_fail(&s->nl, -ENOMEM, "no memory for a scan");
	return medes_nl_send(&s->nl, s->request);
}

/**
 * scan_start() - scan a sandbox
 * @events: the event loop
 * @sandbox: its id
 * @handlers: told what is found; done() is called once, from the loop
 * @arg: for @handlers
 *
 * Return: the scan, or NULL for lack of memory (done() is not called then).
 */
struct scan *scan_start(struct event_base *events, uint32_t sandbox,
			const struct scan_handlers *handlers, void *arg)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->handlers = *handlers;
	s->arg = arg;
	s->err = open_scan(s, events, sandbox);
	if (!s->err)
		return s;
	/* tell it from the loop, like every other end */
	if (!s->event)
		s->event = event_new(events, -1, 0, on_readable, s);
	if (!s->event) {
		scan_free(s);
		return NULL;
	}
	event_active(s->event, EV_TIMEOUT, 0);
	return s;
}

/**
 * scan_free() - end a scan at any time
 * @s: the scan, or NULL
 */
void scan_free(struct scan *s)
{
	if (!s)
		return;
	if (s->event)
		event_free(s->event);
	nlmsg_free(s->request);
	medes_nl_close(&s->nl);
	free(s);
}
