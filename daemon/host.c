// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The machine's side of a box's life: process, cgroup, readiness, end.
 *
 * A box has ended when its processes and its cgroup are gone, not before: only then
 * is its memory free, and only then may nothing of it be left. What the controller asks for
 * is answered from the loop, never from within.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "function.h"
#include "host.h"
#include "kernel.h"
#include "log.h"
#include "proc.h"
#include "spawn.h"

#define REMOVE_PAUSE_MS 10
#define REMOVALS_MAX 500
#define SHUTDOWN_S 10

static const struct timeval at_once;

/* All that we hold of it; what is outside stays as it is. */
static void local_free(struct local *l)
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

static void kill_all(struct local *l)
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
		kill_all(l);
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
	kill_all(l);
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

static void on_executed(evutil_socket_t fd, short what, void *arg)
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
static void local_undo(struct local *l)
{
	if (l->cell.path[0] && l->ours)
		cell_remove(&l->cell);
	local_free(l);
}

/* A port that nobody listens at; the range is none that the system gives away by itself. */
static unsigned int free_port(struct host *host)
{
	const struct config *config = &host->daemon->config;
	unsigned int n = config->port_last - config->port_first + 1, i;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1, fd, err;

	for (i = 0; i < n; i++) {
		host->last_port = host->last_port < config->port_last ? host->last_port + 1 :
				  config->port_first;
		address.sin_port = htons(host->last_port);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return 0;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		err = bind(fd, (struct sockaddr *)&address, sizeof(address));
		close(fd);
		if (!err)
			return host->last_port;
	}
	return 0;
}

static int mark(struct local *l)
{
	const struct box *box = l->box;
	json_t *mark;
	int err;

	if (!l->cell.path[0])
		return 0;
	mark = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:b,s:s}", "name", box->name,
			 "function", box->function->spec.name, "domain", box->function->domain,
			 "pid", (json_int_t)l->pid, "start_time", (json_int_t)l->start_time,
			 "port", (json_int_t)l->port, "adopted", box->adopted,
			 "address", box->address);
	err = mark ? cell_mark(&l->cell, mark) : -ENOMEM;
	json_decref(mark);
	return err;
}

static int prepare(struct local *l, char *error)
{
	struct host *host = l->host;
	struct box *box = l->box;
	int err;

	l->port = free_port(host);
	if (!l->port)
		return cgroup_fail(error, -EADDRINUSE, "no port is free (FirstPort, LastPort)");
	snprintf(box->address, sizeof(box->address), "127.0.0.1:%u", l->port);
	l->lines = lines_new(host->daemon->events, l->port, host->daemon->config.invoke_answer);
	if (!l->lines)
		return cgroup_fail(error, -ENOMEM, "no memory for a sandbox");
	err = cell_make(&host->cells, box->name, &box->function->spec, &l->cell, error);
	l->ours = !err;
	return err;
}

static int launch(struct local *l, char *error)
{
	const struct spec *spec = &l->box->function->spec;
	struct host *host = l->host;
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
	l->pid = child.pid;
	l->box->pid = child.pid;
	l->pidfd = child.pidfd;
	l->status = child.status;
	l->executed = event_new(host->daemon->events, l->status, EV_READ, on_executed, l);
	if (local_watch(l) || !l->executed || event_add(l->executed, NULL)) {
		/* rare enough: its end is waited for */
		kill(l->pid, SIGKILL);
		waitid(P_PID, l->pid, NULL, WEXITED);
		return cgroup_fail(error, -ENOMEM, "no memory to watch a process");
	}
	if (mark(l))
		log_warning("cannot mark %s: a restarted medesd will not know it", l->cell.path);
	return 0;
}

static int host_start(void *arg, struct box *box, char error[CONTROL_ERROR])
{
	struct host *host = arg;
	struct local *l = local_new(host, box);
	int err;

	if (!l)
		return cgroup_fail(error, -ENOMEM, "no memory for a sandbox");
	err = prepare(l, error);
	if (!err)
		err = launch(l, error);
	if (err)
		local_undo(l);
	return err;
}

static void host_end(void *arg, struct box *box)
{
	struct local *l = box->local;

	(void)arg;
	sleep_stop(l);
	if (box->adopted) {
		sleep_wake(l);
		l->awake_due = false;
		l->end_due = true;
		local_later(l);
		return;
	}
	kill_all(l);
	/* one that has ended already tells so by its event; nothing watches one without */
	if (!l->exit && !l->end_due) {
		l->end_due = true;
		local_later(l);
	}
}

static void host_dedup(void *arg, struct box *box, bool demarcate)
{
	struct local *l = box->local;

	(void)arg;
	if (l->lines)
		lines_drop(l->lines);
	sleep_begin(l, demarcate);
}

static void host_wake(void *arg, struct box *box)
{
	struct local *l = box->local;

	(void)arg;
	sleep_stop(l);
	sleep_prefetch(l);
	sleep_wake(l);
	l->awake_due = true;
	local_later(l);
}

static double host_memory(void *arg, const struct box *box, double *whole)
{
	(void)arg;
	return sleep_memory(box->local, whole);
}

static bool host_pressure(void *arg, double *available, double *stalled)
{
	struct host *host = arg;
	uint64_t now = clock_now(host->daemon->clock);

	if (!host->looked || now - host->looked > 50 * US_PER_MS) {
		host->pressure_known = pressure_read(&host->available, &host->stalled);
		host->looked = now;
	}
	*available = host->available;
	*stalled = host->stalled;
	return host->pressure_known;
}

