// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scheduler, queues and failures, on a simulated machine and clock: hours pass in
 * milliseconds, and a seed gives the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "simtest.h"

static void cold_then_warm(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b;

	(void)state;
	assert_int_equal(f->in[BOX_STARTING], 1);
	sim_run(sim, 2);
	is(a, START_COLD);
	assert_true(a->waited > 999 && a->waited < 1001);
	b = sim_ask(sim, f);
	sim_run(sim, 1);
	is(b, START_WARM);
	assert_true(b->waited < 1);
	assert_int_equal(sim->started, 1);
	free(a);
	free(b);
}

static void one_request_at_a_time_in_a_sandbox(void **state)
{
	struct function *f = sim_function(sim, "f", "{\"max_sandboxes\":1}");
	struct sim_call *c[5];
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		c[i] = sim_ask(sim, f);
	assert_int_equal(f->queued, 5);
	sim_run(sim, 1.1);
	assert_int_equal(first(f)->in_flight, 1);
	sim_run(sim, 5);
	for (i = 0; i < 5; i++) {
		assert_true(c[i]->answered);
		/* in their order, one after the other */
		assert_true(c[i]->waited >= 1000 + 200.0 * i - 1);
		free(c[i]);
	}
	assert_int_equal(sim->started, 1);
}

static void concurrency_fills_a_sandbox_first(void **state)
{
	struct function *f = sim_function(sim, "f", "{\"concurrency\":3}");
	struct sim_call *c[4];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		c[i] = sim_ask(sim, f);
	assert_int_equal(sim->started, 2);
	sim_run(sim, 3);
	for (i = 0; i < 4; i++) {
		assert_true(c[i]->answered);
		free(c[i]);
	}
}

static void used_last_is_used_next(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b = sim_ask(sim, f), *c;
	struct box *last;
	size_t i;

	(void)state;
	sim_run(sim, 3);
	assert_int_equal(f->in[BOX_IDLE], 2);
	last = first(f);
	for (i = 0; i < 5; i++) {
		c = sim_ask(sim, f);
		assert_ptr_equal(c->call.box, last);
		sim_run(sim, 1);
		free(c);
	}
	free(a);
	free(b);
}

static void queue_is_bounded(void **state)
{
	struct function *f = sim_function(sim, "f", "{\"max_sandboxes\":1,\"queue_length\":3}");
	struct sim_call *c[10];
	size_t i, refused = 0;

	(void)state;
	sim->run_time = US_PER_S;
	for (i = 0; i < 10; i++) {
		c[i] = sim_ask(sim, f);
		refused += c[i]->status == 429 && c[i]->retry_after && strstr(c[i]->why, "queue_length");
	}
	assert_int_equal(refused, 6);
	assert_int_equal(f->queued, 4);		/* the one that starts has one of its own */
	sim_run(sim, 20);
	for (i = 0; i < 10; i++) {
		assert_true(c[i]->answered || c[i]->status == 429);
		free(c[i]);
	}
	assert_int_equal(f->refused, 6);
}

static void calls_of_the_node_are_bounded(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *c[3];
	size_t i;

	(void)state;
	sim->control->limits.max_calls = 2;
	for (i = 0; i < 3; i++)
		c[i] = sim_ask(sim, f);
	assert_int_equal(c[2]->status, 503);
	assert_true(c[2]->retry_after);
	sim_run(sim, 5);
	assert_int_equal(sim->control->n_calls, 0);
	for (i = 0; i < 3; i++)
		free(c[i]);
}

static void waiting_ends(void **state)
{
	struct function *f = sim_function(sim, "f",
		"{\"max_sandboxes\":1,\"queue_timeout_ms\":500,\"request_timeout_ms\":60000}");
	struct sim_call *a, *b;

	(void)state;
	sim->start_time = 100 * US_PER_MS;
	sim->run_time = 10 * US_PER_S;
	a = sim_ask(sim, f);
	b = sim_ask(sim, f);
	sim_run(sim, 1);
	assert_int_equal(b->status, 503);
	assert_non_null(strstr(b->why, "500 ms"));
	assert_non_null(strstr(b->why, "max_sandboxes"));
	sim_run(sim, 20);
	assert_true(a->answered);
	free(a);
	free(b);
}

/* One that does not answer is not used again. */
static void running_ends(void **state)
{
	struct function *f = sim_function(sim, "f", "{\"request_timeout_ms\":3000}");
	struct sim_call *a;

	(void)state;
	sim->hang = true;
	a = sim_ask(sim, f);
	sim_run(sim, 3.5);
	assert_int_equal(a->status, 0);
	sim_run(sim, 1);
	assert_int_equal(a->status, 504);
	sim_run(sim, 1);
	assert_int_equal(f->n_boxes, 0);
	assert_int_equal(f->failed, 1);
	free(a);
}

