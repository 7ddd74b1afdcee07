// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scheduler, admission and life cycle, on a simulated machine and clock: hours pass in
 * milliseconds, and a seed gives the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "simhost.h"

#define MIB (1 << 20)

static struct sim *sim;

static int setup(void **state)
{
	(void)state;
	sim = sim_new(42);
	return !sim;
}

static int teardown(void **state)
{
	(void)state;
	sim_free(sim);
	return 0;
}

static struct box *first(struct function *f)
{
	return TAILQ_FIRST(&f->boxes);
}

static void policy(const char *key, const char *value)
{
	char error[256];

	assert_int_equal(policy_params_set(&sim->control->policy.params, key, value, error,
					   sizeof(error)), 0);
	control_policy_changed(sim->control);
}

static void is(const struct sim_call *c, enum start_kind start)
{
	assert_true(c->answered);
	assert_int_equal(c->status, 0);
	assert_int_equal(c->start, start);
}

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

/* Deduplicated by the policy when idle, woken by a request, purged in the end. */
static void life_of_a_sandbox(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b;

	(void)state;
	policy("keep_dedup", "900s");
	sim_run(sim, 5);
	assert_int_equal(f->in[BOX_IDLE], 1);
	sim_run(sim, 11 * 60);
	assert_int_equal(f->in[BOX_DEDUP], 1);
	b = sim_ask(sim, f);
	assert_int_equal(f->in[BOX_RESTORING] + f->in[BOX_RUNNING], 1);
	sim_run(sim, 1);
	is(b, START_DEDUP);
	assert_true(b->waited < 10);
	assert_int_equal(sim->control->n_restoring, 0);
	sim_run(sim, 3600);
	assert_int_equal(f->n_boxes, 0);
	assert_int_equal(sim->started, 1);
	assert_int_equal(sim->ended, 1);
	free(a);
	free(b);
}

/* Nothing that P1 and P2 are told is an assumption any more, once a sandbox went all round. */
static void every_parameter_is_measured(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	const struct measure *m = &f->measure;
	struct sim_call *c[4];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(m->memory_restore.n, i == 3);
		c[i] = sim_ask(sim, f);
		sim_run(sim, i == 1 ? 11 * 60 : 5);
	}
	is(c[2], START_DEDUP);
	is(c[3], START_WARM);
	for (i = 0; i < START_KINDS; i++)
		assert_true(m->start[i].n);
	assert_true(m->rate.n && m->exec.n && m->restore.n);
	assert_true(m->memory_warm.value == sim->warm);
	assert_true(m->memory_dedup.value == sim->asleep);
	assert_true(m->memory_restore.value == sim->warm - sim->asleep);
	/* what comes back later is not counted again */
	assert_int_equal(m->memory_restore.n, 1);
	for (i = 0; i < 4; i++)
		free(c[i]);
}

static void without_the_module_warm_or_ended(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f);

	(void)state;
	sim->module = false;
	sim_run(sim, 3 * 3600);
	assert_int_equal(sim->deduped, 0);
	assert_int_equal(f->n_boxes, 0);
	free(a);
}

static void policies_can_be_changed_while_it_runs(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f);

	(void)state;
	sim_run(sim, 5);
	sim->control->policy.ops = &policy_fixed;
	policy("keep_alive", "20s");
	sim_run(sim, 10);
	assert_int_equal(f->in[BOX_IDLE], 1);
	sim_run(sim, 15);
	assert_int_equal(f->n_boxes, 0);
	assert_int_equal(sim->deduped, 0);
	free(a);
}

/* A request meets a sandbox that is being deduplicated: it is taken back. */
static void wanted_while_it_goes_to_sleep(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f), *b;

	(void)state;
	sim_run(sim, 5);
	box_dedup(first(f), false);
	sim_run(sim, 1);
	assert_int_equal(f->in[BOX_DEDUPING], 1);
	b = sim_ask(sim, f);
	sim_run(sim, 1);
	is(b, START_DEDUP);
	assert_int_equal(sim->control->n_deduping, 0);
	assert_int_equal(sim->control->n_restoring, 0);
	assert_int_equal(sim->deduped, 0);
	assert_int_equal(f->in[BOX_IDLE], 1);
	free(a);
	free(b);
}

