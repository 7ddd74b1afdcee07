// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is measured of a function: rates, peaks, averages, idle times.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "clock.h"
#include "measure.h"

#define MINUTE (60 * US_PER_S)
#define START (1000 * MINUTE)

/* Requests that take no time, spread over a minute that begins at @at. */
static void arrive(struct measure *m, uint64_t at, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		measure_arrival(m, at + i * MINUTE / n);
		measure_end(m, at + i * MINUTE / n, START_WARM, 0.1);
	}
}

static void near(double value, double wanted)
{
	assert_true(fabs(value - wanted) <= 1e-9 * fmax(1, fabs(wanted)));
}

static void nothing_is_known_at_first(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	near(measure_rate(&m), 0);
	near(measure_peak(&m), 0);
	assert_true(m.start[START_WARM].value > 0);
	assert_true(m.start[START_DEDUP].value > m.start[START_WARM].value);
	assert_true(m.start[START_COLD].value > m.start[START_DEDUP].value);
	assert_true(m.memory_warm.value > m.memory_dedup.value);
}

static void rate_is_a_moving_average_of_minutes(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	arrive(&m, START, 60);
	near(measure_rate(&m), 1);			/* the minute still runs */
	arrive(&m, START + MINUTE, 120);
	near(measure_rate(&m), 1);
	measure_roll(&m, START + 2 * MINUTE);
	near(measure_rate(&m), 1 + 0.1 * (2 - 1));
	measure_roll(&m, START + 3 * MINUTE);
	near(measure_rate(&m), 1.1 * 0.9);
}

static void peak_is_the_busiest_of_ten_minutes(void **state)
{
	struct measure m;
	int i;

	(void)state;
	measure_init(&m, MINUTE);
	arrive(&m, START, 300);
	for (i = 1; i < 10; i++) {
		arrive(&m, START + i * MINUTE, 60);
		near(measure_peak(&m), 5);
	}
	measure_roll(&m, START + 10 * MINUTE);
	near(measure_peak(&m), 1);
	measure_roll(&m, START + 20 * MINUTE);
	near(measure_peak(&m), 0);
}

/* The running minute counts, so that a burst is seen before it is over. */
static void a_burst_is_seen_at_once(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	arrive(&m, START, 6);
	measure_roll(&m, START + 5 * MINUTE);
	arrive(&m, START + 5 * MINUTE, 600);
	near(measure_peak(&m), 10);
}

static void a_week_of_silence_is_rolled_at_once(void **state)
{
	struct measure m, slow;
	int i;

	(void)state;
	measure_init(&m, MINUTE);
	arrive(&m, START, 600);
	slow = m;
	for (i = 1; i <= 100; i++)
		measure_roll(&slow, START + i * MINUTE);
	measure_roll(&m, START + 100 * MINUTE);
	near(m.rate.value, slow.rate.value);
	assert_int_equal(m.window_end, slow.window_end);
	measure_roll(&m, START + 7 * 24 * 60 * MINUTE);
	near(measure_rate(&m), 0);
	near(measure_peak(&m), 0);
	arrive(&m, START + 7 * 24 * 60 * MINUTE, 60);
	near(measure_peak(&m), 1);
}

static void what_is_measured_replaces_what_was_assumed(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	measure_arrival(&m, START);
	measure_start(&m, START_COLD, 3);
	measure_end(&m, START, START_WARM, 0.5);
	near(m.start[START_COLD].value, 3);
	near(m.exec.value, 0.5);
	measure_start(&m, START_COLD, 4);
	near(m.start[START_COLD].value, 3.1);
	assert_int_equal(m.starts[START_COLD], 2);
	assert_int_equal(m.starts[START_WARM], 0);
	measure_memory_warm(&m, 80e6);
	/* what is not known of it yet is less than what is */
	near(m.memory_dedup.value, 24e6);
	near(m.memory_restore.value, 8e6);
	measure_memory_dedup(&m, 10e6);
	measure_memory_restore(&m, 3e6);
	near(m.memory_warm.value, 80e6);
	near(m.memory_dedup.value, 10e6);
	near(m.memory_restore.value, 3e6);
}