static void crash_loop_backs_off(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a, *b;
	unsigned int started;

	(void)state;
	sim->starts_fail = 1000;
	sim->start_time = 10 * US_PER_MS;
	a = sim_ask(sim, f);
	sim_run(sim, 60);
	assert_int_equal(a->status, 503);
	assert_non_null(strstr(a->why, "did not start"));
	started = sim->started;
	/* 0.1 s, doubled each time: some ten in a minute, and no more than one a minute later */
	assert_true(started >= 3 && started <= 12);
	b = sim_ask(sim, f);
	assert_true(b->status == 503 || f->queued);
	sim_run(sim, 600);
	assert_true(sim->started - started < 15);
	free(b);
	/* once it starts again, nothing of it is left */
	sim->starts_fail = 0;
	sim_run(sim, 120);
	b = sim_ask(sim, f);
	sim_run(sim, 30);
	assert_true(b->answered);
	assert_int_equal(f->failures, 0);
	free(a);
	free(b);
}

static void lost_in_flight(const char *spec, int status, unsigned int tries)
{
	struct function *f = sim_function(sim, "f", spec);
	struct sim_call *a = sim_ask(sim, f);

	sim->run_time = 5 * US_PER_S;
	sim_run(sim, 2);
	assert_int_equal(f->in[BOX_RUNNING], 1);
	box_lost(first(f), "a test took its pages");
	sim_run(sim, 20);
	assert_int_equal(a->status, status);
	assert_int_equal(a->answered, !status);
	assert_int_equal(a->tries, tries);
	assert_int_equal(sim->control->losses, 1);
	if (status)
		assert_non_null(strstr(a->why, "idempotent"));
	free(a);
}

static void lost_sandbox_fails_its_request(void **state)
{
	(void)state;
	lost_in_flight("{}", 502, 1);
}

static void lost_sandbox_of_an_idempotent_function(void **state)
{
	(void)state;
	lost_in_flight("{\"idempotent\":true}", 0, 2);
}

/* Its pages are on a node that is away: requests go elsewhere, and come back with the node. */
static void stranded_sandbox_gets_no_request(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b, *c;
	struct box *box;

	(void)state;
	sim_run(sim, 5);
	assert_true(a->answered);
	box = first(f);
	box_stranded(box, true, false);
	b = sim_ask(sim, f);
	sim_run(sim, 5);
	assert_true(b->answered);
	assert_int_equal(f->n_boxes, 2);
	assert_int_equal(box->served, 1);
	box_purge(first(f) == box ? TAILQ_NEXT(box, link) : first(f), "a test");
	sim_run(sim, 1);
	assert_int_equal(f->n_boxes, 1);
	box_stranded(box, false, false);
	c = sim_ask(sim, f);
	sim_run(sim, 5);
	assert_true(c->answered);
	assert_int_equal(box->served, 2);
	assert_int_equal(sim->control->losses, 0);
	free(a);
	free(b);
	free(c);
}

static void stranded_sandbox_that_was_asked_for(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b;

	(void)state;
	sim_run(sim, 5);
	box_stranded(first(f), true, false);
	b = sim_lease(sim, f, first(f));
	assert_int_equal(b->status, 503);
	assert_non_null(strstr(b->why, "away"));
	free(a);
	free(b);
}

/* All nodes have given its pages up: it has some time to find another, then it is lost. */
static void orphaned_sandbox_is_lost_untouched(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f);

	(void)state;
	sim_run(sim, 5);
	box_stranded(first(f), true, true);
	sim_run(sim, 5);
	assert_int_equal(sim->control->losses, 0);
	box_stranded(first(f), true, false);
	sim_run(sim, 20);
	assert_int_equal(sim->control->losses, 0);
	box_stranded(first(f), true, true);
	sim_run(sim, 11);
	assert_int_equal(sim->control->losses, 1);
	sim_run(sim, 5);
	assert_int_equal(f->n_boxes, 0);
	free(a);
}

/* Twice is enough: something is wrong with the request. */
static void crashes_twice(void **state)
{
	struct function *f = sim_function(sim, "f", "{\"idempotent\":true}");
	struct sim_call *a = sim_ask(sim, f);
	int i;

	(void)state;
	sim->run_time = 5 * US_PER_S;
	for (i = 0; i < 2; i++) {
		sim_run(sim, 3);
		assert_int_equal(f->in[BOX_RUNNING], 1);
		sim_end_box(sim, first(f), "it crashed");
	}
	assert_int_equal(a->status, 502);
	assert_int_equal(a->tries, 2);
	assert_int_equal(f->crashes, 2);
	free(a);
}

