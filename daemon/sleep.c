// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A box's way to sleep and back.
 *
 *	freeze the cgroup -> register its processes with the module -> a job of the
 *	node role deduplicates them (or makes a base of them) -> it stays frozen
 *
 *	thaw -> it serves at once, what it touches comes back -> meanwhile the kernel
 *	brings its working set back
 *
 * The cgroup says that it sleeps (cell.c), so a restarted daemon leaves it asleep.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "function.h"
#include "host.h"
#include "kernel.h"
#include "log.h"
#include "members.h"
#include "ops.h"
#include "proc.h"

#define POLL_MS 5

static struct medes_nl *nl_of(const struct local *l)
{
	return kernel_nl(l->host->daemon->kernel);
}

static bool freezes(const struct local *l)
{
	return l->cell.path[0] && l->host->daemon->config.freeze && !l->box->watched;
}

static void thaw(struct local *l)
{
	if (l->cell.path[0] && cell_asleep(&l->cell) && cell_wake(&l->cell) &&
	    !access(l->cell.path, F_OK))
		log_error("cannot thaw %s; thaw it by hand: echo 0 > %s/cgroup.freeze",
			  l->cell.path, l->cell.path);
}

/* Whatever is under way. */
void sleep_stop(struct local *l)
{
	struct job *job = l->job;

	if (l->freezing)
		event_del(l->freezing);
	if (!job)
		return;
	job_unwait(job, &l->waiter);
	l->job = NULL;
	job_cancel(job, "cancelled: the sandbox is wanted");
}

static void done(struct local *l, int err, const char *why)
{
	char text[CONTROL_ERROR];

	snprintf(text, sizeof(text), "%.200s", why ? why : "");
	if (err)
		thaw(l);
	box_deduped(l->box, err, text);
}

static void on_job_end(struct job *job, void *arg)
{
	struct local *l = arg;

	l->job = NULL;
	if (job->state == JOB_DONE)
		done(l, 0, NULL);
	else
		done(l, -EIO, job->error);
}

/**
 * sleep_register_these() - have the module know a box's processes
 * @l: the box
 * @members: its processes
 * @error: receives why not
 *
 * Return: 0, also without the module: it is done when it is needed.
 */
int sleep_register_these(struct local *l, const struct members *members,
			 char error[CONTROL_ERROR])
{
	size_t first = members->n < MEDES_PROCESSES_MAX ? members->n : MEDES_PROCESSES_MAX;
	const struct box *box = l->box;
	struct medes_nl *nl = nl_of(l);
	struct medes_sandbox sandbox;
	int err;

	if (!nl)
		return 0;
	err = medes_sandbox_new(nl, box->name, box->function->domain, box->function->spec.name,
				members->v, first, &sandbox);
	if (err)
		return cgroup_fail(error, err, "%.200s", nl->error);
	l->sandbox = sandbox.id;
	medes_sandbox_clear(&sandbox);
	err = medes_sandbox_attach(nl, l->sandbox, members->v + first, members->n - first);
	if (err) {
		cgroup_fail(error, err, "%.200s", nl->error);
		medes_sandbox_del(nl, l->sandbox);
		l->sandbox = 0;
		return err;
	}
	if (l->cell.path[0] && cgroup_mark(&l->cell, box->name))
		log_warning("cannot mark %s", l->cell.path);
	return 0;
}

/* Is it known to the module already? Its id changes when the module was loaded anew. */
static bool is_registered(struct local *l)
{
	struct medes_sandbox sandbox;

	if (!l->sandbox || medes_sandbox_get(nl_of(l), l->sandbox, &sandbox))
		return false;
	if (strcmp(sandbox.name, l->box->name))
		l->sandbox = 0;
	medes_sandbox_clear(&sandbox);
	return l->sandbox;
}

int sleep_register(struct local *l, char error[CONTROL_ERROR])
{
	const uint32_t pid = l->pid;
	struct members members;
	int err;

	if (is_registered(l))
		return 0;
	err = l->cell.path[0] ? cgroup_members(&l->cell, &members, error) :
	      members_of_pids(&pid, 1, &members, error);
	if (err)
		return err;
	if (members.n)
		err = sleep_register_these(l, &members, error);
	else
		err = cgroup_fail(error, -ESRCH, "its processes have ended");
	members_clear(&members);
	return err;
}

static void start_job(struct local *l)
{
	struct jobs *jobs = l->host->daemon->jobs;
	struct medes_nl *nl = nl_of(l);
	struct medes_sandbox sandbox;
	char error[CONTROL_ERROR], base[MEDES_NAME_SIZE];
	int err;

	if (!nl) {
		done(l, -ENODEV, "the kernel module is not loaded");
		return;
	}
	err = sleep_register(l, error);
	if (!err)
		err = medes_sandbox_get(nl, l->sandbox, &sandbox);
	else
		nl = NULL;
	if (err) {
		done(l, err, nl ? nl->error : error);
		return;
	}
	/* what became different meanwhile may be worth a second base */
	snprintf(base, sizeof(base), l->bases ? "%.52s.%u" : "%.63s", l->box->name, l->bases);
	l->bases += l->demarcate;
	l->job = job_of_sandbox(jobs, l->sandbox) ? NULL :
		 job_new(jobs, l->demarcate ? JOB_BASE : JOB_DEDUP, &sandbox,
			 l->demarcate ? base : NULL);
	medes_sandbox_clear(&sandbox);
	if (!l->job) {
		done(l, -EBUSY, "another job is at work on it, or too many wait");
		return;
	}
	l->job->thawed = l->box->watched;
	l->waiter.fn = on_job_end;
	l->waiter.arg = l;
	job_wait(l->job, &l->waiter);
}

