// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * P1 and P2: cases worked by hand, and the closed forms against GLPK's integer
 * programs over thousands of random inputs, infeasible ones included.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glpk.h>
#include "random.h"
#include "solve.h"

#define CASES 4000

/*
 * Ten sandboxes; warm ones serve 5/s each, deduplicated ones 2/s; a start takes
 * 0.1 s or 0.4 s; 50 MB or 20 + 5 MB.
 */
static const struct problem example = {
	.sandboxes = 10, .rate = 20,
	.start_warm = 0.1, .start_dedup = 0.4,
	.reuse_warm = 0.2, .reuse_dedup = 0.5,
	.memory_warm = 50, .memory_dedup = 20, .memory_restore = 5,
	.alpha = 2.5, .memory = 400,
};

static void expect(const struct solution *s, bool feasible, unsigned int dedup, enum limit limit)
{
	assert_int_equal(s->feasible, feasible);
	assert_int_equal(s->dedup, dedup);
	assert_int_equal(s->limit, limit);
}

/*
 * Capacity: 5 (10 - D) + 2 D >= 20, so D <= 10. Start-up: (10 - D) 0.5 + D 0.8 <=
 * 2.5 * 0.1 * 20 = 5, so D <= 0.
 */
static void p1_bounded_by_start_up(void **state)
{
	struct problem p = example;
	struct solution s;

	(void)state;
	solve_memory(&p, &s);
	expect(&s, true, 0, LIMIT_STARTUP);
	assert_float_equal(s.memory, 500, 1e-9);
	/* twice alpha: 5 + 0.3 D <= 10 lets all be deduplicated, but capacity just so, too */
	p.alpha = 5;
	solve_memory(&p, &s);
	expect(&s, true, 10, LIMIT_NONE);
	assert_float_equal(s.memory, 250, 1e-9);
	assert_float_equal(s.capacity, 20, 1e-9);
	assert_float_equal(s.startup, 0.4, 1e-9);
	/* 5 + 0.3 D <= 6.2: D <= 4 exactly */
	p.alpha = 3.1;
	solve_memory(&p, &s);
	expect(&s, true, 4, LIMIT_STARTUP);
}

/* 50 - 3 D >= 31, so D <= 6 */
static void p1_bounded_by_the_arrival_rate(void **state)
{
	struct problem p = example;
	struct solution s;

	(void)state;
	p.rate = 31;
	p.alpha = 100;
	solve_memory(&p, &s);
	expect(&s, true, 6, LIMIT_CAPACITY);
	assert_float_equal(s.capacity, 32, 1e-9);
}

/* 500 - 25 D <= 400: D >= 4 */
static void p2_deduplicates_as_few_as_memory_asks_for(void **state)
{
	struct problem p = example;
	struct solution s;

	(void)state;
	solve_latency(&p, &s);
	expect(&s, true, 4, LIMIT_MEMORY);
	assert_float_equal(s.memory, 400, 1e-9);
	p.memory = 399;
	solve_latency(&p, &s);
	expect(&s, true, 5, LIMIT_MEMORY);
	p.memory = 500;
	solve_latency(&p, &s);
	expect(&s, true, 0, LIMIT_NONE);
}

static void infeasible_deduplicates_all(void **state)
{
	struct problem p = example;
	struct solution s;

	(void)state;
	/* ten warm ones serve 50/s */
	p.rate = 51;
	solve_memory(&p, &s);
	expect(&s, false, 10, LIMIT_CAPACITY);
	solve_latency(&p, &s);
	expect(&s, false, 10, LIMIT_CAPACITY);
	/* all warm, S is 5 / 1 = 5 s over 0.25 s: few requests for many sandboxes */
	p.rate = 1;
	solve_memory(&p, &s);
	expect(&s, false, 10, LIMIT_STARTUP);
	/* all deduplicated take 250 */
	p.memory = 249;
	solve_latency(&p, &s);
	expect(&s, false, 10, LIMIT_MEMORY);
	/* memory wants D >= 8, the rate D <= 6 */
	p.rate = 31;
	p.memory = 300;
	solve_latency(&p, &s);
	expect(&s, false, 10, LIMIT_MEMORY);
}

