// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A registry whose answers are late, come in part, or break off: what came in time is used, the
 * rest is done without. One server, behind a proxy.
 */
/* the proxy takes its part */
#define TIMEOUT 1600
#include "engines.h"
#include "delay.h"

static struct delay *delay;
static struct node a, b;
static char through[32];

/* A late answer counts against the server: not asked without a pause. */
static bool found_again(void)
{
	spend(50);
	return theirs(&b) == PAGES;
}

/* Node a speaks to the server itself, b through the proxy. */
static int open_both(void **state)
{
	next_cluster(state);
	delay_set(delay, 0);
	delay_pass(delay, SIZE_MAX);
	open_node(&a, "a");
	open_with(&b, "b", through, PASSWORD);
	engine_imports(b.engine, &their_import, 1);
	enter_all(&a);
	until(found_again());
	return 0;
}

static int close_both(void **state)
{
	(void)state;
	engine_free(a.engine);
	engine_free(b.engine);
	return 0;
}

static void an_answer_in_time_is_used(void **state)
{
	long late;

	(void)state;
	delay_set(delay, TIMEOUT / 8);
	until((late = number(&b, "timeouts"), theirs(&b)) == PAGES && number(&b, "timeouts") == late);
	assert_true(is_state(&b, "up"));
}

static void a_late_answer_is_not_waited_for(void **state)
{
	unsigned long missed = of(&b)->counts.missed;
	unsigned int i;

	(void)state;
	delay_set(delay, 2 * TIMEOUT);
	for (i = 0; i < 3; i++)
		assert_int_equal(theirs(&b), 0);
	assert_true(number(&b, "timeouts") > 0);
	assert_int_equal(number(&b, "breakers_open"), 1);
	assert_true(of(&b)->counts.missed > missed);
	/* what comes after its time harms nothing */
	spend(3 * TIMEOUT);
	delay_set(delay, 0);
	until(found_again());
	assert_true(is_state(&b, "up"));
}

static void half_an_answer_is_worth_half(void **state)
{
	unsigned long missed = of(&b)->counts.missed;
	unsigned int some;

	(void)state;
	/* each of the 2,700 buckets that are asked for holds some entries */
	delay_pass(delay, 40000);
	some = theirs(&b);
	assert_in_range(some, 1, PAGES - 1);
	assert_true(of(&b)->counts.missed > missed);
	/* the rest of that answer comes, and nobody wants it any more */
	delay_pass(delay, SIZE_MAX);
	until(found_again());
}

static void an_answer_that_breaks_off_is_used_so_far(void **state)
{
	struct medes_page like[PAGES];
	uint64_t seed = 77;
	size_t i;

	(void)state;
	delay_pass(delay, 40000);
	for (i = 0; i < PAGES; i++)
		like[i] = page_like(&seed, &pages[i], 4, false);
	b.found = false;
	engine_lookup(b.engine, "d", like, PAGES, on_found, &b);
	spend(TIMEOUT / 3);
	assert_false(b.found);
	delay_cut(delay);
	until(b.found);
	assert_in_range(b.theirs, 1, PAGES - 1);
	delay_pass(delay, SIZE_MAX);
	until(found_again());
}

static void a_job_that_ends_wants_no_answer(void **state)
{
	struct medes_page like[PAGES];
	struct lookup *lookup;
	uint64_t seed = 77;
	size_t i;

	(void)state;
	delay_pass(delay, 40000);
	for (i = 0; i < PAGES; i++)
		like[i] = page_like(&seed, &pages[i], 4, false);
	b.found = false;
	lookup = engine_lookup(b.engine, "d", like, PAGES, on_found, &b);
	assert_non_null(lookup);
	spend(TIMEOUT / 3);
	engine_forget(b.engine, lookup);
	delay_pass(delay, SIZE_MAX);
	spend(TIMEOUT);
	assert_false(b.found);
	until(found_again());
}

static int start_one(void **state)
{
	(void)state;
	/* as medesd has it: servers die while they are written to */
	signal(SIGPIPE, SIG_IGN);
	events = event_base_new();
	if (!events || valkeys_start(&servers, 0, 0, NULL))
		return -1;
	freeReplyObject(valkeys_command(&servers, 0, ACL));
	delay = delay_new(events, servers.port[0]);
	if (!delay)
		return -1;
	snprintf(through, sizeof(through), "127.0.0.1:%u", delay_port(delay));
	return 0;
}

static int stop_one(void **state)
{
	delay_free(delay);
	return stop(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_in_time_is_used, open_both, close_both),
		cmocka_unit_test_setup_teardown(a_late_answer_is_not_waited_for, open_both, close_both),
		cmocka_unit_test_setup_teardown(half_an_answer_is_worth_half, open_both, close_both),
		cmocka_unit_test_setup_teardown(an_answer_that_breaks_off_is_used_so_far, open_both,
						close_both),
		cmocka_unit_test_setup_teardown(a_job_that_ends_wants_no_answer, open_both, close_both),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("slow", tests, start_one, stop_one);
}
