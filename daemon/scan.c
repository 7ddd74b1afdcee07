// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scans: a dump whose entries are gathered, so that the registry is asked about
 * hundreds of pages at once.
 */
#include <stdlib.h>
#include "dump.h"
#include "ops.h"
#include "parse.h"
#include "scan.h"

struct scan {
	struct scan_handlers handlers;
	void *arg;
	struct dump *dump;
	size_t n;
	struct medes_page pages[SCAN_BATCH];
};

static int deliver(void *arg)
{
	struct scan *s = arg;
	size_t n = s->n;

	s->n = 0;
	return n ? s->handlers.pages(s->pages, n, s->arg) : 0;
}

static int on_page(struct nlmsghdr *nlh, void *arg)
{
	struct scan *s = arg;
	int err = medes_parse_page(nlh, &s->pages[s->n]);

	if (err || ++s->n < SCAN_BATCH)
		return err;
	return deliver(s);
}

static void on_again(void *arg)
{
	struct scan *s = arg;

	s->handlers.again(s->arg);
}

static void on_done(int err, const char *error, void *arg)
{
	struct scan *s = arg;

	s->handlers.done(err, error, s->arg);
}

static struct nl_msg *make_request(struct medes_nl *nl, const void *what)
{
	return medes_scan_message(nl, *(const uint32_t *)what);
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
	static const struct dump_handlers own = {
		.message = on_page, .batch = deliver, .again = on_again, .done = on_done,
	};
	struct scan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->handlers = *handlers;
	s->arg = arg;
	s->dump = dump_start(events, make_request, &sandbox, &own, s);
	if (s->dump)
		return s;
	free(s);
	return NULL;
}

/* As dump_pause(). */
void scan_pause(struct scan *s, bool pause)
{
	dump_pause(s->dump, pause);
}

/**
 * scan_free() - end a scan at any time
 * @s: the scan, or NULL
 */
void scan_free(struct scan *s)
{
	if (!s)
		return;
	dump_free(s->dump);
	free(s);
}