static void no_arrivals(void **state)
{
	struct problem p = example;
	struct solution s;

	(void)state;
	p.rate = 0;
	solve_memory(&p, &s);
	expect(&s, false, 10, LIMIT_STARTUP);
	assert_true(isinf(s.startup));
	p.sandboxes = 0;
	solve_memory(&p, &s);
	expect(&s, true, 0, LIMIT_NONE);
	assert_true(s.startup == 0);
	solve_latency(&p, &s);
	expect(&s, true, 0, LIMIT_NONE);
}

/* Numbers that are measured can be the other way round. */
static void when_deduplicating_costs_memory_none_is(void **state)
{
	struct problem p = example;
	struct solution s;

	(void)state;
	p.memory_dedup = 60;
	p.alpha = 100;
	solve_memory(&p, &s);
	expect(&s, true, 0, LIMIT_NONE);
	/* and if a deduplicated one starts faster, P2 takes as many as fit: 500 + 15 D <= 545 */
	p.start_dedup = 0.01;
	p.reuse_dedup = 0.11;
	p.memory = 545;
	solve_latency(&p, &s);
	expect(&s, true, 3, LIMIT_MEMORY);
}

/* The same, as an integer program; false: GLPK says that nothing is feasible. */
static bool glpk(const struct problem *p, bool latency, double *objective)
{
	double ends[2][2] = {
		{ 1 / p->reuse_warm, 1 / p->reuse_dedup },
		{ p->start_warm / p->reuse_warm, p->start_dedup / p->reuse_dedup },
	};
	double cost[2] = { p->memory_warm, p->memory_dedup + p->memory_restore };
	int rows[] = { 0, 1, 1, 2, 2, 3, 3 }, columns[] = { 0, 1, 2, 1, 2, 1, 2 };
	double *third = latency ? cost : ends[1], *aim = latency ? ends[1] : cost;
	double values[] = { 0, 1, 1, ends[0][0], ends[0][1], third[0], third[1] };
	glp_prob *lp = glp_create_prob();
	glp_iocp how;
	bool found;
	int i;

	glp_init_iocp(&how);
	how.presolve = GLP_ON;
	how.msg_lev = GLP_MSG_OFF;
	glp_set_obj_dir(lp, GLP_MIN);
	glp_add_rows(lp, 3);
	glp_add_cols(lp, 2);
	for (i = 0; i < 2; i++) {
		glp_set_col_kind(lp, i + 1, GLP_IV);
		glp_set_col_bnds(lp, i + 1, GLP_LO, 0, 0);
		glp_set_obj_coef(lp, i + 1, aim[i]);
	}
	glp_set_row_bnds(lp, 1, GLP_FX, p->sandboxes, p->sandboxes);
	glp_set_row_bnds(lp, 2, GLP_LO, p->rate, 0);
	glp_set_row_bnds(lp, 3, GLP_UP, 0, latency ? p->memory :
			 p->alpha * p->start_warm * p->rate);
	glp_load_matrix(lp, 6, rows, columns, values);
	found = !glp_intopt(lp, &how) && glp_mip_status(lp) == GLP_OPT;
	*objective = found ? glp_mip_obj_val(lp) : 0;
	glp_delete_prob(lp);
	return found;
}

static double between(struct rng *rng, double low, double high)
{
	return low * exp(rng_unit(rng) * log(high / low));
}

/* From nearly idle to overloaded, memory from far too little to plenty. */
static struct problem random_problem(struct rng *rng)
{
	struct problem p = {
		.sandboxes = rng_below(rng, 60),
		.start_warm = between(rng, 0.0005, 0.05),
		.start_dedup = between(rng, 0.002, 2),
		.memory_warm = between(rng, 10, 500),
		.memory_restore = between(rng, 0.1, 50),
		.alpha = between(rng, 1, 100),
	};
	double exec = between(rng, 0.001, 3);

	p.reuse_warm = p.start_warm + exec;
	p.reuse_dedup = p.start_dedup + exec;
	p.memory_dedup = p.memory_warm * between(rng, 0.05, 1.2);
	p.rate = p.sandboxes / p.reuse_warm * between(rng, 0.01, 2);
	p.memory = p.sandboxes * p.memory_warm * between(rng, 0.1, 1.5);
	return p;
}

/* GLPK allows a limit to be missed by 1e-7 or so: what is that near is not compared. */
static bool is_near(double sum, double limit)
{
	return fabs(sum - limit) <= 1e-5 * fmax(1, fabs(limit));
}

