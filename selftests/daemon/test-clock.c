// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Timers on both clocks, and seeded random numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <event2/event.h>
#include "clock.h"
#include "random.h"

struct probe {
	struct timer timer;
	int name;
	struct trace *trace;
};

/* Who fired, and when. */
struct trace {
	struct clock *clock;
	int names[4096];
	uint64_t times[4096];
	size_t n;
};

static void note(void *arg)
{
	struct probe *probe = arg;
	struct trace *trace = probe->trace;

	trace->names[trace->n] = probe->name;
	trace->times[trace->n++] = clock_now(trace->clock);
}

static void probe_init(struct probe *probe, struct trace *trace, int name)
{
	*probe = (struct probe){ .name = name, .trace = trace };
	timer_init(&probe->timer, trace->clock, note, probe);
}

static void timers_fire_in_order_of_time_then_of_setting(void **state)
{
	static const uint64_t after[] = { 50, 10, 50, 30, 0, 10 };
	static const int order[] = { 4, 1, 5, 3, 0, 2 };
	struct trace trace = { .clock = clock_simulated_new() };
	uint64_t start = clock_now(trace.clock);
	struct probe probes[6];
	int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		probe_init(&probes[i], &trace, i);
		assert_int_equal(timer_set(&probes[i].timer, after[i]), 0);
		assert_true(timer_is_set(&probes[i].timer));
	}
	assert_int_equal(trace.n, 0);
	clock_run_until(trace.clock, start + 49);
	assert_int_equal(trace.n, 4);
	assert_int_equal(clock_now(trace.clock), start + 49);
	clock_run_until(trace.clock, start + 1000);
	assert_int_equal(trace.n, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(trace.names[i], order[i]);
		assert_int_equal(trace.times[i], start + after[order[i]]);
		assert_false(timer_is_set(&probes[i].timer));
	}
	assert_int_equal(clock_now(trace.clock), start + 1000);
	assert_false(clock_step(trace.clock));
	clock_free(trace.clock);
}

/* A heap that is wrong somewhere shows among thousands that are set, moved and stopped. */
static void thousands_set_moved_and_stopped(void **state)
{
	enum { N = 2000 };
	struct trace trace = { .clock = clock_simulated_new() };
	struct probe *probes = calloc(N, sizeof(*probes));
	size_t expected = 0;
	struct rng rng;
	int i;

	(void)state;
	rng_seed(&rng, 1);
	for (i = 0; i < N; i++) {
		probe_init(&probes[i], &trace, i);
		timer_set(&probes[i].timer, rng_below(&rng, 1000));
	}
	for (i = 0; i < N; i++) {
		if (!(i % 3))
			timer_set(&probes[i].timer, rng_below(&rng, 1000));
		else if (i % 3 == 1)
			timer_stop(&probes[i].timer);
		expected += i % 3 != 1;
	}
	while (clock_step(trace.clock))
		;
	assert_int_equal(trace.n, expected);
	for (i = 0; i < (int)trace.n; i++) {
		assert_int_not_equal(trace.names[i] % 3, 1);
		assert_true(!i || trace.times[i - 1] <= trace.times[i]);
		assert_int_equal(trace.times[i], probes[trace.names[i]].timer.due);
	}
	free(probes);
	clock_free(trace.clock);
}

static void again(void *arg)
{
	struct probe *probe = arg;

	note(probe);
	if (probe->trace->n < 5)
		timer_set(&probe->timer, 0);
}

static void one_that_sets_itself_again_at_once(void **state)
{
	struct trace trace = { .clock = clock_simulated_new() };
	uint64_t start = clock_now(trace.clock);
	struct probe probe;

	(void)state;
	probe_init(&probe, &trace, 0);
	timer_init(&probe.timer, trace.clock, again, &probe);
	timer_set(&probe.timer, 7);
	clock_run_until(trace.clock, start + 7);
	assert_int_equal(trace.n, 5);
	assert_int_equal(clock_now(trace.clock), start + 7);
	clock_free(trace.clock);
}

static void never_is_far_away(void **state)
{
	struct trace trace = { .clock = clock_simulated_new() };
	struct probe probe;

	(void)state;
	probe_init(&probe, &trace, 0);
	timer_set(&probe.timer, NEVER);
	clock_run_until(trace.clock, clock_now(trace.clock) + 1000 * 86400 * US_PER_S);
	assert_int_equal(trace.n, 0);
	assert_true(timer_is_set(&probe.timer));
	timer_stop(&probe.timer);
	timer_stop(&probe.timer);
	clock_free(trace.clock);
}

