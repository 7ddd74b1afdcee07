/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: the deduplication of a sandbox, the demarcation of a base, a restore.
 */
#ifndef MEDESD_JOB_H
#define MEDESD_JOB_H

#include <sys/queue.h>
#include <jansson.h>
#include "choose.h"
#include "daemon.h"
#include "freezer.h"
#include "plan.h"
#include "scan.h"
#include "search.h"
#include "store.h"
#include "witness.h"

enum job_kind { JOB_DEDUP, JOB_BASE, JOB_RESTORE };

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_CANCELLED, JOB_FAILED };

struct job;

/* A step begins something that ends with job_next() or job_fail(). */
struct job_step {
	const char *name;
	void (*begin)(struct job *job);
};

/* Somebody who waits for the job's end. */
struct job_waiter {
	TAILQ_ENTRY(job_waiter) link;
	void (*fn)(struct job *job, void *arg);
	void *arg;
};

struct job {
	TAILQ_ENTRY(job) link;
	struct daemon *daemon;
	uint32_t id;
	enum job_kind kind;
	enum job_state state;
	const struct job_step *step;
	bool cancel;
	char error[MEDES_NL_ERROR];
	TAILQ_HEAD(, job_waiter) waiters;

	uint32_t last_restore;		/* operation that had ended when it was asked for */
	uint32_t sandbox_id;
	char sandbox[MEDES_NAME_SIZE];
	char domain[MEDES_NAME_SIZE];
	char function[MEDES_NAME_SIZE];
	bool working_set;		/* restore: only that */
	bool thawed;			/* it is not to be frozen */
	uint64_t base;			/* 0: none made */
	char base_name[MEDES_NAME_SIZE];

	struct bases_waiter learned;
	struct freezer freezer;
	struct witness witness;
	struct scan *scan;
	struct search search;
	bool all_scanned;		/* what is still looked up ends the step */
	struct plan plan;
	struct usage usage;
	struct store *store;

	uint64_t scanned;		/* pages, over all scans */
	uint64_t targeted;		/* pages handed to the kernel */
	uint64_t stored;		/* by stores that have ended */
	uint64_t done;			/* looked at by stores that have ended */
	uint64_t demarcated;		/* of the stored, by demarcation */
	uint64_t spared;		/* left to keep huge pages whole */
	uint64_t started_ns;		/* CLOCK_MONOTONIC */
	uint64_t elapsed_ns;
};

struct jobs;

struct jobs *jobs_new(struct daemon *daemon);
void jobs_free(struct jobs *jobs);

struct job *job_new(struct jobs *jobs, enum job_kind kind, const struct medes_sandbox *sandbox,
		    const char *base_name);
struct job *job_find(struct jobs *jobs, uint32_t id);
struct job *job_of_sandbox(struct jobs *jobs, uint32_t sandbox);
bool jobs_fill(struct jobs *jobs, uint64_t base);
void job_cancel(struct job *job, const char *why);
bool job_ended(const struct job *job);
json_t *job_json(const struct job *job);
json_t *jobs_json(struct jobs *jobs);
void job_wait(struct job *job, struct job_waiter *waiter);
void job_unwait(struct job *job, struct job_waiter *waiter);

/* For the steps (steps.c) */
extern const struct job_step job_dedup_steps[], job_base_steps[], job_restore_steps[];
void job_next(struct job *job);
void job_fail(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));
void job_fold_store(struct job *job);

/* What the kernel tells */
void jobs_op(struct jobs *jobs, const struct medes_op *op);
void jobs_overrun(struct jobs *jobs);
void jobs_down(struct jobs *jobs, const char *why);
void jobs_sandbox_gone(struct jobs *jobs, uint32_t sandbox, const char *why);

#endif /* MEDESD_JOB_H */
