// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decisions on views made by hand: the Medes policy, the baselines, bases, lack of memory,
 * parameters, explanations.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "policy.h"

#define NOW (100000 * US_PER_S)
#define MIB (1024.0 * 1024)
#define MOST 64

/* One function or two, with all that their views point to. */
struct world {
	struct policy policy;
	struct policy_view view;
	struct policy_function functions[2];
	struct policy_sandbox sandboxes[2][MOST];
	struct policy_base bases[2][4];
	struct measure measures[2];
};

static void setup(struct world *w, const struct policy_ops *ops)
{
	int i;

	memset(w, 0, sizeof(*w));
	policy_init(&w->policy, ops);
	w->policy.params.keep_dedup = 900 * US_PER_S;
	w->view = (struct policy_view){ .now = NOW, .functions = w->functions, .n = 1 };
	for (i = 0; i < 2; i++) {
		measure_init(&w->measures[i], 60 * US_PER_S);
		w->functions[i] = (struct policy_function){
			.name = i ? "other" : "web", .measure = &w->measures[i],
			.sandboxes = w->sandboxes[i], .bases = w->bases[i], .dedups = true,
		};
	}
}

static struct policy_sandbox *add(struct world *w, int f, enum policy_state state, double idle_s)
{
	struct policy_sandbox *s = &w->sandboxes[f][w->functions[f].n++];

	*s = (struct policy_sandbox){ .state = state, .idle_since = NOW - idle_s * US_PER_S };
	return s;
}

static struct policy_base *add_base(struct world *w, int f, uint64_t users, double age_s)
{
	struct policy_base *b = &w->bases[f][w->functions[f].n_bases++];

	*b = (struct policy_base){ .users = users, .made = NOW - age_s * US_PER_S };
	return b;
}

/* Arrivals so that peak and average are the rate. */
static void rate(struct world *w, int f, double per_s)
{
	struct measure *m = &w->measures[f];

	m->window_end = NOW + 1;
	m->arrivals[0] = per_s * 60;
	m->rate = (struct average){ .value = per_s, .n = 1 };
	m->idle_since = NOW - US_PER_S;
	measure_start(m, START_WARM, 0.1);
	measure_start(m, START_DEDUP, 0.4);
	m->exec = (struct average){ .value = 0.1, .n = 1 };
	m->restore = (struct average){ .value = 0, .n = 1 };
	measure_memory_warm(m, 50 * MIB);
	measure_memory_dedup(m, 20 * MIB);
	measure_memory_restore(m, 5 * MIB);
}

static unsigned int count(const struct world *w, int f, enum policy_action action)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < w->functions[f].n; i++)
		n += w->sandboxes[f][i].action == action;
	return n;
}

/* Every decision has its words, and only decisions do. */
static void decide(struct world *w)
{
	const struct policy_sandbox *s;
	size_t i, j;

	policy_decide(&w->policy, &w->view);
	assert_true(w->view.next > NOW);
	assert_true(w->view.next <= NOW + w->policy.params.interval);
	for (i = 0; i < w->view.n; i++)
		for (j = 0; j < w->functions[i].n; j++) {
			s = &w->sandboxes[i][j];
			assert_int_equal(s->why != NULL, s->action != POLICY_KEEP);
			if (s->action != POLICY_KEEP)
				assert_true(s->state == POLICY_WARM || s->state == POLICY_DEDUP);
		}
}

/* Keep-alive */

static void fixed_purges_when_its_time_is_over(void **state)
{
	struct policy_sandbox *a, *b, *c, *d;
	struct world w;

	(void)state;
	setup(&w, &policy_fixed);
	a = add(&w, 0, POLICY_WARM, 600);
	b = add(&w, 0, POLICY_WARM, 599.9);
	c = add(&w, 0, POLICY_RUNNING, 5000);
	d = add(&w, 0, POLICY_WARM, 5000);
	d->pinned = true;
	decide(&w);
	assert_int_equal(a->action, POLICY_PURGE);
	assert_int_equal(b->action, POLICY_KEEP);
	assert_int_equal(c->action, POLICY_KEEP);
	assert_int_equal(d->action, POLICY_KEEP);
	assert_int_equal(w.view.next, NOW + 100 * US_PER_MS);
}

