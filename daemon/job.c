// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue of jobs and the life of one.
 *
 *	queued -> running (step by step) -> done | cancelled | failed
 *
 * A job owns everything that its steps need; job_end() lets go of all of it,
 * however the job ends, and thaws. Jobs that have ended are kept for a while, so
 * that whoever asked can read the result.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "job.h"
#include "json.h"
#include "kernel.h"
#include "log.h"
#include "ops.h"
#include "settle.h"

#define KEPT 64				/* ended jobs */
#define WAITING_MAX 1024		/* queued jobs */

TAILQ_HEAD(job_list, job);

struct jobs {
	struct daemon *daemon;
	struct job_list list;		/* oldest first */
	unsigned int running;
	unsigned int queued;
	unsigned int ended;
	uint32_t last_id;
	struct event *start;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

bool job_ended(const struct job *job)
{
	return job->state >= JOB_DONE;
}

static const char *kind_name(const struct job *job)
{
	static const char *const names[] = {
		[JOB_DEDUP] = "dedup", [JOB_BASE] = "base", [JOB_RESTORE] = "restore",
	};

	return names[job->kind];
}

/* Begin what is queued, from the loop. */
static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct jobs *jobs = arg;
	struct job *job;

	(void)fd, (void)what;
	TAILQ_FOREACH(job, &jobs->list, link) {
		if (job->state != JOB_QUEUED)
			continue;
		/* somebody waits for a restore, and it is no work for us */
		if (job->kind != JOB_RESTORE && jobs->running >= jobs->daemon->config.jobs)
			continue;
		jobs->queued--;
		jobs->running++;
		job->state = JOB_RUNNING;
		job->started_ns = now_ns();
		job->step->begin(job);
		/* a step may have ended the job, and the list may have changed */
		event_active(jobs->start, EV_TIMEOUT, 0);
		break;
	}
}

struct jobs *jobs_new(struct daemon *daemon)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (!jobs)
		return NULL;
	jobs->daemon = daemon;
	TAILQ_INIT(&jobs->list);
	jobs->start = evtimer_new(daemon->events, on_start, jobs);
	if (!jobs->start) {
		free(jobs);
		return NULL;
	}
	return jobs;
}

/* Add what a store did to the job's counts, and free it. */
void job_fold_store(struct job *job)
{
	if (!job->store)
		return;
	job->stored += store_stored(job->store);
	job->done += store_done(job->store);
	store_free(job->store);
	job->store = NULL;
}

static void release(struct job *job)
{
	bases_unwait(job->daemon->bases, &job->learned);
	job_fold_store(job);
	witness_free(&job->witness);
	search_clear(&job->search);
	scan_free(job->scan);
	job->scan = NULL;
	plan_clear(&job->plan);
	usage_clear(&job->usage);
	freezer_release(&job->freezer);
}

static void job_free(struct jobs *jobs, struct job *job)
{
	TAILQ_REMOVE(&jobs->list, job, link);
	release(job);
	free(job);
}

/* Forget the oldest ended jobs. */
static void prune(struct jobs *jobs)
{
	struct job *job = TAILQ_FIRST(&jobs->list), *next;

	for (; job && jobs->ended > KEPT; job = next) {
		next = TAILQ_NEXT(job, link);
		if (!job_ended(job) || !TAILQ_EMPTY(&job->waiters))
			continue;
		job_free(jobs, job);
		jobs->ended--;
	}
}

static void job_end(struct job *job, enum job_state state)
{
	static const char *const words[] = {
		[JOB_DONE] = "done", [JOB_CANCELLED] = "cancelled", [JOB_FAILED] = "failed",
	};
	struct jobs *jobs = job->daemon->jobs;
	struct job_waiter *waiter;

	if (job->state == JOB_RUNNING) {
		job->elapsed_ns = now_ns() - job->started_ns;
		jobs->running--;
	} else {
		jobs->queued--;
	}
	jobs->ended++;
	job->state = state;
	release(job);
	log_at(state == JOB_FAILED ? LOG_WARNING : LOG_INFO,
	       "job %u, %s of sandbox %s: %s after %.1f ms: %llu pages scanned, %llu handed over, %llu stored%s%s",
	       job->id, kind_name(job), job->sandbox, words[state],
	       job->elapsed_ns / 1e6, (unsigned long long)job->scanned,
	       (unsigned long long)job->targeted, (unsigned long long)job->stored,
	       job->error[0] ? ": " : "", job->error);
	while ((waiter = TAILQ_FIRST(&job->waiters))) {
		job_unwait(job, waiter);
		waiter->fn(job, waiter->arg);
	}
	if (state == JOB_DONE)
		settle_later(job->daemon->settler, job->sandbox_id);
	if (state == JOB_DONE && job->kind == JOB_BASE && job->base)
		settle_pack_later(job->daemon->settler, job->base);
	event_active(jobs->start, EV_TIMEOUT, 0);
}

