/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crun command: how it is called, and the files about one container.
 *
 *	RUN/oci/NAME/	config.json, pid, log
 *	RUN/oci.state/	crun's own, so nothing else that uses crun here sees our containers
 *
 * RUN is where the daemon's socket is.
 */
#ifndef MEDESD_CRUN_H
#define MEDESD_CRUN_H

#include <jansson.h>
#include "command.h"
#include "control.h"

struct crun {
	const char *socket;		/* the daemon's */
	const char *name;		/* the container's */
};

/* A negative errno, or 0. */
int crun_make_files(const struct crun *crun, const json_t *config);
void crun_remove_files(const struct crun *crun);

/* Make a container of the bundle and have it run; the order has cell, output, timeout. */
struct command *crun_run(const struct crun *crun, const char *bundle, struct event_base *events,
			 const struct command_order *order, command_fn done, void *arg,
			 char error[CONTROL_ERROR]);
/* Take away what is left of it, running or not. */
struct command *crun_delete(const struct crun *crun, struct event_base *events, command_fn done,
			    void *arg, char error[CONTROL_ERROR]);
void crun_delete_now(const struct crun *crun);	/* waits */

/* After crun_run() */
void crun_complaint(const struct crun *crun, int status, char why[CONTROL_ERROR]);
pid_t crun_pid(const struct crun *crun);	/* 0: not known */

#endif /* MEDESD_CRUN_H */