static void a_function_may_have_parameters_of_its_own(void **state)
{
	struct policy_params own;
	struct world w;

	(void)state;
	setup(&w, &policy_fixed);
	own = w.policy.params;
	own.keep_alive = 10 * US_PER_S;
	w.view.n = 2;
	w.functions[1].params = &own;
	add(&w, 0, POLICY_WARM, 11);
	add(&w, 1, POLICY_WARM, 11);
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_KEEP);
	assert_int_equal(w.sandboxes[1][0].action, POLICY_PURGE);
}

/* Idle times of 10 minutes and a half: bucket 10. */
static void regular(struct world *w, double since_last)
{
	w->measures[0].idle[10] = 20;
	w->measures[0].idle_total = 20;
	w->measures[0].idle_since = NOW - since_last * US_PER_S;
}

static void adaptive_keeps_while_a_request_is_likely(void **state)
{
	/* kept from 10 min - 10 % to 11 min + 10 % */
	static const struct {
		double idle;
		enum policy_action action;
	} cases[] = {
		{ 1, POLICY_PURGE }, { 539, POLICY_PURGE }, { 541, POLICY_KEEP },
		{ 725, POLICY_KEEP }, { 727, POLICY_PURGE },
	};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		setup(&w, &policy_adaptive);
		regular(&w, cases[i].idle);
		add(&w, 0, POLICY_WARM, cases[i].idle);
		decide(&w);
		assert_int_equal(w.sandboxes[0][0].action, cases[i].action);
		assert_int_equal(w.functions[0].prewarm, 0);
	}
}

static void adaptive_starts_one_ahead_of_need(void **state)
{
	static const double since[] = { 539, 541, 725, 727 };
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		setup(&w, &policy_adaptive);
		regular(&w, since[i]);
		decide(&w);
		assert_int_equal(w.functions[0].prewarm, i == 1 || i == 2);
	}
	/* that one is kept from the last request on, not from its start */
	setup(&w, &policy_adaptive);
	regular(&w, 600);
	add(&w, 0, POLICY_WARM, 1);
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_KEEP);
	setup(&w, &policy_adaptive);
	regular(&w, 730);
	add(&w, 0, POLICY_WARM, 100);
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_PURGE);
	/* nothing is started for somebody who waits already, nor beside one that is there */
	setup(&w, &policy_adaptive);
	regular(&w, 600);
	w.functions[0].queued = 1;
	decide(&w);
	assert_int_equal(w.functions[0].prewarm, 0);
	setup(&w, &policy_adaptive);
	regular(&w, 600);
	add(&w, 0, POLICY_STARTING, 0);
	decide(&w);
	assert_int_equal(w.functions[0].prewarm, 0);
}

static void adaptive_keeps_long_what_it_can_not_judge(void **state)
{
	struct world w;
	int i;

	(void)state;
	/* nine idle times are too few */
	setup(&w, &policy_adaptive);
	regular(&w, 1);
	w.measures[0].idle[10] = w.measures[0].idle_total = 9;
	add(&w, 0, POLICY_WARM, 1);
	add(&w, 0, POLICY_WARM, 14399);
	add(&w, 0, POLICY_WARM, 14401);
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_KEEP);
	assert_int_equal(w.sandboxes[0][1].action, POLICY_KEEP);
	assert_int_equal(w.sandboxes[0][2].action, POLICY_PURGE);
	/* all lengths alike */
	setup(&w, &policy_adaptive);
	for (i = 0; i < MEASURE_BUCKETS; i++)
		w.measures[0].idle[i] = 3;
	w.measures[0].idle_total = 3 * MEASURE_BUCKETS;
	add(&w, 0, POLICY_WARM, 1);
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_KEEP);
}

static void adaptive_forecasts_what_is_beyond_the_histogram(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_adaptive);
	w.measures[0].idle[10] = w.measures[0].idle_total = 9;
	w.measures[0].idle_beyond = 11;
	w.measures[0].idle_mean = (struct average){ .value = 20000, .n = 20 };
	w.measures[0].idle_since = NOW - 16999 * US_PER_S;
	decide(&w);
	assert_int_equal(w.functions[0].prewarm, 0);
	w.measures[0].idle_since = NOW - 17001 * US_PER_S;
	decide(&w);
	assert_int_equal(w.functions[0].prewarm, 1);
	add(&w, 0, POLICY_WARM, 1);
	w.measures[0].idle_since = NOW - 23001 * US_PER_S;
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_PURGE);
}

