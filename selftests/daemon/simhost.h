/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine that is only numbers, for the controller: sandboxes start, sleep and wake after
 * set times on the simulated clock, requests take a set time, and whatever a test wants
 * fails.
 */
#ifndef SIMHOST_H
#define SIMHOST_H

#include "function.h"

struct sim {
	struct clock *clock;
	bool shared;			/* the clock is */
	struct control *control;
	struct rng rng;

	/* us; changed at will */
	uint64_t start_time, dedup_time, restore_time, run_time;
	double warm, asleep;		/* bytes of a box */
	double total;			/* of the machine; 0: not known */
	bool module;
	unsigned int starts_fail;	/* so many of the next starts */
	unsigned int dedups_fail;
	bool hang;			/* requests are not answered */

	unsigned int n_events;		/* under way */
	unsigned int started, ended, deduped, woken, demarcated;
	unsigned int restoring, restoring_most;
	unsigned int deduping, deduping_most;
	double used_most;
};

struct sim_call {
	struct call call;
	struct sim *sim;
	struct timer timer;
	bool answered;
	int status;			/* of a refusal */
	unsigned int retry_after;
	unsigned int tries;
	enum start_kind start;
	double waited;			/* ms */
	char why[256];
};

struct sim *sim_new(uint64_t seed);
struct sim *sim_new_at(struct clock *clock, uint64_t seed);	/* several share a clock */
void sim_free(struct sim *sim);
struct function *sim_function(struct sim *sim, const char *name, const char *spec);
void sim_run(struct sim *sim, double seconds);
double sim_used(const struct sim *sim);

/* Asks; it is over when answered or status is set. Freed by the test. */
struct sim_call *sim_ask(struct sim *sim, struct function *f);
struct sim_call *sim_lease(struct sim *sim, struct function *f, struct box *only);
void sim_end_box(struct sim *sim, struct box *box, const char *why);

#endif /* SIMHOST_H */