static struct function *sleepers(const char *name, size_t n, const char *spec)
{
	struct function *f = sim_function(sim, name, spec);
	struct sim_call *c[64];
	struct box *box;
	size_t i;

	for (i = 0; i < n; i++)
		c[i] = sim_ask(sim, f);
	sim_run(sim, 10);
	for (i = 0; i < n; i++)
		free(c[i]);
	TAILQ_FOREACH(box, &f->boxes, link)
		if (box->state == BOX_IDLE)
			box_dedup(box, false);
	sim_run(sim, 5);
	assert_int_equal(f->in[BOX_DEDUP], n);
	return f;
}

static void so_many_restores_at_once(void **state)
{
	struct function *f;
	struct sim_call *c[20];
	size_t i, dedup = 0;

	(void)state;
	sim->control->limits.max_dedup_starts = 3;
	f = sleepers("f", 20, "{\"max_sandboxes\":20}");
	sim->restore_time = 3 * US_PER_S;
	for (i = 0; i < 20; i++)
		c[i] = sim_ask(sim, f);
	sim_run(sim, 60);
	for (i = 0; i < 20; i++) {
		assert_true(c[i]->answered);
		dedup += c[i]->start == START_DEDUP;
		free(c[i]);
	}
	assert_int_equal(sim->restoring_most, 3);
	assert_true(dedup >= 3);
	assert_int_equal(sim->restoring, 0);
	assert_int_equal(sim->control->n_restoring, 0);
}

/* Starts leave room for what sleeps: a burst of restores finds its memory. */
static void a_reserve_for_restores(void **state)
{
	struct function *f, *g;
	struct sim_call *c[20], *d[20];
	struct box *box;
	size_t i;

	(void)state;
	f = sleepers("f", 6, "{}");
	TAILQ_FOREACH(box, &f->boxes, link)
		box->adopted = true;	/* else they would be ended to make room */
	sim->control->limits.max_dedup_starts = 6;
	sim->control->limits.capacity = 600.0 * MIB;	/* 6 * 10 are there, 6 * 40 reserved */
	g = sim_function(sim, "g", "{}");
	for (i = 0; i < 20; i++)
		d[i] = sim_ask(sim, g);
	sim_run(sim, 2);
	/* (600 - 60 - 240) / 50, and one was assumed to be larger */
	assert_true(g->n_boxes >= 4 && g->n_boxes <= 6);
	for (i = 0; i < 6; i++)
		c[i] = sim_ask(sim, f);
	sim_run(sim, 0.05);
	assert_int_equal(f->in[BOX_RUNNING] + f->in[BOX_RESTORING], 6);
	assert_true(sim->used_most <= 600.0 * MIB);
	sim_run(sim, 60);
	for (i = 0; i < 6; i++) {
		is(c[i], START_DEDUP);
		free(c[i]);
	}
	for (i = 0; i < 20; i++) {
		assert_true(d[i]->answered);
		free(d[i]);
	}
}

/* Room is made by deduplicating and purging what idles, never by what runs. */
static void memory_is_made_for_a_start(void **state)
{
	struct function *f = sim_function(sim, "f", "{}"), *g;
	struct sim_call *c[4], *d;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		c[i] = sim_ask(sim, f);
	sim_run(sim, 5);
	sim->control->limits.capacity = 220.0 * MIB;
	g = sim_function(sim, "g", "{}");
	d = sim_ask(sim, g);
	assert_int_equal(g->n_boxes, 0);
	sim_run(sim, 15);
	is(d, START_COLD);
	assert_true(sim->deduped + sim->ended > 0);
	assert_true(sim_used(sim) <= 220.0 * MIB);
	for (i = 0; i < 4; i++)
		free(c[i]);
	free(d);
}