/* Medes */

/*
 * The example of test-solve.c: at 31/s and a generous alpha, six of ten may be
 * deduplicated. Two are already, so four are, those that were used least recently.
 */
static void medes_deduplicates_down_to_the_optimum(void **state)
{
	struct world w;
	int i;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 31);
	w.policy.params.alpha = 100;
	add_base(&w, 0, 1, 0);
	add(&w, 0, POLICY_DEDUP, 100);
	add(&w, 0, POLICY_DEDUPING, 100);
	for (i = 0; i < 8; i++)
		add(&w, 0, POLICY_WARM, 100 + i);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 4);
	for (i = 2; i < 6; i++)
		assert_int_equal(w.sandboxes[0][i].action, POLICY_KEEP);
}

static void medes_leaves_what_idles_for_a_short_time_or_is_stuck(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	add_base(&w, 0, 1, 0);
	add(&w, 0, POLICY_WARM, 59);
	add(&w, 0, POLICY_WARM, 61);
	add(&w, 0, POLICY_WARM, 61)->stuck = true;
	add(&w, 0, POLICY_RUNNING, 1000);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 1);
	assert_int_equal(w.sandboxes[0][1].action, POLICY_DEDUPLICATE);
	/* and it wants to be asked when the first one has idled for its period */
	assert_int_equal(w.view.next, NOW + US_PER_S);
	/* on a host that can't deduplicate, nothing is */
	w.functions[0].dedups = false;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 0);
}

/* With a start of no time at all, all being warm would be the only thing within the limit. */
static void medes_deduplicates_when_a_warm_start_takes_no_time(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	w.measures[0].start[START_WARM].value = 0;
	add(&w, 0, POLICY_WARM, 100);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 1);
}

/* P2: the fast function keeps its sandboxes warm, the rare one gives way. */
static void medes_shares_memory_by_arrival_rate(void **state)
{
	struct world w;
	int i;

	(void)state;
	setup(&w, &policy_medes);
	w.view.n = 2;
	w.policy.params.objective = POLICY_LATENCY;
	w.policy.params.headroom = 0;
	rate(&w, 0, 9);
	rate(&w, 1, 1);
	for (i = 0; i < 10; i++) {
		add(&w, 0, POLICY_WARM, 100);
		add(&w, 1, POLICY_WARM, 100);
	}
	add_base(&w, 0, 1, 0);
	add_base(&w, 1, 1, 0);
	/* 500 MiB each; 9:1 of 900 is 810, of which 500 are needed; 400 are left for the other */
	w.view.capacity = 1000 * MIB;
	w.view.overhead = 100 * MIB;
	w.view.used = 1000 * MIB;
	decide(&w);
	assert_true(fabs(w.functions[0].share - 500 * MIB) < 1);
	assert_true(fabs(w.functions[1].share - 400 * MIB) < 1);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 0);
	/* 500 - 25 D <= 400 */
	assert_int_equal(count(&w, 1, POLICY_DEDUPLICATE), 4);
	/* enough for all */
	w.view.capacity = 1200 * MIB;
	decide(&w);
	assert_int_equal(count(&w, 1, POLICY_DEDUPLICATE), 0);
	/* less than both want: by rate, 270 and 30 */
	w.view.capacity = 400 * MIB;
	w.view.used = 0;
	decide(&w);
	assert_true(fabs(w.functions[0].share - 270 * MIB) < 1);
	assert_true(fabs(w.functions[1].share - 30 * MIB) < 1);
	/* 500 - 25 D <= 270; 30 is infeasible */
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 10);
	assert_int_equal(count(&w, 1, POLICY_DEDUPLICATE), 10);
}

static void medes_ends_both_periods(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	w.policy.params.objective = POLICY_LATENCY;
	rate(&w, 0, 1);
	add_base(&w, 0, 1, 0);
	add(&w, 0, POLICY_WARM, 599);		/* no limit of memory: stays warm */
	add(&w, 0, POLICY_WARM, 600);
	add(&w, 0, POLICY_WARM, 600)->stuck = true;
	add(&w, 0, POLICY_DEDUP, 899);
	add(&w, 0, POLICY_DEDUP, 900);
	add(&w, 0, POLICY_DEDUP, 900)->pinned = true;
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_KEEP);
	assert_int_equal(w.sandboxes[0][1].action, POLICY_DEDUPLICATE);
	assert_int_equal(w.sandboxes[0][2].action, POLICY_PURGE);
	assert_int_equal(w.sandboxes[0][3].action, POLICY_KEEP);
	assert_int_equal(w.sandboxes[0][4].action, POLICY_PURGE);
	assert_int_equal(w.sandboxes[0][5].action, POLICY_KEEP);
}

