// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Life cycle and admission, on the simulated machine and clock of simhost.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "simtest.h"

#define MIB (1 << 20)

static void policy(const char *key, const char *value)
{
	char error[256];

	assert_int_equal(policy_params_set(&sim->control->policy.params, key, value, error,
					   sizeof(error)), 0);
	control_policy_changed(sim->control);
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
	const struct CMUnitTest tests[] = {
		SIM_TEST(life_of_a_sandbox),
		SIM_TEST(every_parameter_is_measured),
		SIM_TEST(without_the_module_warm_or_ended),
		SIM_TEST(policies_can_be_changed_while_it_runs),
		SIM_TEST(wanted_while_it_goes_to_sleep),
		SIM_TEST(so_many_restores_at_once),
		SIM_TEST(a_reserve_for_restores),
		SIM_TEST(memory_is_made_for_a_start),
		SIM_TEST(the_machine_runs_short),
		SIM_TEST(failed_dedup_is_tried_later),
		SIM_TEST(a_seed_gives_the_same_day),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
