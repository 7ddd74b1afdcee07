// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the host knows of a box, from its first process to the end of its last.
 *
 * A box has ended when its processes and its cgroup are gone, not before: only then
 * is its memory free, and only then may nothing of it be left.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "function.h"
#include "host.h"
#include "log.h"
#include "proc.h"
#include "spawn.h"

#define REMOVE_PAUSE_MS 10
#define REMOVALS_MAX 500

static const struct timeval at_once;

/* All that we hold of it; what is outside stays as it is. */
void local_free(struct local *l)
{
	probe_free(l->probe);
	lines_free(l->lines);
	if (l->exit)
		event_free(l->exit);
	if (l->executed)
		event_free(l->executed);
	if (l->status >= 0)
		close(l->status);
	if (l->pidfd >= 0)
		close(l->pidfd);
	if (l->freezing)
		event_free(l->freezing);
	event_free(l->later);
	l->box->local = NULL;
	free(l);
}

static void finish(struct local *l, const char *why)
{
	struct box *box = l->box;
	char text[CONTROL_ERROR];

	snprintf(text, sizeof(text), "%s", why);
	sleep_forget(l);
	local_free(l);
	box_ended(box, text);
}

void local_kill(struct local *l)
{
	if (l->cell.path[0])
		cell_kill(&l->cell);
	else if (l->pid > 0)
		kill(-l->pid, SIGKILL);
}

/* The main process has ended; whatever else is in the cgroup goes, then the cgroup. */
static void remove_cell(struct local *l)
{
	const struct timeval pause = { .tv_usec = REMOVE_PAUSE_MS * 1000 };
	int err = l->ours ? cell_remove(&l->cell) : 0;

	if (err && l->removals++ < REMOVALS_MAX) {
		event_add(l->later, &pause);
		return;
	}
	if (err)
		log_error("cannot remove cgroup %s: %s", l->cell.path, strerror(-err));
	finish(l, l->why[0] ? l->why : "it was ended");
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct local *l = arg;

	(void)fd, (void)what;
	if (l->end_due) {
		remove_cell(l);
	} else if (l->awake_due) {
		l->awake_due = false;
		box_awake(l->box);
		if (!l->restore)
			box_restored(l->box);
	}
}

/* Have what is due done, from the loop. */
void local_later(struct local *l)
{
	event_add(l->later, &at_once);
}

/* What became of the process, in words. */
static void describe_exit(struct local *l)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, l->pidfd, &info, WEXITED | WNOHANG) || l->why[0])
		snprintf(l->why + strlen(l->why), sizeof(l->why) - strlen(l->why), "%s",
			 l->why[0] ? "" : "its process has ended");
	else if (info.si_code == CLD_EXITED)
		snprintf(l->why, sizeof(l->why), "its process exited with status %d",
			 info.si_status);
	else if (cell_oom_killed(&l->cell))
		snprintf(l->why, sizeof(l->why), "it needed more memory than it may have (memory_bytes) and was killed");
	else
		snprintf(l->why, sizeof(l->why), "its process was killed by signal %d (%s)",
			 info.si_status, strsignal(info.si_status));
}

/* An adopted one lives as long as a process is in its cgroup. */
static bool watch_another(struct local *l)
{
	char error[CGROUP_ERROR];
	struct members members;
	bool found = false;
	size_t i;

	if (l->ours || !l->cell.path[0] || cgroup_members(&l->cell, &members, error))
		return false;
	for (i = 0; i < members.n && !found; i++) {
		l->pid = members.v[i].pid;
		l->start_time = members.v[i].start_time;
		found = !local_watch(l);
	}
	members_clear(&members);
	return found;
}

static void on_exit_of(evutil_socket_t fd, short what, void *arg)
{
	struct local *l = arg;

	(void)fd, (void)what;
	event_free(l->exit);
	l->exit = NULL;
	if (!l->box->told && watch_another(l))
		return;
	describe_exit(l);
	sleep_stop(l);
	probe_free(l->probe);
	l->probe = NULL;
	if (l->ours)
		local_kill(l);
	l->end_due = true;
	local_later(l);
}

/* Hear of the end of l->pid, if it is still the process of l->start_time. */
int local_watch(struct local *l)
{
	struct event_base *events = l->host->daemon->events;
	uint64_t start_time;

	if (l->pidfd >= 0 && !l->ours) {
		close(l->pidfd);
		l->pidfd = -1;
	}
	if (l->pidfd < 0)
		l->pidfd = syscall(SYS_pidfd_open, l->pid, 0);
	if (l->pidfd < 0)
		return -errno;
	/* the descriptor is open, so the pid cannot be given away between the two */
	if (medes_process_start_time(l->pid, &start_time) ||
	    (l->start_time && start_time != l->start_time))
		return -ESRCH;
	l->start_time = start_time;
	l->exit = event_new(events, l->pidfd, EV_READ, on_exit_of, l);
	return l->exit && !event_add(l->exit, NULL) ? 0 : -ENOMEM;
}

/* It cannot go on; its end will be reported with this reason. */
void local_fail(struct local *l, const char *why)
{
	if (!l->why[0])
		snprintf(l->why, sizeof(l->why), "%s", why);
	local_kill(l);
}

static void on_probed(const char *error, void *arg)
{
	struct local *l = arg;
	char why[CONTROL_ERROR];

	if (error)
		snprintf(why, sizeof(why), "%s", error);
	probe_free(l->probe);
	l->probe = NULL;
	if (error)
		local_fail(l, why);
	else
		box_started(l->box);
}

int local_probe(struct local *l)
{
	const struct spec *spec = &l->box->function->spec;

	l->probe = probe_start(l->host->daemon->events, l->port, spec->ready_path,
			       spec->start_timeout, on_probed, l);
	return l->probe ? 0 : -ENOMEM;
}

/* The pipe of spawn() says what became of it. */
void local_executed(evutil_socket_t fd, short what, void *arg)
{
	char error[CGROUP_ERROR];
	struct local *l = arg;
	int err;

	(void)fd, (void)what;
	event_free(l->executed);
	l->executed = NULL;
	err = spawn_result(l->status, error);
	l->status = -1;
	if (err)
		snprintf(l->why, sizeof(l->why), "%s", error);
	else if (l->box->state == BOX_STARTING && local_probe(l))
		local_fail(l, "no memory to ask whether it is ready");
}

struct local *local_new(struct host *host, struct box *box)
{
	struct local *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->box = box;
	l->host = host;
	l->pidfd = -1;
	l->status = -1;
	l->later = evtimer_new(host->daemon->events, on_later, l);
	if (!l->later) {
		free(l);
		return NULL;
	}
	box->local = l;
	return l;
}

/* Nothing has become of it. */
void local_undo(struct local *l)
{
	if (l->cell.path[0] && l->ours)
		cell_remove(&l->cell);
	local_free(l);
}