/* Bases */

static void the_first_base_waits_for_several_sandboxes(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	add(&w, 0, POLICY_WARM, 100);
	add(&w, 0, POLICY_WARM, 100);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 0);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 2);
	add(&w, 0, POLICY_RUNNING, 0);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 1);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 1);
	/* one is being made already */
	w.functions[0].demarcating = true;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 0);
	/* the paper's rule */
	w.functions[0].demarcating = false;
	w.functions[0].n = 1;
	w.policy.params.first_base = 1;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 1);
}

/* Functions with a sandbox each share the first base of their domain, and of no other. */
static void the_first_base_of_a_domain_serves_all_its_functions(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	w.view.n = 2;
	rate(&w, 0, 0.1);
	rate(&w, 1, 0.1);
	add(&w, 0, POLICY_WARM, 100);
	add(&w, 1, POLICY_WARM, 100);
	add(&w, 1, POLICY_WARM, 100);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 1);
	assert_int_equal(count(&w, 1, POLICY_DEMARCATE), 0);
	assert_int_equal(count(&w, 1, POLICY_DEDUPLICATE), 2);
	w.functions[0].domain = "a";
	w.functions[1].domain = "b";
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 0);
	w.functions[1].domain = "a";
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 1);
	/* the domain has one, of another function */
	add_base(&w, 1, 1, 0);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 0);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 1);
}

static void one_more_base_when_there_are_too_few(void **state)
{
	struct world w;
	int i;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	add_base(&w, 0, 1, 0);
	for (i = 0; i < 39; i++)
		add(&w, 0, POLICY_DEDUP, 100);
	add(&w, 0, POLICY_WARM, 100);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 0);	/* 40 / 1 is not above 40 */
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 1);
	add(&w, 0, POLICY_WARM, 100);
	add(&w, 0, POLICY_WARM, 100);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 1);	/* one at a time */
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 2);
	add_base(&w, 0, 1, 0);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEMARCATE), 0);
}

static void a_base_too_many_is_retired(void **state)
{
	struct policy_base *a, *b;
	struct world w;
	int i;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	a = add_base(&w, 0, 500, 1000);
	b = add_base(&w, 0, 20, 1000);
	for (i = 0; i < 21; i++)
		add(&w, 0, POLICY_DEDUP, 100);
	decide(&w);
	assert_false(a->retire || b->retire);
	w.functions[0].n = 20;
	decide(&w);
	assert_false(a->retire);
	assert_true(b->retire);
	assert_non_null(b->why);
	/* not before its records could come */
	b->made = NOW - 899 * US_PER_S;
	decide(&w);
	assert_false(a->retire || b->retire);
}

static void the_last_base_goes_with_the_function(void **state)
{
	struct policy_base *a;
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	a = add_base(&w, 0, 0, 1000);
	w.measures[0].idle_since = NOW - 899 * US_PER_S;
	decide(&w);
	assert_false(a->retire);
	w.measures[0].idle_since = NOW - 900 * US_PER_S;
	decide(&w);
	assert_true(a->retire);
	a->users = 1;
	decide(&w);
	assert_false(a->retire);
	a->users = 0;
	add(&w, 0, POLICY_DEDUP, 10);
	decide(&w);
	assert_false(a->retire);
}

/* Lack of memory */

