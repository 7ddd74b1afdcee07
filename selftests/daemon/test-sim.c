// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hours of a node in milliseconds: the controller, its scheduler and the policies on a
 * simulated clock and machine (tools/sim). Everything is seeded.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <cmocka.h>
#include "log.h"
#include "sim.h"

#define MIB (1024.0 * 1024)
#define HOUR 3600.0

static const struct {
	const char *name;
	const char *kind;
} functions[] = {
	{ "vanilla-1", "bursty" }, { "html-1", "bursty" }, { "auth-1", "bursty" },
	{ "image-1", "diurnal" }, { "vanilla-2", "diurnal" }, { "html-2", "diurnal" },
	{ "auth-2", "rare" }, { "image-2", "rare" }, { "vanilla-3", "rare" },
	{ "html-3", "rare" }, { "auth-3", "timed" }, { "image-3", "timed" },
};

/* Hours as they are, without a factor. */
static void make_trace(struct trace *trace, uint64_t seed, double hours)
{
	size_t i;

	memset(trace, 0, sizeof(*trace));
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		assert_int_equal(trace_add(trace, functions[i].name, functions[i].kind, seed,
					   hours * HOUR, 1), 0);
	trace_sort(trace);
}

static struct sim_setup setup(const struct trace *trace, const struct policy_ops *ops,
			      double capacity_mib)
{
	struct sim_setup s = {
		.trace = trace, .processors = 2, .seed = 1, .settle = 60, .sample = 5,
		.limits = { .capacity = capacity_mib * MIB, .assumed = 16 * MIB,
			    .max_dedup_starts = 2 },
	};

	policy_init(&s.policy, ops);
	return s;
}

static void run(const struct sim_setup *s, struct sim_result *result)
{
	size_t i;

	assert_int_equal(sim_run(s, result), 0);
	assert_int_equal(result->failed, 0);
	for (i = 0; i < result->n; i++)
		assert_int_equal(result->answers[i].status, 200);
	print_message("# %-8s %4.0f MiB: %5zu warm %4zu dedup %3zu cold; p50 %.0f p99 %.0f ms; %.0f MiB on average\n",
		      s->policy.ops->name, s->limits.capacity / MIB, result->starts[START_WARM],
		      result->starts[START_DEDUP], result->starts[START_COLD],
		      sim_percentile(result, START_KINDS, 50),
		      sim_percentile(result, START_KINDS, 99), result->mean / MIB);
}

static void a_trace_is_the_same_for_the_same_seed(void **state)
{
	struct trace a, b, c;
	size_t i;

	(void)state;
	make_trace(&a, 5, 3);
	make_trace(&b, 5, 3);
	make_trace(&c, 6, 3);
	assert_true(a.n > 500);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.v, b.v, a.n * sizeof(*a.v));
	assert_true(a.n != c.n || memcmp(a.v, c.v, a.n * sizeof(*a.v)));
	for (i = 1; i < a.n; i++)
		assert_true(a.v[i - 1].at <= a.v[i].at);
	trace_free(&a);
	trace_free(&b);
	trace_free(&c);
}

static void a_trace_written_can_be_read(void **state)
{
	struct trace a, b = { 0 };
	FILE *file = tmpfile();
	char error[256];
	size_t i;

	(void)state;
	make_trace(&a, 1, 1);
	fputs("# a comment\n", file);
	trace_write(&a, file);
	rewind(file);
	assert_int_equal(trace_read(&b, file, error, sizeof(error)), 0);
	fclose(file);
	assert_int_equal(a.n, b.n);
	for (i = 0; i < a.n; i++) {
		assert_int_equal(a.v[i].at, b.v[i].at);
		assert_string_equal(a.names[a.v[i].function], b.names[b.v[i].function]);
	}
	trace_free(&a);
	trace_free(&b);
}

static void a_bad_trace_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = {
		"1 html\nx html\n", "1 html\n-1 html\n", "1 html\n0.5 html\n", "1 html\n2\n",
		"1 html\n2 html more\n", "1 html\nnan html\n",
		"1 html\n2 a-name-that-is-longer-than-a-function-may-have-in-medesd\n",
	};
	struct trace trace;
	char error[256];
	FILE *file;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&trace, 0, sizeof(trace));
		file = fmemopen((void *)bad[i], strlen(bad[i]), "r");
		assert_true(trace_read(&trace, file, error, sizeof(error)) < 0);
		assert_non_null(strstr(error, "line 2: "));
		fclose(file);
		trace_free(&trace);
	}
}

static void the_same_seed_gives_the_same_run(void **state)
{
	struct sim_result a, b;
	struct trace trace;
	struct sim_setup s;

	(void)state;
	make_trace(&trace, 1, 2);
	s = setup(&trace, &policy_medes, 100);
	run(&s, &a);
	run(&s, &b);
	assert_int_equal(a.n_samples, b.n_samples);
	assert_memory_equal(a.answers, b.answers, a.n * sizeof(*a.answers));
	assert_memory_equal(a.samples, b.samples, a.n_samples * sizeof(*a.samples));
	sim_result_free(&a);
	sim_result_free(&b);
	trace_free(&trace);
}

