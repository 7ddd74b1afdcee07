// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * This machine, for the controller. What it asks for is answered from the loop, never
 * from within.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "function.h"
#include "host.h"
#include "kernel.h"
#include "log.h"

#define SHUTDOWN_S 10

static int host_start(void *arg, struct box *box, char error[CONTROL_ERROR])
{
	struct local *l = local_new(arg, box);
	int err;

	if (!l)
		return cgroup_fail(error, -ENOMEM, "no memory for a sandbox");
	err = local_launch(l, error);
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
	local_kill(l);
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

/* More than the policy's threshold in a window of the last second: have it decide now. */
static void on_pressed(void *arg)
{
	struct host *host = arg;

	host->pressed_until = clock_now(host->daemon->clock) + US_PER_S;
	host->looked = 0;
	life_hurry(host->daemon->control);
}

/* The trigger is for the threshold that the policy has now. */
static void arm(struct host *host)
{
	double percent = host->daemon->control->policy.params.pressure;

	if (percent == host->armed)
		return;
	pressure_free(host->pressure);
	host->pressure = percent ? pressure_new(host->daemon->events, PRESSURE_FILE, percent,
						on_pressed, host) : NULL;
	host->armed = percent;
}

static bool host_pressure(void *arg, double *available, double *stalled)
{
	struct host *host = arg;
	uint64_t now = clock_now(host->daemon->clock);

	arm(host);
	if (!host->looked || now - host->looked > 50 * US_PER_MS) {
		host->pressure_known = pressure_available(&host->available);
		host->stalled = pressure_stalled(PRESSURE_FILE);
		if (now < host->pressed_until && host->stalled < host->armed)
			host->stalled = host->armed;
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
	if (!err && box->watched)
		err = watch_add(host->watcher, l, error);
	if (!err) {
		local_mark(l);
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

/* Pages of it are lost, or can not be had, or its processes have gone. */
void host_sandbox(struct host *host, const struct medes_sandbox *sandbox)
{
	struct box *box = box_find(host->daemon->control, sandbox->name);
	const uint64_t *stats = sandbox->stats.v;

	if (!box)
		return;
	box_stranded(box, stats[MEDES_A_STATS_PAGES_UNREACHABLE], stats[MEDES_A_STATS_PAGES_ORPHANED]);
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
	host->watcher = watcher_new(daemon);
	if (!host->watcher) {
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
	watcher_free(host->watcher);
	pressure_free(host->pressure);
	cells_close(&host->cells);
	free(host);
}