static void room_is_made_by_the_function_that_keeps_most_for_its_rate(void **state)
{
	struct world w;
	double freed;
	int i;

	(void)state;
	setup(&w, &policy_fixed);
	w.view.n = 2;
	rate(&w, 0, 1);
	rate(&w, 1, 10);
	for (i = 0; i < 2; i++)
		add(&w, 0, POLICY_WARM, 10 + i);
	for (i = 0; i < 12; i++)
		add(&w, 1, POLICY_WARM, 500 + i);
	/* 2 / 1 against 12 / 10 */
	freed = policy_make_room(&w.policy, &w.view, 50 * MIB);
	assert_true(fabs(freed - 50 * MIB) < 1);
	assert_int_equal(w.sandboxes[0][1].action, POLICY_PURGE);
	assert_int_equal(count(&w, 0, POLICY_PURGE) + count(&w, 1, POLICY_PURGE), 1);
	/* then 1 / 1 against 12 / 10, and then 1 / 1 against 11 / 10 */
	freed = policy_make_room(&w.policy, &w.view, 101 * MIB);
	assert_true(fabs(freed - 150 * MIB) < 1);
	assert_int_equal(count(&w, 0, POLICY_PURGE), 1);
	assert_int_equal(w.sandboxes[1][11].action, POLICY_PURGE);
	assert_int_equal(w.sandboxes[1][10].action, POLICY_PURGE);
	assert_int_equal(count(&w, 1, POLICY_PURGE), 2);
}

static void room_is_never_made_by_what_runs_or_is_another_platforms(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 1);
	add(&w, 0, POLICY_RUNNING, 10);
	add(&w, 0, POLICY_STARTING, 10);
	add(&w, 0, POLICY_DEDUPING, 10);
	add(&w, 0, POLICY_WARM, 10)->pinned = true;
	add(&w, 0, POLICY_DEDUP, 10)->memory = 7 * MIB;
	assert_true(fabs(policy_make_room(&w.policy, &w.view, 500 * MIB) - 7 * MIB) < 1);
	assert_int_equal(count(&w, 0, POLICY_PURGE), 1);
	assert_int_equal(w.sandboxes[0][4].action, POLICY_PURGE);
}

/* 30 MiB a sandbox are freed by deduplicating it, 50 by purging it. */
static void short_memory_deduplicates_before_it_purges(void **state)
{
	struct world w;
	int i;

	(void)state;
	setup(&w, &policy_medes);
	w.policy.params.objective = POLICY_LATENCY;
	w.policy.params.headroom = 0;
	rate(&w, 0, 1);
	add_base(&w, 0, 1, 0);
	for (i = 0; i < 4; i++)
		add(&w, 0, POLICY_WARM, 5 + i);		/* too short for the idle period */
	w.view.used = 200 * MIB;
	w.view.capacity = 200 * MIB;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 4);
	w.view.capacity = 150 * MIB;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 2);
	assert_int_equal(w.sandboxes[0][3].action, POLICY_DEDUPLICATE);
	assert_int_equal(w.sandboxes[0][2].action, POLICY_DEDUPLICATE);
	/* all four free 120, and 10 are missing */
	w.view.capacity = 70 * MIB;
	add(&w, 0, POLICY_DEDUP, 1);
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 4);
	assert_int_equal(count(&w, 0, POLICY_PURGE), 1);
	assert_int_equal(w.sandboxes[0][4].action, POLICY_PURGE);
	/* what is on the way already counts */
	w.view.capacity = 150 * MIB;
	w.sandboxes[0][0].state = POLICY_DEDUPING;
	w.sandboxes[0][1].state = POLICY_DEDUPING;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 5);
	/* and a policy that can't deduplicate purges */
	w.policy.ops = &policy_fixed;
	w.sandboxes[0][0].state = POLICY_WARM;
	w.sandboxes[0][1].state = POLICY_WARM;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 0);
	assert_int_equal(count(&w, 0, POLICY_PURGE), 1);
}

static void headroom_is_kept_by_deduplicating_only(void **state)
{
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	w.policy.params.objective = POLICY_LATENCY;
	rate(&w, 0, 1);
	add_base(&w, 0, 1, 0);
	add(&w, 0, POLICY_WARM, 5);
	add(&w, 0, POLICY_DEDUP, 50);
	w.view.capacity = 1000 * MIB;
	w.view.used = 951 * MIB;			/* 5 % are to be free */
	decide(&w);
	assert_int_equal(w.sandboxes[0][0].action, POLICY_DEDUPLICATE);
	assert_int_equal(w.sandboxes[0][1].action, POLICY_KEEP);
	w.view.used = 949 * MIB;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 2);
}

