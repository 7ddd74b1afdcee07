/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that the daemon runs for its own ends: in a cgroup, within a time, and told of
 * when it has ended.
 */
#ifndef MEDESD_COMMAND_H
#define MEDESD_COMMAND_H

#include <event2/event.h>
#include "cgroup.h"

struct command;

/* Exit status; negative: it was killed, or took too long. The command is freed after it. */
typedef void (*command_fn)(int status, void *arg);

struct command_order {
	const char *const *argv;	/* the program is looked for in the usual places */
	const struct cgroup *cell;	/* NULL: our own */
	int output;			/* descriptor for both; stays the caller's */
	unsigned int timeout;		/* ms */
};

/* NULL: nothing was begun, and error says why. */
struct command *command_start(struct event_base *events, const struct command_order *order,
			      command_fn done, void *arg, char error[CGROUP_ERROR]);
void command_free(struct command *command);	/* kills it if it still runs */

/* The same without a loop: waits. */
int command_run(const struct command_order *order);

#endif /* MEDESD_COMMAND_H */