static double host_overhead(void *arg)
{
	const struct host *host = arg;

	return host->overhead;
}

static bool host_dedups(void *arg)
{
	struct host *host = arg;

	return kernel_nl(host->daemon->kernel);
}

static void host_retire(void *arg, uint64_t base)
{
	struct host *host = arg;

	bases_retire(host->daemon->bases, base);
}

static void host_bases(void *arg)
{
	struct host *host = arg;

	host->overhead = bases_show(host->daemon);
}

const struct host_ops host_ops = {
	.start = host_start,
	.end = host_end,
	.dedup = host_dedup,
	.wake = host_wake,
	.memory = host_memory,
	.overhead = host_overhead,
	.pressure = host_pressure,
	.bases = host_bases,
	.retire = host_retire,
	.dedups = host_dedups,
};

/**
 * host_adopt() - take over what another platform runs
 * @host: the machine
 * @box: new, of it
 * @cgroup: its cgroup, or NULL
 * @members: its processes
 * @error: receives why not
 *
 * Return: NULL, and nothing has been done.
 */
struct local *host_adopt(struct host *host, struct box *box, const struct cgroup *cgroup,
			 const struct members *members, char error[CONTROL_ERROR])
{
	struct local *l = local_new(host, box);
	int err;

	if (!l) {
		snprintf(error, CONTROL_ERROR, "no memory for a sandbox");
		return NULL;
	}
	if (cgroup)
		l->cell = *cgroup;
	l->pid = members->v[0].pid;
	l->start_time = members->v[0].start_time;
	box->pid = members->n == 1 ? l->pid : 0;
	err = local_watch(l);
	if (!err)
		err = sleep_register_these(l, members, error);
	else
		snprintf(error, CONTROL_ERROR, "process %d: %s", l->pid, strerror(-err));
	if (!err) {
		mark(l);
		return l;
	}
	local_undo(l);
	return NULL;
}

void host_op(struct host *host, const struct medes_op *op)
{
	struct box *box, *next;

	HASH_ITER(hh, host->daemon->control->boxes, box, next)
		if (box->local)
			sleep_op(box->local, op);
}

/* Events were lost. */
void host_overrun(struct host *host)
{
	struct box *box, *next;

	HASH_ITER(hh, host->daemon->control->boxes, box, next)
		if (box->local)
			sleep_overrun(box->local);
}

/* Pages of it are lost, or its processes have gone. */
void host_sandbox(struct host *host, const struct medes_sandbox *sandbox)
{
	struct box *box = box_find(host->daemon->control, sandbox->name);

	if (!box)
		return;
	if (sandbox->state == MEDES_SANDBOX_STATE_LOST)
		box_lost(box, "pages of it cannot be rebuilt");
	else if (sandbox->state == MEDES_SANDBOX_STATE_DEAD && box->local)
		((struct local *)box->local)->sandbox = 0;
}

/* The module has gone, and has brought everything back before. */
void host_down(struct host *host)
{
	struct control *c = host->daemon->control;
	struct box *box, *next;
	struct local *l;

	HASH_ITER(hh, c->boxes, box, next) {
		l = box->local;
		if (!l)
			continue;
		l->sandbox = 0;
		l->restore = 0;
		box_restored(box);
		if (box->state == BOX_DEDUP) {
			sleep_wake(l);
			box_set(box, BOX_IDLE);
			box->unmeasured = true;
		}
	}
}

struct host *host_new(struct daemon *daemon)
{
	struct host *host = calloc(1, sizeof(*host));
	const struct passwd *user;
	char error[CGROUP_ERROR];

	if (!host)
		return NULL;
	host->daemon = daemon;
	host->last_port = daemon->config.port_last;
	user = getpwnam(daemon->config.user);
	if (!user) {
		log_error("User=%s: there is no such user", daemon->config.user);
		free(host);
		return NULL;
	}
	host->uid = user->pw_uid;
	host->gid = user->pw_gid;
	if (cells_open(&host->cells, daemon->config.cgroup, error))
		log_warning("functions run without cgroups: %s", error);
	return host;
}

/* Left running: a later medesd takes them over. */
static void leave(struct control *c)
{
	struct box *box, *next;

	HASH_ITER(hh, c->boxes, box, next) {
		sleep_stop(box->local);
		/* a cancelled job has left it neither here nor there */
		if (box->state != BOX_DEDUP)
			sleep_wake(box->local);
		local_free(box->local);
	}
}

/**
 * host_shutdown() - medesd ends
 * @host: the machine; its boxes end before this returns, or are left running
 */
void host_shutdown(struct host *host)
{
	struct control *c = host->daemon->control;
	uint64_t until = clock_now(host->daemon->clock) + SHUTDOWN_S * US_PER_S;
	struct box *box, *next;

	control_end_calls(c);
	if (host->daemon->config.keep_on_exit && host->cells.root.path[0]) {
		leave(c);
		return;
	}
	HASH_ITER(hh, c->boxes, box, next)
		box_purge(box, "medesd ends");
	while (c->boxes && clock_now(host->daemon->clock) < until)
		event_base_loop(host->daemon->events, EVLOOP_ONCE);
	HASH_ITER(hh, c->boxes, box, next)
		local_free(box->local);
}

void host_free(struct host *host)
{
	if (!host)
		return;
	cells_close(&host->cells);
	free(host);
}