static void a_host_that_stalls_hastens_deduplication(void **state)
{
	struct world w;
	int i;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 1);
	add_base(&w, 0, 1, 0);
	for (i = 0; i < 20; i++)
		add(&w, 0, POLICY_WARM, 5);
	w.view.used = 1000 * MIB;
	w.view.pressure = 9;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 20);
	w.view.pressure = 11;				/* 5 % at a time: 50 of 30 each */
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_DEDUPLICATE), 2);
	w.policy.ops = &policy_fixed;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 20);
}

/* Parameters */

static void parameters_from_text(void **state)
{
	static const struct {
		const char *key;
		const char *value;
		int err;
		const char *words;
	} bad[] = {
		{ "keepalive2", "1s", -ENOENT, "keep_alive" },
		{ "keep_alive", "60", -EINVAL, "ms, s, min or h" },
		{ "keep_alive", "-1s", -EINVAL, "time" },
		{ "keep_alive", "", -EINVAL, "time" },
		{ "keep_alive", "0x10s", -EINVAL, "time" },
		{ "keep_alive", "nans", -EINVAL, "time" },
		{ "keep_alive", "1e9h", -ERANGE, "time" },
		{ "alpha", "inf", -EINVAL, "number" },
		{ "alpha", "2.5x", -EINVAL, "number" },
		{ "samples", "2.5", -EINVAL, "whole" },
		{ "samples", "0", -ERANGE, "1 to" },
		{ "objective", "speed", -EINVAL, "latency" },
		{ "headroom", "91", -ERANGE, "0 to 90" },
	};
	struct policy_params params, before;
	char error[512];
	size_t i;

	(void)state;
	policy_params_default(&params);
	assert_int_equal(policy_params_set(&params, "KeepAlive", "2min", error, sizeof(error)), 0);
	assert_int_equal(params.keep_alive, 120 * US_PER_S);
	assert_int_equal(policy_params_set(&params, "keep_dedup", "1.5h", error, sizeof(error)), 0);
	assert_int_equal(params.keep_dedup, 5400 * US_PER_S);
	assert_int_equal(policy_params_set(&params, "Idle", "250ms", error, sizeof(error)), 0);
	assert_int_equal(params.idle, 250000);
	assert_int_equal(policy_params_set(&params, "objective", "latency", error, sizeof(error)), 0);
	assert_int_equal(params.objective, POLICY_LATENCY);
	assert_int_equal(policy_params_set(&params, "Samples", "25", error, sizeof(error)), 0);
	assert_int_equal(params.samples, 25);
	assert_int_equal(policy_params_set(&params, "alpha", "3.25", error, sizeof(error)), 0);
	assert_true(params.alpha == 3.25);
	before = params;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(policy_params_set(&params, bad[i].key, bad[i].value, error,
						   sizeof(error)), bad[i].err);
		print_message("# %s\n", error);
		assert_non_null(strstr(error, bad[i].words));
		assert_memory_equal(&params, &before, sizeof(params));
	}
}

/* What is shown can be set again, and gives the same. */
static void parameters_shown_can_be_set(void **state)
{
	struct policy_params params, other;
	const char *key;
	char error[512];
	json_t *all, *value;

	(void)state;
	memset(&params, 0, sizeof(params));
	memset(&other, 0, sizeof(other));
	policy_params_default(&params);
	params.idle = 1500;
	params.objective = POLICY_LATENCY;
	params.alpha = 1.0 / 3;
	policy_params_default(&other);
	all = policy_params_json(&params);
	assert_non_null(all);
	json_object_foreach(all, key, value)
		assert_int_equal(policy_params_set(&other, key, json_string_value(value), error,
						   sizeof(error)), 0);
	assert_int_equal(other.idle, 1500);
	assert_int_equal(other.objective, POLICY_LATENCY);
	assert_true(fabs(other.alpha - 1.0 / 3) < 1e-9);
	assert_int_equal(other.keep_alive, params.keep_alive);
	assert_int_equal(json_object_size(all), 17);
	json_decref(all);
}

static void one_factor_scales_every_period(void **state)
{
	struct policy_params params;

	(void)state;
	policy_params_default(&params);
	policy_params_scale(&params, 0.1);
	assert_int_equal(params.interval, US_PER_S / 10);
	assert_int_equal(params.idle, 6 * US_PER_S);
	assert_int_equal(params.keep_alive, 60 * US_PER_S);
	assert_int_equal(params.keep_dedup, 720 * US_PER_S);
	assert_int_equal(params.window, 6 * US_PER_S);
	assert_true(params.alpha == 2.5);
}

