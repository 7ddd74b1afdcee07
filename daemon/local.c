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
#include "ended.h"
#include "function.h"
#include "host.h"
#include "log.h"
#include "proc.h"

#define REMOVE_PAUSE_MS 10
#define REMOVALS_MAX 500
#define REAP_PAUSE_MS 5
#define REAPS_MAX 20

static const struct timeval at_once;

/* All that we hold of it; what is outside stays as it is. */
void local_free(struct local *l)
{
	l->runtime->forget(l);
	watch_remove(l->host->watcher, l);
	probe_free(l->probe);
	lines_free(l->lines);
	if (l->exit)
		event_free(l->exit);
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

/* What became of the process, in words, once that is known. */
static void describe_exit(struct local *l)
{
	int status;

	if (!ended_status(l->pidfd, &status) || l->why[0])
		return;
	if (WIFEXITED(status))
		snprintf(l->why, sizeof(l->why), "its process exited with status %d",
			 WEXITSTATUS(status));
	else if (cell_oom_killed(&l->cell))
		snprintf(l->why, sizeof(l->why), "it needed more memory than it may have (%s) and was killed",
			 l->runtime->memory_limit);
	else
		snprintf(l->why, sizeof(l->why), "its process was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* Why is known once its parent has reaped it, which may be somebody else. */
static bool explained(struct local *l)
{
	const struct timeval pause = { .tv_usec = REAP_PAUSE_MS * 1000 };

	describe_exit(l);
	if (!l->exited || l->why[0] || l->reaps++ >= REAPS_MAX)
		return true;
	event_add(l->later, &pause);
	return false;
}

static const char *reason(const struct local *l)
{
	return l->why[0] ? l->why : l->exited ? "its process has ended" : "it was ended";
}

/* The main process has ended; whatever else is in the cgroup goes, then the cgroup. */
static void remove_cell(struct local *l)
{
	const struct timeval pause = { .tv_usec = REMOVE_PAUSE_MS * 1000 };
	int err;

	if (!explained(l))
		return;
	box_dies(l->box, reason(l));
	if (l->ours && !l->runtime->clean(l))
		return;
	err = l->ours ? cell_remove(&l->cell) : 0;
	if (err && l->removals++ < REMOVALS_MAX) {
		event_add(l->later, &pause);
		return;
	}
	if (err)
		log_error("cannot remove cgroup %s: %s", l->cell.path, strerror(-err));
	finish(l, reason(l));
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

/* Its first process has ended, or never was: what else there is of it goes, too. */
void local_ends(struct local *l)
{
	sleep_stop(l);
	probe_free(l->probe);
	l->probe = NULL;
	if (l->ours)
		local_kill(l);
	l->end_due = true;
	local_later(l);
}

static void on_exit_of(evutil_socket_t fd, short what, void *arg)
{
	struct local *l = arg;

	(void)fd, (void)what;
	event_free(l->exit);
	l->exit = NULL;
	if (!l->box->told && watch_another(l))
		return;
	l->exited = true;
	describe_exit(l);
	local_ends(l);
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

/* Its end, which is near, will be reported with this reason. */
void local_excuse(struct local *l, const char *why)
{
	if (!l->why[0])
		snprintf(l->why, sizeof(l->why), "%s", why);
}

/* It cannot go on. */
void local_fail(struct local *l, const char *why)
{
	local_excuse(l, why);
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

struct local *local_new(struct host *host, struct box *box)
{
	struct local *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->box = box;
	l->host = host;
	l->runtime = &runtime_process;
	l->pidfd = -1;
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