/**
 * job_next() - the step at hand is done
 * @job: the job; begins its next step, or ends
 */
void job_next(struct job *job)
{
	if (job->cancel) {
		job_end(job, JOB_CANCELLED);
		return;
	}
	job->step++;
	if (job->step->begin)
		job->step->begin(job);
	else
		job_end(job, JOB_DONE);
}

/**
 * job_fail() - the step at hand cannot be done
 * @job: the job, which ends
 * @format: why
 */
void job_fail(struct job *job, const char *format, ...)
{
	va_list args;

	if (job->cancel) {
		job_end(job, JOB_CANCELLED);
		return;
	}
	va_start(args, format);
	vsnprintf(job->error, sizeof(job->error), format, args);
	va_end(args);
	job_end(job, JOB_FAILED);
}

static bool is_restore(const struct medes_op *op)
{
	return op->kind == MEDES_OP_KIND_RESTORE || op->kind == MEDES_OP_KIND_RESTORE_ALL;
}

/* The newest restore that has ended, of which an event may still come. */
static uint32_t last_restore(const struct jobs *jobs)
{
	struct medes_nl *nl = kernel_nl(jobs->daemon->kernel);
	struct medes_op_list ops;
	uint32_t last = 0;
	size_t i;

	if (!nl || medes_op_list(nl, &ops))
		return 0;
	for (i = 0; i < ops.n; i++)
		if (is_restore(&ops.v[i]) && medes_op_ended(&ops.v[i]) && ops.v[i].id > last)
			last = ops.v[i].id;
	medes_op_list_clear(&ops);
	return last;
}

/**
 * job_new() - queue a job
 * @jobs: the queue
 * @kind: what to do
 * @sandbox: with what
 * @base_name: of the base to make, for JOB_BASE
 *
 * Return: the job, or NULL when memory or the queue's length is exhausted.
 */
struct job *job_new(struct jobs *jobs, enum job_kind kind, const struct medes_sandbox *sandbox,
		    const char *base_name)
{
	struct job *job;

	prune(jobs);
	job = jobs->queued < WAITING_MAX ? calloc(1, sizeof(*job)) : NULL;
	if (!job)
		return NULL;
	job->daemon = jobs->daemon;
	job->id = ++jobs->last_id;
	job->kind = kind;
	job->state = JOB_QUEUED;
	job->step = kind == JOB_BASE ? job_base_steps :
		    kind == JOB_RESTORE ? job_restore_steps : job_dedup_steps;
	job->last_restore = last_restore(jobs);
	job->sandbox_id = sandbox->id;
	strcpy(job->sandbox, sandbox->name);
	strcpy(job->domain, sandbox->domain);
	strcpy(job->function, sandbox->function);
	if (base_name)
		strcpy(job->base_name, base_name);
	TAILQ_INIT(&job->waiters);
	TAILQ_INSERT_TAIL(&jobs->list, job, link);
	jobs->queued++;
	event_active(jobs->start, EV_TIMEOUT, 0);
	return job;
}

struct job *job_find(struct jobs *jobs, uint32_t id)
{
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->id == id)
			return job;
	return NULL;
}

/* The job of a sandbox that has not ended. */
struct job *job_of_sandbox(struct jobs *jobs, uint32_t sandbox)
{
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->sandbox_id == sandbox && !job_ended(job))
			return job;
	return NULL;
}

/* Is a job at work that may add pages to the base? */
bool jobs_fill(struct jobs *jobs, uint64_t base)
{
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->base == base && !job_ended(job))
			return true;
	return false;
}

/**
 * job_cancel() - end a job soon
 * @job: the job
 * @why: for whoever asks
 *
 * What was stored stays stored. Operations in flight end their batch first.
 */
void job_cancel(struct job *job, const char *why)
{
	if (job_ended(job) || job->cancel)
		return;
	job->cancel = true;
	snprintf(job->error, sizeof(job->error), "%s", why);
	if (job->store)
		store_cancel(job->store);
	else
		job_end(job, JOB_CANCELLED);
}