static void policies_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(policy_find("medes"), &policy_medes);
	assert_ptr_equal(policy_find("fixed"), &policy_fixed);
	assert_ptr_equal(policy_find("adaptive"), &policy_adaptive);
	assert_null(policy_find("none"));
	assert_string_equal(policy_names(), "medes, fixed, adaptive");
	assert_string_equal(policy_names(), "medes, fixed, adaptive");
}

/* Explanations */

static void expect_text(json_t *all, const char *words)
{
	const char *text = json_string_value(json_object_get(all, "text"));

	if (!strstr(text, words))
		fail_msg("not there: %s\n%s", words, text);
}

static void explained_in_numbers_and_words(void **state)
{
	struct world w;
	json_t *all;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 31);
	w.policy.params.alpha = 100;
	add(&w, 0, POLICY_WARM, 100);
	add(&w, 0, POLICY_WARM, 10);
	add(&w, 0, POLICY_RUNNING, 10);
	decide(&w);
	all = policy_explain(&w.policy, &w.view, 0);
	assert_non_null(all);
	print_message("%s", json_string_value(json_object_get(all, "text")));
	expect_text(all, "31.000/s on average");
	expect_text(all, "3: 1 running, 2 warm");
	expect_text(all, "cold 1000.0 ms (assumed)");
	expect_text(all, "no division meets 31.00 requests/s at the peak");
	expect_text(all, "make a base one that is warm and idle for 100 s: the function has no base yet, and several");
	expect_text(all, "keep 2");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(all, "numbers"),
							    "wanted_dedup")), 3);
	assert_int_equal(json_array_size(json_object_get(all, "decisions")), 1);
	json_decref(all);
}

static void every_policy_explains_an_empty_function(void **state)
{
	static const struct policy_ops *const ops[] = {
		&policy_medes, &policy_fixed, &policy_adaptive,
	};
	struct world w;
	json_t *all;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		setup(&w, ops[i]);
		decide(&w);
		all = policy_explain(&w.policy, &w.view, 0);
		assert_non_null(all);
		print_message("%s", json_string_value(json_object_get(all, "text")));
		expect_text(all, ops[i]->summary);
		expect_text(all, "there are no sandboxes");
		assert_string_equal(json_string_value(json_object_get(all, "policy")), ops[i]->name);
		json_decref(all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_purges_when_its_time_is_over),
		cmocka_unit_test(a_function_may_have_parameters_of_its_own),
		cmocka_unit_test(adaptive_keeps_while_a_request_is_likely),
		cmocka_unit_test(adaptive_starts_one_ahead_of_need),
		cmocka_unit_test(adaptive_keeps_long_what_it_can_not_judge),
		cmocka_unit_test(adaptive_forecasts_what_is_beyond_the_histogram),
		cmocka_unit_test(medes_deduplicates_down_to_the_optimum),
		cmocka_unit_test(medes_leaves_what_idles_for_a_short_time_or_is_stuck),
		cmocka_unit_test(medes_deduplicates_when_a_warm_start_takes_no_time),
		cmocka_unit_test(medes_shares_memory_by_arrival_rate),
		cmocka_unit_test(medes_ends_both_periods),
		cmocka_unit_test(the_first_base_waits_for_several_sandboxes),
		cmocka_unit_test(the_first_base_of_a_domain_serves_all_its_functions),
		cmocka_unit_test(one_more_base_when_there_are_too_few),
		cmocka_unit_test(a_base_too_many_is_retired),
		cmocka_unit_test(the_last_base_goes_with_the_function),
		cmocka_unit_test(room_is_made_by_the_function_that_keeps_most_for_its_rate),
		cmocka_unit_test(room_is_never_made_by_what_runs_or_is_another_platforms),
		cmocka_unit_test(short_memory_deduplicates_before_it_purges),
		cmocka_unit_test(headroom_is_kept_by_deduplicating_only),
		cmocka_unit_test(a_host_that_stalls_hastens_deduplication),
		cmocka_unit_test(parameters_from_text),
		cmocka_unit_test(parameters_shown_can_be_set),
		cmocka_unit_test(one_factor_scales_every_period),
		cmocka_unit_test(policies_by_name),
		cmocka_unit_test(explained_in_numbers_and_words),
		cmocka_unit_test(every_policy_explains_an_empty_function),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
