/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds a cgroup frozen for as long as something is done to it.
 */
#ifndef MEDESD_FREEZER_H
#define MEDESD_FREEZER_H

#include <event2/event.h>
#include "cgroup.h"

/* err: 0, -ETIMEDOUT, or another negative errno; error says why. */
typedef void (*freezer_fn)(int err, const char *error, void *arg);

struct freezer {
	struct cgroup cgroup;
	bool ours;
	unsigned int left;		/* ms */
	struct event *timer;
	freezer_fn done;
	void *arg;
	char error[CGROUP_ERROR];
};

int freezer_start(struct freezer *f, struct event_base *events, const struct cgroup *cgroup,
		  unsigned int timeout, freezer_fn done, void *arg);
void freezer_release(struct freezer *f);

#endif /* MEDESD_FREEZER_H */
