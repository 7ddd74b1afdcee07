// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The default runtime: a process of this machine, started by the daemon itself. Whatever it
 * leaves behind is in its cgroup, so there is nothing to clean.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "function.h"
#include "host.h"
#include "runtime.h"
#include "spawn.h"

/* On the way to its execution. */
struct run {
	int status;			/* the pipe that tells of it */
	struct event *executed;
};

static int check(const struct spec *spec, char error[CONTROL_ERROR])
{
	(void)spec, (void)error;
	return 0;
}

static void forget(struct local *l)
{
	struct run *run = l->run;

	if (!run)
		return;
	if (run->executed)
		event_free(run->executed);
	if (run->status >= 0)
		close(run->status);
	free(run);
	l->run = NULL;
}

static void on_executed(evutil_socket_t fd, short what, void *arg)
{
	char error[CGROUP_ERROR];
	struct local *l = arg;
	struct run *run = l->run;
	int err;

	(void)fd, (void)what;
	err = spawn_result(run->status, error);
	run->status = -1;
	forget(l);
	if (err)
		local_excuse(l, error);
	else if (l->box->state == BOX_STARTING && local_probe(l))
		local_fail(l, "no memory to ask whether it is ready");
}

static int watch(struct local *l, const struct spawned *child)
{
	struct run *run = calloc(1, sizeof(*run));

	l->run = run;
	if (!run)
		return -ENOMEM;
	run->status = child->status;
	run->executed = event_new(l->host->daemon->events, run->status, EV_READ, on_executed, l);
	return run->executed && !event_add(run->executed, NULL) ? 0 : -ENOMEM;
}

static int start(struct local *l, char error[CONTROL_ERROR])
{
	const struct spec *spec = &l->box->function->spec;
	const struct host *host = l->host;
	const struct spawn what = {
		.spec = spec, .name = l->box->name, .cell = &l->cell, .port = l->port,
		.uid = spec->uid >= 0 ? (uid_t)spec->uid : host->uid,
		.gid = spec->gid >= 0 ? (gid_t)spec->gid : host->gid,
		.namespaces = host->daemon->config.namespaces,
		.private_tmp = host->daemon->config.private_tmp,
	};
	struct spawned child;
	int err = spawn(&what, &child, error);

	if (err)
		return err;
	l->pidfd = child.pidfd;
	if (!watch(l, &child) && !local_lives(l, child.pid))
		return 0;
	/* rare enough: its end is waited for */
	kill(child.pid, SIGKILL);
	waitid(P_PID, child.pid, NULL, WEXITED);
	if (!l->run)
		close(child.status);
	return cgroup_fail(error, -ENOMEM, "no memory to watch a process");
}

static bool clean(struct local *l)
{
	(void)l;
	return true;
}

static void orphan(struct host *host, const char *name)
{
	(void)host, (void)name;
}

const struct runtime runtime_process = {
	.name = "process",
	.memory_limit = "memory_bytes",
	.check = check,
	.start = start,
	.clean = clean,
	.forget = forget,
	.orphan = orphan,
};
