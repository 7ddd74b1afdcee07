/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process of a function, from its spec.
 */
#ifndef MEDESD_SPAWN_H
#define MEDESD_SPAWN_H

#include <sys/types.h>
#include "cgroup.h"
#include "spec.h"

struct spawn {
	const struct spec *spec;
	const char *name;		/* of the sandbox: identifier in the journal, host name */
	const struct cgroup *cell;	/* path empty: none */
	unsigned int port;
	uid_t uid;
	gid_t gid;
	bool namespaces;		/* own mounts, pids, IPC and host name */
	bool private_tmp;		/* an empty /tmp of its own; needs namespaces */
};

struct spawned {
	pid_t pid;
	int pidfd;
	int status;			/* readable when it was executed (end of file) or not */
};

/* 0 or a negative errno, and error says why */
int spawn(const struct spawn *what, struct spawned *out, char error[CGROUP_ERROR]);

/* What the child said. 0: it was executed; else error says what failed. */
int spawn_result(int status, char error[CGROUP_ERROR]);

/* A descriptor for the output of a sandbox. */
int spawn_log(const char *name);

#endif /* MEDESD_SPAWN_H */
