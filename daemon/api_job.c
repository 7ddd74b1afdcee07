// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/jobs: following and cancelling. A GET with ?wait_ms=N is answered when the
 * job ends, or after that time with the job as it is then.
 */
#include <stdio.h>
#include <stdlib.h>
#include "api.h"

#define WAIT_MAX_MS 60000

/**
 * api_start_job() - queue a job, if the sandbox is fit for one
 * @r: the request, answered and freed
 * @kind: the job's
 * @sandbox: with what
 * @base_name: of the base to make, or NULL
 */
void api_start_job(struct request *r, enum job_kind kind, const struct medes_sandbox *sandbox,
		   const char *base_name)
{
	struct jobs *jobs = r->daemon->jobs;
	struct job *job = job_of_sandbox(jobs, sandbox->id);

	if (job) {
		http_refuse(r, 409, "job %u is at work on sandbox \"%s\"", job->id, sandbox->name);
		return;
	}
	if (sandbox->state >= MEDES_SANDBOX_STATE_LOST) {
		http_refuse(r, 409, "sandbox \"%s\" %s", sandbox->name,
			    sandbox->state == MEDES_SANDBOX_STATE_LOST ?
			    "has lost pages: end it" : "has no process any more");
		return;
	}
	job = job_new(jobs, kind, sandbox, base_name);
	if (job)
		http_reply(r, 202, job_json(job));
	else
		http_refuse(r, HTTP_SERVUNAVAIL, "too many jobs wait already; try again later");
}

/**
 * api_start_restore() - queue a restore
 * @r: the request, answered and freed
 * @sandbox: of what; somebody waits for it, so another job on it ends
 * @working_set: only that
 */
void api_start_restore(struct request *r, const struct medes_sandbox *sandbox, bool working_set)
{
	struct jobs *jobs = r->daemon->jobs;
	struct job *job = job_of_sandbox(jobs, sandbox->id);

	if (sandbox->state == MEDES_SANDBOX_STATE_DEAD) {
		http_refuse(r, 409, "sandbox \"%s\" has no process any more", sandbox->name);
		return;
	}
	if (job && job->kind == JOB_RESTORE) {
		http_refuse(r, 409, "job %u restores sandbox \"%s\" already", job->id,
			    sandbox->name);
		return;
	}
	if (job)
		job_cancel(job, "cancelled: the sandbox's pages are being restored");
	job = job_new(jobs, JOB_RESTORE, sandbox, NULL);
	if (!job) {
		http_refuse(r, HTTP_SERVUNAVAIL, "too many jobs wait already; try again later");
		return;
	}
	job->working_set = working_set;
	http_reply(r, 202, job_json(job));
}

/* A GET that waits. */
struct waiting {
	struct request *r;
	struct job *job;
	struct job_waiter waiter;
	struct event *timer;
};

static struct job *get_job(struct request *r)
{
	unsigned int id;
	struct job *job = NULL;
	char rest;

	if (sscanf(r->arg, "%10u%c", &id, &rest) == 1)
		job = job_find(r->daemon->jobs, id);
	if (!job)
		http_refuse(r, HTTP_NOTFOUND, "there is no job %s (the oldest ended ones are forgotten)",
			    r->arg);
	return job;
}

static void list(struct request *r)
{
	http_reply(r, HTTP_OK, json_pack("{s:o}", "jobs", jobs_json(r->daemon->jobs)));
}

static void waiting_end(struct waiting *w)
{
	http_reply(w->r, HTTP_OK, job_json(w->job));
	event_free(w->timer);
	free(w);
}

static void on_job_end(struct job *job, void *arg)
{
	(void)job;
	waiting_end(arg);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *w = arg;

	(void)fd, (void)what;
	job_unwait(w->job, &w->waiter);
	waiting_end(w);
}

static void on_client_gone(struct request *r)
{
	struct waiting *w = r->private;

	job_unwait(w->job, &w->waiter);
	waiting_end(w);
}

static void wait_for(struct request *r, struct job *job, unsigned int ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	struct waiting *w = calloc(1, sizeof(*w));

	if (w)
		w->timer = evtimer_new(r->daemon->events, on_timeout, w);
	if (!w || !w->timer) {
		free(w);
		http_refuse(r, HTTP_SERVUNAVAIL, "no memory to wait");
		return;
	}
	w->r = r;
	w->job = job;
	w->waiter.fn = on_job_end;
	w->waiter.arg = w;
	r->private = w;
	r->gone = on_client_gone;
	job_wait(job, &w->waiter);
	event_add(w->timer, &tv);
}

static void show(struct request *r)
{
	struct job *job = get_job(r);
	unsigned int ms = 0;
	char text[16], rest;

	if (!job)
		return;
	if (http_query(r, "wait_ms", text, sizeof(text)) &&
	    (sscanf(text, "%6u%c", &ms, &rest) != 1 || ms > WAIT_MAX_MS)) {
		http_refuse(r, 422, "wait_ms: want a number up to %u", WAIT_MAX_MS);
		return;
	}
	if (ms && !job_ended(job))
		wait_for(r, job, ms);
	else
		http_reply(r, HTTP_OK, job_json(job));
}

static void cancel(struct request *r)
{
	struct job *job = get_job(r);

	if (!job)
		return;
	job_cancel(job, "cancelled on request");
	http_reply(r, HTTP_OK, job_json(job));
}

const struct route api_job_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/jobs", list, 0 },
	{ EVHTTP_REQ_GET, "/v1/jobs/*", show, 0 },
	{ EVHTTP_REQ_DELETE, "/v1/jobs/*", cancel, 0 },
	{ 0, NULL, NULL, 0 },
};
