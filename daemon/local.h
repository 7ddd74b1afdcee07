/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host knows of a box: processes, cgroup, connections.
 */
#ifndef MEDESD_LOCAL_H
#define MEDESD_LOCAL_H

#include "box.h"
#include "cgroup.h"
#include "daemon.h"
#include "forward.h"
#include "job.h"
#include "probe.h"
#include "runtime.h"
#include "watch.h"

struct local {
	struct box *box;
	struct host *host;
	struct cgroup cell;		/* path empty: none */
	bool ours;			/* the cgroup is: made by us, to be removed by us */
	unsigned int port;		/* 0: none */
	pid_t pid;
	uint64_t start_time;
	int pidfd;
	struct event *exit;		/* of the process */
	const struct runtime *runtime;
	void *run;			/* the runtime's, while something is under way */
	struct probe *probe;
	struct lines *lines;
	char why[CONTROL_ERROR];	/* why it is to end; empty: it was told to */

	struct event *later;		/* callbacks that must not come from within */
	bool awake_due, end_due;
	bool exited;			/* its process has, by itself or not */
	unsigned int reaps;		/* looks for the exit status */
	unsigned int removals;		/* tries to remove the cgroup */

	struct watch watch;		/* of adopted ones only */

	/* sleep.c */
	struct event *freezing;
	unsigned int left;		/* ms until it must be frozen */
	bool demarcate;
	unsigned int bases;		/* that were made of it */
	uint32_t sandbox;		/* the kernel's id; 0: not known there */
	struct job *job;
	struct job_waiter waiter;
	uint32_t restore;		/* operation that brings the working set back; 0: none */
};

/* local.c */
struct local *local_new(struct host *host, struct box *box);
void local_free(struct local *l);	/* what is outside stays as it is */
void local_undo(struct local *l);	/* nothing has become of it */
int local_watch(struct local *l);
int local_probe(struct local *l);
void local_excuse(struct local *l, const char *why);
void local_fail(struct local *l, const char *why);
void local_ends(struct local *l);
void local_kill(struct local *l);
void local_later(struct local *l);

/* launch.c */
int local_launch(struct local *l, char error[CONTROL_ERROR]);
int local_lives(struct local *l, pid_t pid);
int local_mark(struct local *l);

/* sleep.c: what the kernel module does to a box */
void sleep_begin(struct local *l, bool demarcate);
void sleep_stop(struct local *l);	/* whatever of it is under way */
void sleep_wake(struct local *l);
void sleep_prefetch(struct local *l);
void sleep_overrun(struct local *l);
int sleep_register(struct local *l, char error[CONTROL_ERROR]);
int sleep_register_these(struct local *l, const struct members *members,
			 char error[CONTROL_ERROR]);
double sleep_memory(struct local *l, double *whole);
void sleep_forget(struct local *l);	/* the box has ended */
void sleep_op(struct local *l, const struct medes_op *op);

#endif /* MEDESD_LOCAL_H */
