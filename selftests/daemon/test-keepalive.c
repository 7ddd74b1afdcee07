// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decisions of the baselines, fixed and adaptive keep-alive, on views made by hand.
 */
#include "world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_purges_when_its_time_is_over),
		cmocka_unit_test(a_function_may_have_parameters_of_its_own),
		cmocka_unit_test(adaptive_keeps_while_a_request_is_likely),
		cmocka_unit_test(adaptive_starts_one_ahead_of_need),
		cmocka_unit_test(adaptive_keeps_long_what_it_can_not_judge),
		cmocka_unit_test(adaptive_forecasts_what_is_beyond_the_histogram),
	};

	return cmocka_run_group_tests_name("keepalive", tests, NULL, NULL);
}
