/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs an arrival trace through the daemon's own controller and policy, on a
 * machine and a clock that are simulated.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "control.h"
#include "trace.h"

struct sim_setup {
	const struct trace *trace;
	struct policy policy;
	struct control_limits limits;	/* zeroed members: the controller's own */
	double processors;
	uint64_t seed;
	double settle;			/* s to go on after the last arrival */
	double sample;			/* s between two looks at the memory */
	FILE *decisions;		/* a line for each; may be NULL */
	const char *explain;		/* a function; may be NULL */
	double explain_at;		/* s from the begin; what policy explain says goes to stdout */
};

struct sim_answer {
	uint64_t at;			/* us from the begin */
	unsigned int function;
	int status;			/* of HTTP; 0: never answered */
	enum start_kind start;
	double start_ms;
	double total_ms;
};

struct sim_sample {
	double at;			/* s from the begin */
	double used;			/* bytes, machine_used() */
	unsigned int in[POLICY_STATES];
};

struct sim_result {
	struct sim_answer *answers;	/* one an arrival, in the trace's order */
	size_t n;
	struct sim_sample *samples;
	size_t n_samples;
	size_t starts[START_KINDS];	/* of those answered with 200 */
	size_t failed;
	double most;			/* bytes */
	double mean;			/* bytes, of the samples */
	double busy;			/* s of a processor */
	uint64_t dedups, purges, prewarms;
};

/* 0, -ENOENT (no application of that name) or -ENOMEM. */
int sim_run(const struct sim_setup *setup, struct sim_result *result);
void sim_result_free(struct sim_result *result);

/* ms; p from 0 to 100; NAN without answers. start: START_KINDS for all */
double sim_percentile(const struct sim_result *result, enum start_kind start, double p);

#endif /* SIM_SIM_H */
