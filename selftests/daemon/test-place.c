// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which node serves a request, asked with nodes made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "place.h"

#define MIB (1024.0 * 1024)
#define N 3

static struct place_node nodes[N];
static enum place_kind kind;

/* Three with nothing on them, and room for ten sandboxes. */
static int setup(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < N; i++)
		nodes[i] = (struct place_node){
			.concurrency = 1, .restores = 10, .starts = 100, .room = 500 * MIB,
			.each = 50 * MIB,
		};
	return 0;
}

static void chosen(int node, enum place_kind what)
{
	assert_int_equal(place_choose(nodes, N, &kind), node);
	assert_int_equal(kind, what);
}

static void warm_before_dedup_before_cold(void **state)
{
	(void)state;
	nodes[0].base = true;
	chosen(0, PLACE_COLD);
	nodes[1].asleep = 1;
	chosen(1, PLACE_DEDUP);
	nodes[2].warm = 1;
	chosen(2, PLACE_WARM);
	nodes[2].flying = 1;
	chosen(1, PLACE_DEDUP);
	nodes[1].flying = 1;
	chosen(0, PLACE_COLD);
}

static void warm_ones_are_used_where_most_are(void **state)
{
	(void)state;
	nodes[0].warm = nodes[1].warm = 4;
	nodes[1].flying = 2;
	chosen(1, PLACE_WARM);
	nodes[1].flying = 4;
	chosen(0, PLACE_WARM);
	nodes[1].concurrency = 2;
	chosen(1, PLACE_WARM);
}

static void no_more_restores_than_may_be(void **state)
{
	(void)state;
	nodes[1].asleep = 5;
	nodes[1].restores = 2;
	nodes[1].flying = 1;
	chosen(1, PLACE_DEDUP);
	nodes[1].flying = 2;
	assert_true(place_choose(nodes, N, &kind) >= 0);
	assert_int_equal(kind, PLACE_COLD);
}

static void deduplicated_ones_wake_where_memory_is(void **state)
{
	(void)state;
	nodes[0].asleep = nodes[1].asleep = 1;
	nodes[0].room = 10 * MIB;
	chosen(1, PLACE_DEDUP);
}

static void cold_starts_go_where_room_and_bases_are(void **state)
{
	(void)state;
	nodes[2].room = 600 * MIB;
	chosen(2, PLACE_COLD);
	nodes[1].base = true;
	chosen(1, PLACE_COLD);
	nodes[1].room = 40 * MIB;
	chosen(2, PLACE_COLD);
	nodes[2].starts = 0;
	chosen(0, PLACE_COLD);
	nodes[0].starts_fail = true;
	chosen(0, PLACE_WAIT);
}

/* What a node was sent counts before its report tells of it. */
static void cold_starts_at_once_are_spread(void **state)
{
	int sent[N] = { 0 }, i;

	(void)state;
	for (i = 0; i < 9; i++)
		nodes[place_choose(nodes, N, &kind)].flying++;
	for (i = 0; i < N; i++)
		assert_int_equal(nodes[i].flying, 3);
	/* there is room for ten each */
	for (i = 0; i < 21; i++) {
		int node = place_choose(nodes, N, &kind);

		assert_int_equal(kind, PLACE_COLD);
		nodes[node].flying++;
		sent[node]++;
	}
	place_choose(nodes, N, &kind);
	assert_int_equal(kind, PLACE_WAIT);
	assert_int_equal(sent[0], 7);
}

static void one_that_starts_already_takes_the_first_of_those_that_wait(void **state)
{
	(void)state;
	nodes[0].starting = 2;
	nodes[0].room = 0;
	nodes[1].room = 100 * MIB;
	nodes[1].flying = 1;
	nodes[2].starts = 0;
	chosen(1, PLACE_COLD);
	nodes[1].flying = 2;
	chosen(0, PLACE_WAIT);
}

static void nothing_new_on_a_cordoned_node(void **state)
{
	(void)state;
	nodes[0].base = true;
	nodes[0].cordoned = true;
	assert_true(place_choose(nodes, N, &kind) > 0);
	/* what is there already serves */
	nodes[0].warm = 1;
	chosen(0, PLACE_WARM);
}

static void a_drained_node_serves_only_what_nobody_else_can(void **state)
{
	(void)state;
	nodes[0].draining = true;
	nodes[0].warm = 1;
	nodes[1].asleep = 1;
	chosen(1, PLACE_DEDUP);
	nodes[1].asleep = 0;
	nodes[1].cordoned = nodes[2].cordoned = true;
	chosen(0, PLACE_WARM);
	nodes[0].flying = 1;
	assert_int_not_equal(place_choose(nodes, N, &kind), 0);
	assert_int_equal(kind, PLACE_WAIT);
	nodes[1].draining = nodes[2].draining = true;
	assert_true(place_choose(nodes, N, &kind) >= 0);
}

static void nobody_is_no_node(void **state)
{
	(void)state;
	assert_int_equal(place_choose(nodes, 0, &kind), -1);
	assert_int_equal(place_start(nodes, 0), -1);
}

#define PLACE_TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(warm_before_dedup_before_cold),
		PLACE_TEST(warm_ones_are_used_where_most_are),
		PLACE_TEST(no_more_restores_than_may_be),
		PLACE_TEST(deduplicated_ones_wake_where_memory_is),
		PLACE_TEST(cold_starts_go_where_room_and_bases_are),
		PLACE_TEST(cold_starts_at_once_are_spread),
		PLACE_TEST(one_that_starts_already_takes_the_first_of_those_that_wait),
		PLACE_TEST(nothing_new_on_a_cordoned_node),
		PLACE_TEST(a_drained_node_serves_only_what_nobody_else_can),
		PLACE_TEST(nobody_is_no_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