static bool undecided(const struct problem *p)
{
	unsigned int d;

	for (d = 0; d <= p->sandboxes; d++)
		if (is_near(problem_capacity(p, d), p->rate) ||
		    is_near(problem_startup(p, d) * p->rate, p->alpha * p->start_warm * p->rate) ||
		    is_near(problem_memory(p, d), p->memory))
			return true;
	return false;
}

static void compare(bool latency)
{
	unsigned int feasible = 0, skipped = 0, inner = 0, i;
	struct solution s;
	double objective;
	struct rng rng;

	rng_seed(&rng, latency ? 2 : 1);
	glp_term_out(GLP_OFF);
	for (i = 0; i < CASES; i++) {
		struct problem p = random_problem(&rng);

		if (undecided(&p)) {
			skipped++;
			continue;
		}
		if (latency)
			solve_latency(&p, &s);
		else
			solve_memory(&p, &s);
		assert_int_equal(s.feasible, glpk(&p, latency, &objective));
		if (!s.feasible) {
			assert_int_equal(s.dedup, p.sandboxes);
			continue;
		}
		feasible++;
		inner += s.dedup > 0 && s.dedup < p.sandboxes;
		assert_in_range(s.dedup, 0, p.sandboxes);
		assert_true(s.capacity >= p.rate);
		if (latency) {
			assert_true(s.memory <= p.memory);
			assert_true(fabs(s.startup * p.rate - objective) <= 1e-6 * fmax(1, objective));
		} else {
			assert_true(s.startup <= p.alpha * p.start_warm * (1 + 1e-12));
			assert_true(fabs(s.memory - objective) <= 1e-6 * fmax(1, objective));
		}
	}
	glp_free_env();
	print_message("# %u of %u feasible, %u with both kinds, %u too near to a limit to compare\n",
		      feasible, CASES, inner, skipped);
	/* the inputs reach every kind of answer */
	assert_in_range(feasible, CASES / 10, CASES * 9 / 10);
	assert_in_range(inner, CASES / 20, CASES);
	assert_in_range(skipped, 0, CASES / 20);
}

static void p1_equals_glpk(void **state)
{
	(void)state;
	compare(false);
}

static void p2_equals_glpk(void **state)
{
	(void)state;
	compare(true);
}

/* Every D tried, on numbers that meet limits exactly: what GLPK's tolerance can't tell. */
static void exact_limits_equal_trying_all(void **state)
{
	struct solution s;
	struct rng rng;
	unsigned int i, d;

	(void)state;
	rng_seed(&rng, 3);
	for (i = 0; i < 100000; i++) {
		struct problem p = {
			.sandboxes = rng_below(&rng, 8), .rate = rng_below(&rng, 12),
			.start_warm = 1, .start_dedup = 1 + rng_below(&rng, 4),
			.reuse_warm = 0.5, .reuse_dedup = 0.25 * (1 + rng_below(&rng, 8)),
			.memory_warm = 4, .memory_dedup = rng_below(&rng, 6),
			.memory_restore = rng_below(&rng, 2),
			.alpha = 1 + rng_below(&rng, 6), .memory = rng_below(&rng, 30),
		};
		double best = INFINITY;
		bool any = false;

		solve_latency(&p, &s);
		for (d = 0; d <= p.sandboxes; d++) {
			if (problem_capacity(&p, d) < p.rate || problem_memory(&p, d) > p.memory)
				continue;
			any = true;
			best = fmin(best, problem_startup(&p, d));
		}
		assert_int_equal(s.feasible, any);
		if (any && p.rate)
			assert_true(fabs(s.startup - best) < 1e-9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_bounded_by_start_up),
		cmocka_unit_test(p1_bounded_by_the_arrival_rate),
		cmocka_unit_test(p2_deduplicates_as_few_as_memory_asks_for),
		cmocka_unit_test(infeasible_deduplicates_all),
		cmocka_unit_test(no_arrivals),
		cmocka_unit_test(when_deduplicating_costs_memory_none_is),
		cmocka_unit_test(p1_equals_glpk),
		cmocka_unit_test(p2_equals_glpk),
		cmocka_unit_test(exact_limits_equal_trying_all),
	};

	return cmocka_run_group_tests_name("solve", tests, NULL, NULL);
}