static void on_freezing(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = { .tv_usec = POLL_MS * 1000 };
	struct local *l = arg;
	bool frozen = true;
	int err = 0;

	(void)fd, (void)what;
	if (freezes(l))
		err = cgroup_frozen(&l->cell, &frozen);
	if (err) {
		done(l, err, "its cgroup has gone");
	} else if (frozen) {
		start_job(l);
	} else if (l->left < POLL_MS) {
		done(l, -ETIMEDOUT, "it does not freeze in time (FreezeTimeout)");
	} else {
		l->left -= POLL_MS;
		event_add(l->freezing, &soon);
	}
}

/**
 * sleep_begin() - begin to deduplicate
 * @l: the box
 * @demarcate: make a base of it
 */
void sleep_begin(struct local *l, bool demarcate)
{
	const struct timeval at_once = { 0 };

	l->demarcate = demarcate;
	l->left = l->host->daemon->config.freeze_timeout;
	if (!l->freezing)
		l->freezing = evtimer_new(l->host->daemon->events, on_freezing, l);
	if (freezes(l) && cell_sleep(&l->cell))
		log_warning("cannot freeze %s", l->cell.path);
	if (l->freezing)
		event_add(l->freezing, &at_once);
}

/* It goes on. */
void sleep_wake(struct local *l)
{
	thaw(l);
}

/**
 * sleep_prefetch() - have what it used the last time brought back
 * @l: the box, about to be thawed; it does not wait for that
 */
void sleep_prefetch(struct local *l)
{
	struct medes_nl *nl = nl_of(l);

	l->restore = 0;
	if (nl && l->sandbox && medes_restore_set(nl, l->sandbox, &l->restore)) {
		l->restore = 0;
		log_debug("no prefetch for %s: %s", l->box->name, nl->error);
	}
}

/* Events were lost: has the operation ended? */
void sleep_overrun(struct local *l)
{
	struct medes_nl *nl = nl_of(l);
	struct medes_op op = { .id = l->restore, .state = MEDES_OP_STATE_DONE };

	if (l->restore && (!nl || medes_op_get(nl, l->restore, &op))) {
		op.id = l->restore;
		op.state = MEDES_OP_STATE_DONE;
	}
	sleep_op(l, &op);
}

/* An operation's event: is it the one that brings the working set back? */
void sleep_op(struct local *l, const struct medes_op *op)
{
	if (!l->restore || op->id != l->restore || !medes_op_ended(op))
		return;
	l->restore = 0;
	box_restored(l->box);
}

static double resident(pid_t pid)
{
	char path[64], text[128];
	unsigned long long size, pages, shared;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (medes_file_read(path, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%llu %llu %llu", &size, &pages, &shared) != 3)
		return 0;
	return (double)(pages - shared) * sysconf(_SC_PAGESIZE);
}

/* Bytes that deduplication has taken away, less what it keeps for them. */
static double saved(struct local *l)
{
	struct medes_sandbox sandbox;
	const uint64_t *v = sandbox.stats.v;
	double bytes;

	if (!l->sandbox || !nl_of(l) || medes_sandbox_get(nl_of(l), l->sandbox, &sandbox))
		return 0;
	bytes = (double)medes_stats_pages(&sandbox.stats) * sysconf(_SC_PAGESIZE) -
		v[MEDES_A_STATS_RECORD_BYTES] - v[MEDES_A_STATS_DEVICE_PAGE_BYTES];
	medes_sandbox_clear(&sandbox);
	return bytes;
}

/**
 * sleep_memory() - anonymous memory of a box
 * @l: the box, or NULL
 * @whole: receives what it would be without deduplication: what is away stays charged
 *
 * Return: bytes; 0: not known.
 */
double sleep_memory(struct local *l, double *whole)
{
	double bytes = 0;

	*whole = 0;
	if (!l)
		return 0;
	if (l->cell.path[0])
		bytes = cell_memory(&l->cell);
	if (!bytes && l->pid > 0)
		bytes = resident(l->pid);
	*whole = bytes;
	bytes -= saved(l);
	return bytes > 0 ? bytes : 0;
}

void sleep_forget(struct local *l)
{
	struct box *box = l->box;

	sleep_stop(l);
	if (!box->adopted || !box->told)
		return;
	/* it lives on without us */
	if (l->cell.path[0])
		cell_unmark(&l->cell);
	if (l->sandbox && nl_of(l) && medes_sandbox_del(nl_of(l), l->sandbox))
		log_debug("sandbox %s: %s", box->name, nl_of(l)->error);
}