static void lease_until_released_or_over(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_lease(sim, f, NULL), *b, *c;
	struct box *box;

	(void)state;
	sim_run(sim, 2);
	box = a->call.box;
	assert_int_equal(box->state, BOX_RUNNING);
	b = sim_lease(sim, f, box);
	assert_int_equal(b->status, 409);
	call_done(&a->call);
	assert_int_equal(box->state, BOX_IDLE);
	c = sim_lease(sim, f, box);
	assert_int_equal(box->state, BOX_RUNNING);
	sim_run(sim, 61);
	assert_int_equal(c->status, 504);
	assert_int_equal(box->state, BOX_IDLE);
	free(a);
	free(b);
	free(c);
}

static void leases_are_not_measured_as_running(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b, *c;

	(void)state;
	sim_run(sim, 2);
	assert_int_equal(f->measure.exec.n, 1);
	b = sim_lease(sim, f, NULL);
	sim_run(sim, 30);
	call_done(&b->call);
	assert_int_equal(f->measure.exec.n, 1);
	assert_int_equal(f->measure.held.n, 1);
	assert_true(f->measure.held.value > 29.9 && f->measure.held.value < 30.1);
	/* one that runs out was held by nobody */
	c = sim_lease(sim, f, NULL);
	sim_run(sim, 61);
	assert_int_equal(c->status, 504);
	assert_int_equal(f->measure.held.n, 1);
	assert_int_equal(f->measure.running, 0);
	free(a);
	free(b);
	free(c);
}

/* When a lease ends is its holder's business, so another sandbox starts at once. */
static void leased_ones_are_not_waited_for(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b, *c;

	(void)state;
	sim->run_time = 10 * US_PER_MS;
	sim_run(sim, 3);
	b = sim_lease(sim, f, NULL);
	assert_int_equal(b->start, START_WARM);
	c = sim_ask(sim, f);
	assert_int_equal(sim->started, 2);
	sim_run(sim, 3);
	is(c, START_COLD);
	call_done(&b->call);
	free(a);
	free(b);
	free(c);
}

static void changed_function_gets_new_sandboxes(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b;

	(void)state;
	sim_run(sim, 1.1);
	assert_int_equal(f->in[BOX_RUNNING], 1);
	assert_ptr_equal(sim_function(sim, "f", "{\"pids\":7}"), f);
	b = sim_ask(sim, f);
	assert_int_equal(sim->started, 2);
	sim_run(sim, 5);
	is(a, START_COLD);
	is(b, START_COLD);
	assert_int_equal(f->n_boxes, 1);
	/* the same spec again changes nothing */
	sim_function(sim, "f", "{\"pids\":7}");
	sim_run(sim, 1);
	assert_int_equal(f->n_boxes, 1);
	free(a);
	free(b);
}

static void removed_function_leaves_nothing(void **state)
{
	struct function *f = sim_function(sim, "f", "{\"max_sandboxes\":1}");
	struct sim_call *a = sim_ask(sim, f), *b = sim_ask(sim, f);

	(void)state;
	sim_run(sim, 1.1);
	function_delete(f);
	assert_int_equal(b->status, 503);
	sim_run(sim, 5);
	assert_true(a->answered);
	assert_int_equal(HASH_COUNT(sim->control->boxes), 0);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(cold_then_warm),
		SIM_TEST(one_request_at_a_time_in_a_sandbox),
		SIM_TEST(concurrency_fills_a_sandbox_first),
		SIM_TEST(used_last_is_used_next),
		SIM_TEST(queue_is_bounded),
		SIM_TEST(calls_of_the_node_are_bounded),
		SIM_TEST(waiting_ends),
		SIM_TEST(running_ends),
		SIM_TEST(crash_loop_backs_off),
		SIM_TEST(lost_sandbox_fails_its_request),
		SIM_TEST(lost_sandbox_of_an_idempotent_function),
		SIM_TEST(stranded_sandbox_gets_no_request),
		SIM_TEST(stranded_sandbox_that_was_asked_for),
		SIM_TEST(orphaned_sandbox_is_lost_untouched),
		SIM_TEST(crashes_twice),
		SIM_TEST(lease_until_released_or_over),
		SIM_TEST(leases_are_not_measured_as_running),
		SIM_TEST(leased_ones_are_not_waited_for),
		SIM_TEST(changed_function_gets_new_sandboxes),
		SIM_TEST(removed_function_leaves_nothing),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
