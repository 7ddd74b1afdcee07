/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A long netlink dump, read piece by piece from the event loop.
 */
#ifndef MEDESD_DUMP_H
#define MEDESD_DUMP_H

#include <stdbool.h>
#include <event2/event.h>
#include "nl.h"

struct dump;

struct dump_handlers {
	/* one message; a negative errno ends the dump with it */
	int (*message)(struct nlmsghdr *nlh, void *arg);
	/* all of one read was given, likewise; may be NULL */
	int (*batch)(void *arg);
	/* begins anew: forget what came */
	void (*again)(void *arg);
	/* ended; the dump may be freed from here. error says why err is not 0 */
	void (*done)(int err, const char *error, void *arg);
};

/* Makes the request. NULL: no memory. */
typedef struct nl_msg *(*dump_request)(struct medes_nl *nl, const void *what);

struct dump *dump_start(struct event_base *events, dump_request request, const void *what,
			const struct dump_handlers *handlers, void *arg);
void dump_pause(struct dump *d, bool pause);
void dump_free(struct dump *d);

#endif /* MEDESD_DUMP_H */