/* Over four hours and three seeds each, at a capacity that is too small for all to be warm. */
static void medes_starts_cold_less_than_both_keep_alives(void **state)
{
	static const struct policy_ops *const ops[] = {
		&policy_medes, &policy_fixed, &policy_adaptive,
	};
	size_t cold[3] = { 0 }, i, seed;
	double p99[3] = { 0 };
	struct sim_result result;
	struct trace trace;
	struct sim_setup s;

	(void)state;
	for (seed = 1; seed <= 3; seed++) {
		make_trace(&trace, seed, 4);
		for (i = 0; i < 3; i++) {
			s = setup(&trace, ops[i], 100);
			run(&s, &result);
			cold[i] += result.starts[START_COLD];
			p99[i] += sim_percentile(&result, START_KINDS, 99);
			sim_result_free(&result);
		}
		trace_free(&trace);
	}
	assert_true(2 * cold[0] < cold[1]);
	assert_true(2 * cold[0] < cold[2]);
	assert_true(p99[0] < p99[1]);
	assert_true(p99[0] < p99[2]);
}

/* With room for all, P2 has no reason to deduplicate before keep-alive, P1 has. */
static void with_plenty_of_memory_p2_keeps_warm_what_p1_does_not(void **state)
{
	struct sim_result p1, p2;
	struct trace trace;
	struct sim_setup s;

	(void)state;
	make_trace(&trace, 2, 4);
	s = setup(&trace, &policy_medes, 2000);
	run(&s, &p1);
	s.policy.params.objective = POLICY_LATENCY;
	run(&s, &p2);
	assert_true(p2.starts[START_WARM] > p1.starts[START_WARM]);
	assert_true(p1.mean < p2.mean);
	sim_result_free(&p1);
	sim_result_free(&p2);
	trace_free(&trace);
}

/* The controller's sums are estimates; what is really taken may exceed them a little, shortly. */
static void the_capacity_is_kept(void **state)
{
	static const struct policy_ops *const ops[] = {
		&policy_medes, &policy_fixed, &policy_adaptive,
	};
	struct sim_result result;
	struct trace trace;
	struct sim_setup s;
	size_t i;

	(void)state;
	make_trace(&trace, 3, 4);
	for (i = 0; i < 3; i++) {
		s = setup(&trace, ops[i], 80);
		run(&s, &result);
		assert_true(result.most < 80 * 1.1 * MIB);
		assert_true(result.mean < 80 * MIB);
		sim_result_free(&result);
	}
	trace_free(&trace);
}

/* After the last request everything goes, in its time: warm ones, deduplicated ones. */
static void all_is_purged_in_the_end(void **state)
{
	static const struct policy_ops *const ops[] = { &policy_medes, &policy_fixed };
	struct sim_result result;
	const struct sim_sample *last;
	struct trace trace;
	struct sim_setup s;
	size_t i, k;

	(void)state;
	make_trace(&trace, 1, 1);
	for (i = 0; i < 2; i++) {
		s = setup(&trace, ops[i], 100);
		s.settle = 3 * HOUR;
		run(&s, &result);
		last = &result.samples[result.n_samples - 1];
		for (k = 0; k < POLICY_STATES; k++)
			assert_int_equal(last->in[k], 0);
		assert_true(last->used == 0);
		sim_result_free(&result);
	}
	trace_free(&trace);
}

/* A timer every 12 minutes is too seldom for a keep-alive of 10. */
static void adaptive_is_there_in_time_for_a_timer(void **state)
{
	struct sim_result fixed, adaptive;
	struct trace trace = { 0 };
	struct sim_setup s;

	(void)state;
	assert_int_equal(trace_add(&trace, "html-1", "timed", 1, 24 * HOUR, 1), 0);
	trace_sort(&trace);
	s = setup(&trace, &policy_fixed, 0);
	run(&s, &fixed);
	s = setup(&trace, &policy_adaptive, 0);
	run(&s, &adaptive);
	assert_true(fixed.starts[START_COLD] > 0.9 * fixed.n);
	assert_int_equal(adaptive.starts[START_COLD], 0);
	assert_true(adaptive.prewarms > 0.5 * adaptive.n);
	sim_result_free(&fixed);
	sim_result_free(&adaptive);
	trace_free(&trace);
}

static void an_application_that_is_not_known_is_refused(void **state)
{
	struct sim_result result;
	struct trace trace = { 0 };
	struct sim_setup s;

	(void)state;
	assert_int_equal(trace_add(&trace, "other", "rare", 1, HOUR, 1), 0);
	trace_sort(&trace);
	s = setup(&trace, &policy_fixed, 0);
	assert_int_equal(sim_run(&s, &result), -ENOENT);
	sim_result_free(&result);
	trace_free(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_is_the_same_for_the_same_seed),
		cmocka_unit_test(a_trace_written_can_be_read),
		cmocka_unit_test(a_bad_trace_is_refused_with_its_line),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
		cmocka_unit_test(medes_starts_cold_less_than_both_keep_alives),
		cmocka_unit_test(with_plenty_of_memory_p2_keeps_warm_what_p1_does_not),
		cmocka_unit_test(the_capacity_is_kept),
		cmocka_unit_test(all_is_purged_in_the_end),
		cmocka_unit_test(adaptive_is_there_in_time_for_a_timer),
		cmocka_unit_test(an_application_that_is_not_known_is_refused),
	};

	log_init(LOG_ERR);
	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
