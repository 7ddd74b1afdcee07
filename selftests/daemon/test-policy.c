// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decisions of the Medes policy, on bases and for lack of memory, on views made by hand.
 */
#include <math.h>
#include "world.h"

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

/* A node that has not renewed its lease for so long counts no more. */
static void a_base_that_nobody_needs_goes_when_memory_is_short(void **state)
{
	struct policy_base *a;
	struct world w;

	(void)state;
	setup(&w, &policy_medes);
	rate(&w, 0, 0.1);
	a = add_base(&w, 0, 0, 1000);
	w.measures[0].idle_since = NOW - 10 * US_PER_S;
	decide(&w);
	assert_false(a->retire);
	w.view.want = 1;
	a->leased = true;
	decide(&w);
	assert_false(a->retire);
	a->leased = false;
	decide(&w);
	assert_true(a->retire);
	assert_non_null(strstr(a->why, "short"));
	a->users = 1;
	decide(&w);
	assert_false(a->retire);
	/* sandboxes that are about to be deduplicated against it */
	a->users = 0;
	add(&w, 0, POLICY_WARM, 10);
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

static void a_host_that_stalls_hastens_deduplication_then_purging(void **state)
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
	/* nothing is left to be deduplicated: 50 are three of 20, of those that idle for long */
	for (i = 0; i < 20; i++)
		w.functions[0].sandboxes[i].state = POLICY_DEDUP;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 20);
	for (i = 0; i < 20; i++)
		w.functions[0].sandboxes[i].idle_since = w.view.now - 100 * US_PER_S;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_PURGE), 3);
	w.policy.ops = &policy_fixed;
	w.policy.params.pressure = 0;
	decide(&w);
	assert_int_equal(count(&w, 0, POLICY_KEEP), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(a_base_that_nobody_needs_goes_when_memory_is_short),
		cmocka_unit_test(room_is_made_by_the_function_that_keeps_most_for_its_rate),
		cmocka_unit_test(room_is_never_made_by_what_runs_or_is_another_platforms),
		cmocka_unit_test(short_memory_deduplicates_before_it_purges),
		cmocka_unit_test(headroom_is_kept_by_deduplicating_only),
		cmocka_unit_test(a_host_that_stalls_hastens_deduplication_then_purging),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