void job_wait(struct job *job, struct job_waiter *waiter)
{
	TAILQ_INSERT_TAIL(&job->waiters, waiter, link);
}

void job_unwait(struct job *job, struct job_waiter *waiter)
{
	TAILQ_REMOVE(&job->waiters, waiter, link);
}

static uint64_t elapsed(const struct job *job)
{
	return job->state == JOB_RUNNING ? now_ns() - job->started_ns : job->elapsed_ns;
}

json_t *job_json(const struct job *job)
{
	static const char *const states[] = {
		[JOB_QUEUED] = "queued", [JOB_RUNNING] = "running", [JOB_DONE] = "done",
		[JOB_CANCELLED] = "cancelled", [JOB_FAILED] = "failed",
	};
	uint64_t done = job->done + (job->store ? store_done(job->store) : 0);
	uint64_t stored = job->stored + (job->store ? store_stored(job->store) : 0);

	return json_pack("{s:I,s:s,s:s,s:s,s:o,s:b,s:o?,s:o?,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o?}",
			 "job", (json_int_t)job->id,
			 "kind", kind_name(job),
			 "state", states[job->state],
			 "step", job->state == JOB_RUNNING ? job->step->name : "",
			 "sandbox", medes_json_text(job->sandbox),
			 "working_set", job->working_set,
			 "base", job->base ? medes_json_id(job->base) : NULL,
			 "base_name", job->base ? medes_json_text(job->base_name) : NULL,
			 "pages_scanned", (json_int_t)job->scanned,
			 "pages_targeted", (json_int_t)job->targeted,
			 "pages_done", (json_int_t)done,
			 "pages_stored", (json_int_t)stored,
			 "pages_demarcated", (json_int_t)job->demarcated,
			 "pages_spared", (json_int_t)job->spared,
			 "elapsed_ms", (json_int_t)(elapsed(job) / 1000000),
			 "error", job->error[0] ? medes_json_text(job->error) : NULL);
}

json_t *jobs_json(struct jobs *jobs)
{
	json_t *array = json_array();
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		json_array_append_new(array, job_json(job));
	return array;
}

/* The oldest job that is not over and, at best, concerns a sandbox. */
static struct job *next_active(struct jobs *jobs, uint32_t sandbox)
{
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (!job_ended(job) && (!sandbox || job->sandbox_id == sandbox))
			return job;
	return NULL;
}

/**
 * jobs_op() - an operation's event came
 * @jobs: the queue
 * @op: the operation
 *
 * A restore that somebody else asked for ends the jobs that would undo it, but not one that was
 * begun when the restore had ended: events are read later than they are sent.
 */
void jobs_op(struct jobs *jobs, const struct medes_op *op)
{
	bool restore = is_restore(op);
	struct job *job, *next;

	for (job = TAILQ_FIRST(&jobs->list); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job_ended(job))
			continue;
		if (restore && job->kind != JOB_RESTORE && !medes_op_ended(op) &&
		    op->id > job->last_restore &&
		    (op->kind == MEDES_OP_KIND_RESTORE_ALL || op->sandbox == job->sandbox_id))
			job_cancel(job, "cancelled: the sandbox's pages are being restored");
		else if (job->store)
			store_event(job->store, op);
	}
}

void jobs_overrun(struct jobs *jobs)
{
	struct job *job;

	TAILQ_FOREACH(job, &jobs->list, link)
		if (job->store)
			store_overrun(job->store);
}

/**
 * jobs_down() - the module has gone
 * @jobs: the queue; every job fails
 * @why: for whoever asks
 */
void jobs_down(struct jobs *jobs, const char *why)
{
	jobs_sandbox_gone(jobs, 0, why);
}

/**
 * jobs_sandbox_gone() - a sandbox is no more
 * @jobs: the queue; the sandbox's job fails
 * @sandbox: its id; 0: all
 * @why: for whoever asks
 */
void jobs_sandbox_gone(struct jobs *jobs, uint32_t sandbox, const char *why)
{
	struct job *job;

	while ((job = next_active(jobs, sandbox)))
		job_fail(job, "%s", why);
}

void jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	jobs_down(jobs, "medesd ends");
	while (!TAILQ_EMPTY(&jobs->list))
		job_free(jobs, TAILQ_FIRST(&jobs->list));
	event_free(jobs->start);
	free(jobs);
}