static void what_a_restore_takes_belongs_to_the_start(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	measure_end(&m, START, START_COLD, 0.5);
	measure_end(&m, START, START_DEDUP, 0.8);
	near(m.exec.value, 0.5);
	near(m.restore.value, 0.3);
	measure_end(&m, START, START_DEDUP, 0.2);
	near(m.exec.value, 0.5);
	near(m.restore.value, 0.27);
}

/* How long somebody holds a sandbox tells how long a request runs only if nothing else does. */
static void leases_are_no_running_time(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	near(measure_busy(&m), 0.1);		/* assumed */
	measure_release(&m, START, START_WARM, 30);
	near(m.held.value, 30);
	near(measure_busy(&m), 30);
	measure_release(&m, START, START_DEDUP, 31);
	near(m.held.value, 30);
	near(m.restore.value, 1);
	measure_end(&m, START, START_WARM, 0.5);
	near(m.exec.value, 0.5);
	near(measure_busy(&m), 0.5);
	measure_release(&m, START, START_DEDUP, 300);
	near(m.exec.value, 0.5);
	near(m.restore.value, 1);
}

static void idle_times_go_into_their_minutes(void **state)
{
	static const unsigned int minutes[] = { 0, 3, 3, 239, 240, 1000 };
	uint64_t now = START;
	struct measure m;
	size_t i;

	(void)state;
	measure_init(&m, MINUTE);
	measure_arrival(&m, now);
	measure_end(&m, now, START_WARM, 0);
	for (i = 0; i < 6; i++) {
		now += minutes[i] * MINUTE + MINUTE / 2;
		measure_arrival(&m, now);
		measure_end(&m, now, START_WARM, 0);
	}
	assert_int_equal(m.idle[0], 1);
	assert_int_equal(m.idle[3], 2);
	assert_int_equal(m.idle[239], 1);
	assert_int_equal(m.idle_total, 4);
	assert_int_equal(m.idle_beyond, 2);
	assert_int_equal(m.idle_mean.n, 6);
}

/* Only when nothing runs does a function idle, and from the last end on. */
static void requests_that_overlap_leave_no_idle_time_between(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	measure_arrival(&m, START);
	measure_arrival(&m, START + MINUTE);
	measure_end(&m, START + 2 * MINUTE, START_WARM, 120);
	measure_arrival(&m, START + 3 * MINUTE);
	measure_end(&m, START + 4 * MINUTE, START_WARM, 60);
	measure_end(&m, START + 5 * MINUTE, START_WARM, 240);
	assert_int_equal(m.idle_total, 0);
	measure_arrival(&m, START + 7 * MINUTE);
	assert_int_equal(m.idle_total, 1);
	assert_int_equal(m.idle[2], 1);
}

static void a_cancelled_request_runs_no_more(void **state)
{
	struct measure m;

	(void)state;
	measure_init(&m, MINUTE);
	measure_cancel(&m);
	assert_int_equal(m.running, 0);
	measure_arrival(&m, START);
	measure_end(&m, START, START_WARM, 0);
	measure_arrival(&m, START + MINUTE);
	measure_cancel(&m);
	assert_int_equal(m.running, 0);
	measure_arrival(&m, START + 2 * MINUTE);
	/* the one that was cancelled came after a minute, this one after two */
	assert_int_equal(m.idle[1], 1);
	assert_int_equal(m.idle[2], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_at_first),
		cmocka_unit_test(rate_is_a_moving_average_of_minutes),
		cmocka_unit_test(peak_is_the_busiest_of_ten_minutes),
		cmocka_unit_test(a_burst_is_seen_at_once),
		cmocka_unit_test(a_week_of_silence_is_rolled_at_once),
		cmocka_unit_test(what_is_measured_replaces_what_was_assumed),
		cmocka_unit_test(what_a_restore_takes_belongs_to_the_start),
		cmocka_unit_test(leases_are_no_running_time),
		cmocka_unit_test(idle_times_go_into_their_minutes),
		cmocka_unit_test(requests_that_overlap_leave_no_idle_time_between),
		cmocka_unit_test(a_cancelled_request_runs_no_more),
	};

	return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