static void a_clock_that_ends_leaves_no_timer_set(void **state)
{
	struct trace trace = { .clock = clock_simulated_new() };
	struct timer zeroed = { 0 };
	struct probe probe;

	(void)state;
	probe_init(&probe, &trace, 0);
	timer_set(&probe.timer, 1);
	clock_free(trace.clock);
	assert_false(timer_is_set(&probe.timer));
	timer_stop(&probe.timer);
	timer_stop(&zeroed);
}

/* Order and count are proven, not punctuality. */
static void the_real_clock_fires_in_order(void **state)
{
	struct event_base *events = event_base_new();
	struct trace trace = { .clock = clock_real_new(events) };
	uint64_t start = clock_now(trace.clock);
	struct probe probes[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		probe_init(&probes[i], &trace, i);
	/* far enough apart for a machine that is busy between two of these lines */
	timer_set(&probes[0].timer, 600000);
	timer_set(&probes[1].timer, 300000);
	timer_set(&probes[2].timer, 0);
	timer_set(&probes[3].timer, 400000);
	timer_stop(&probes[3].timer);
	assert_int_equal(trace.n, 0);
	event_base_dispatch(events);
	assert_int_equal(trace.n, 3);
	assert_int_equal(trace.names[0], 2);
	assert_int_equal(trace.names[1], 1);
	assert_int_equal(trace.names[2], 0);
	assert_true(trace.times[2] >= start + 600000);
	clock_free(trace.clock);
	event_base_free(events);
}

static void a_timer_at_no_distance_does_not_starve_the_loop(void **state)
{
	struct event_base *events = event_base_new();
	struct trace trace = { .clock = clock_real_new(events) };
	struct probe probe;
	int rounds = 0;

	(void)state;
	probe_init(&probe, &trace, 0);
	timer_init(&probe.timer, trace.clock, again, &probe);
	timer_set(&probe.timer, 0);
	while (trace.n < 5) {
		event_base_loop(events, EVLOOP_ONCE);
		rounds++;
	}
	assert_int_equal(rounds, 5);
	clock_free(trace.clock);
	event_base_free(events);
}

static void a_seed_gives_one_sequence(void **state)
{
	struct rng a, b, c;
	int i, same = 0;

	(void)state;
	rng_seed(&a, 42);
	rng_seed(&b, 42);
	rng_seed(&c, 43);
	for (i = 0; i < 1000; i++) {
		double x = rng_unit(&a);

		assert_true(x >= 0 && x < 1);
		assert_true(x == rng_unit(&b));
		same += fabs(x - rng_unit(&c)) < 0.001;
	}
	assert_in_range(same, 0, 20);
}

/* First draws of consecutive seeds must not follow each other. */
static void neighbouring_seeds_are_unlike(void **state)
{
	int bins[10] = { 0 }, rising = 0, i;
	double last = 0, x;
	struct rng rng;

	(void)state;
	for (i = 0; i < 10000; i++) {
		rng_seed(&rng, i);
		x = rng_unit(&rng);
		bins[(int)(x * 10)]++;
		rising += x > last;
		last = x;
	}
	for (i = 0; i < 10; i++)
		assert_in_range(bins[i], 850, 1150);
	assert_in_range(rising, 4700, 5300);
}

static void exponential_times_have_their_mean(void **state)
{
	int over = 0, i;
	double sum = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	for (i = 0; i < 100000; i++) {
		double x = rng_exponential(&rng, 3);

		assert_true(x >= 0 && isfinite(x));
		sum += x;
		over += x > 3;
	}
	assert_true(fabs(sum / 100000 - 3) < 0.05);
	assert_true(fabs(over / 100000.0 - exp(-1)) < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_time_then_of_setting),
		cmocka_unit_test(thousands_set_moved_and_stopped),
		cmocka_unit_test(one_that_sets_itself_again_at_once),
		cmocka_unit_test(never_is_far_away),
		cmocka_unit_test(a_clock_that_ends_leaves_no_timer_set),
		cmocka_unit_test(the_real_clock_fires_in_order),
		cmocka_unit_test(a_timer_at_no_distance_does_not_starve_the_loop),
		cmocka_unit_test(a_seed_gives_one_sequence),
		cmocka_unit_test(neighbouring_seeds_are_unlike),
		cmocka_unit_test(exponential_times_have_their_mean),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
