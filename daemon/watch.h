/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adopted sandboxes that are used without being acquired: watched for running and resting.
 */
#ifndef MEDESD_WATCH_H
#define MEDESD_WATCH_H

#include <jansson.h>
#include "activity.h"
#include "control.h"
#include "daemon.h"

struct local;
struct watcher;

/* Of one box; zeroed: not watched. */
struct watch {
	struct activity_cgroup cg;
	uint64_t looked;		/* us */
	uint64_t ran;			/* us on processors, at that time */
	uint64_t since;			/* us: when it began to run, or came to rest */
};

struct watcher *watcher_new(struct daemon *daemon);
void watcher_free(struct watcher *watcher);
json_t *watcher_json(const struct watcher *watcher);

int watch_add(struct watcher *watcher, struct local *l, char error[CONTROL_ERROR]);
void watch_remove(struct watcher *watcher, struct local *l);

#endif /* MEDESD_WATCH_H */
