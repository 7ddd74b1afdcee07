/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What runs a function's sandboxes. Port, cgroup and readiness are the same for all of them
 * (launch.c); what differs is how a process of the function comes to life inside of the
 * cgroup, and what is left to be taken away when all have ended.
 *
 * None of these waits, but for orphan(), and none calls back from within.
 */
#ifndef MEDESD_RUNTIME_H
#define MEDESD_RUNTIME_H

#include "control.h"

struct host;
struct local;

struct runtime {
	const char *name;		/* as specs have it */
	const char *memory_limit;	/* what a sandbox may have met that ran out of memory */
	/* Can it run such a function? Asked when it is added. */
	int (*check)(const struct spec *spec, char error[CONTROL_ERROR]);
	/* Begin: local_lives(), then local_probe(), or local_fail(); or an error, and nothing. */
	int (*start)(struct local *l, char error[CONTROL_ERROR]);
	/* All processes have ended. true: nothing is left; false: local_later() when so. */
	bool (*clean)(struct local *l);
	/* Let go of what is under way; processes stay as they are. */
	void (*forget)(struct local *l);
	/* The same as clean() for a sandbox of an earlier daemon; may take a while. */
	void (*orphan)(struct host *host, const char *name);
};

extern const struct runtime runtime_process, runtime_oci;

/* What an earlier daemon left of a sandbox, whoever ran it. */
void runtimes_orphan(struct host *host, const char *name);

/* NULL: there is none of that name. */
const struct runtime *runtime_find(const char *name);

#endif /* MEDESD_RUNTIME_H */