static void the_machine_runs_short(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *c[4];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		c[i] = sim_ask(sim, f);
	sim_run(sim, 5);
	assert_int_equal(f->in[BOX_IDLE], 4);
	sim->control->limits.floor = 100.0 * MIB;
	sim->total = 250.0 * MIB;	/* 50 are left */
	sim_run(sim, 10);
	assert_true(f->in[BOX_IDLE] < 4);
	assert_true(sim->total - sim_used(sim) >= 100.0 * MIB);
	for (i = 0; i < 4; i++)
		free(c[i]);
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

static void failed_dedup_is_tried_later(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct sim_call *a = sim_ask(sim, f);

	(void)state;
	sim->dedups_fail = 2;
	policy("idle", "1s");
	policy("window", "1s");
	sim_run(sim, 15);
	assert_true(sim->control->dedups_failed >= 1);
	assert_int_equal(sim->deduped, 0);
	sim_run(sim, 120);
	assert_int_equal(sim->control->dedups_failed, 2);
	assert_int_equal(sim->deduped, 1);
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

struct client {
	struct function *f;
	struct timer timer;
	struct sim_call *calls[4096];
	size_t n;
	double mean;			/* s */
};

static void on_client(void *arg)
{
	struct client *c = arg;

	if (c->n < 4096)
		c->calls[c->n++] = sim_ask(sim, c->f);
	timer_set(&c->timer, rng_exponential(&sim->rng, c->mean) * US_PER_S);
}

/* What a day of random requests must hold to, and what it comes to. */
static uint64_t a_day(uint64_t seed)
{
	struct client clients[5] = { 0 };
	uint64_t sum = 0;
	size_t i, k;
	char name[8];

	sim_free(sim);
	sim = sim_new(seed);
	sim->control->limits.capacity = 500.0 * MIB;
	sim->control->limits.max_dedup_starts = 2;
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		clients[i].f = sim_function(sim, name, "{\"idempotent\":true}");
		clients[i].mean = 30 << (2 * i);
		timer_init(&clients[i].timer, sim->clock, on_client, &clients[i]);
		timer_set(&clients[i].timer, 0);
	}
	sim_run(sim, 24 * 3600);
	for (i = 0; i < 5; i++)
		timer_stop(&clients[i].timer);
	sim_run(sim, 600);
	for (i = 0; i < 5; i++) {
		for (k = 0; k < clients[i].n; k++) {
			assert_true(clients[i].calls[k]->answered);
			sum = sum * 31 + clients[i].calls[k]->start;
			free(clients[i].calls[k]);
		}
		assert_int_equal(clients[i].f->queued, 0);
	}
	assert_int_equal(sim->control->n_calls, 0);
	assert_int_equal(sim->control->n_restoring, 0);
	assert_true(sim->restoring_most <= 2);
	assert_true(sim->deduping_most <= sim->control->limits.max_dedups);
	/* estimates are measured soon; then the bound holds */
	assert_true(sim->used_most <= 500.0 * MIB);
	assert_true(sim->woken > 10);
	return sum;
}

static void a_seed_gives_the_same_day(void **state)
{
	uint64_t one = a_day(1);

	(void)state;
	assert_int_equal(a_day(1), one);
	assert_true(a_day(2) != one);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(cold_then_warm),
		T(one_request_at_a_time_in_a_sandbox),
		T(concurrency_fills_a_sandbox_first),
		T(used_last_is_used_next),
		T(life_of_a_sandbox),
		T(every_parameter_is_measured),
		T(without_the_module_warm_or_ended),
		T(policies_can_be_changed_while_it_runs),
		T(wanted_while_it_goes_to_sleep),
		T(so_many_restores_at_once),
		T(a_reserve_for_restores),
		T(memory_is_made_for_a_start),
		T(the_machine_runs_short),
		T(queue_is_bounded),
		T(calls_of_the_node_are_bounded),
		T(waiting_ends),
		T(running_ends),
		T(crash_loop_backs_off),
		T(lost_sandbox_fails_its_request),
		T(lost_sandbox_of_an_idempotent_function),
		T(crashes_twice),
		T(failed_dedup_is_tried_later),
		T(lease_until_released_or_over),
		T(leases_are_not_measured_as_running),
		T(leased_ones_are_not_waited_for),
		T(changed_function_gets_new_sandboxes),
		T(removed_function_leaves_nothing),
		T(a_seed_gives_the_same_day),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
