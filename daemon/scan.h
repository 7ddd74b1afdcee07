/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scan of a sandbox, in batches.
 */
#ifndef MEDESD_SCAN_H
#define MEDESD_SCAN_H

#include <stdbool.h>
#include <event2/event.h>
#include "medes.h"

#define SCAN_BATCH 512

struct scan;

struct scan_handlers {
	/* some pages; a negative errno ends the scan with it */
	int (*pages)(const struct medes_page *pages, size_t n, void *arg);
	/* begins anew: forget the pages so far */
	void (*again)(void *arg);
	/* ended; the scan may be freed from here. error says why err is not 0 */
	void (*done)(int err, const char *error, void *arg);
};

struct scan *scan_start(struct event_base *events, uint32_t sandbox,
			const struct scan_handlers *handlers, void *arg);
void scan_pause(struct scan *s, bool pause);
void scan_free(struct scan *s);

#endif /* MEDESD_SCAN_H */
