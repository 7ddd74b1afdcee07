/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many of a function's sandboxes should be deduplicated: the two optimisation
 * problems of the Medes paper in closed form.
 */
#ifndef MEDESD_SOLVE_H
#define MEDESD_SOLVE_H

#include <stdbool.h>

/* The letters are the paper's; Documentation/policy.rst has the formulas. */
struct problem {
	unsigned int sandboxes;		/* C = W + D */
	double rate;			/* lambda_max, 1/s, over 0 or 0 */
	double start_warm;		/* s_W, s */
	double start_dedup;		/* s_D, s */
	double reuse_warm;		/* R_W, s, over 0 */
	double reuse_dedup;		/* R_D, s, over 0 */
	double memory_warm;		/* m_W, bytes */
	double memory_dedup;		/* m_D, bytes */
	double memory_restore;		/* m_R, bytes */
	double alpha;			/* of P1 */
	double memory;			/* M0 of P2, bytes */
};

/* What bounds the answer. */
enum limit { LIMIT_NONE, LIMIT_CAPACITY, LIMIT_STARTUP, LIMIT_MEMORY };

struct solution {
	bool feasible;
	unsigned int dedup;		/* D; all of them when nothing is feasible */
	enum limit limit;		/* what bounds D, or the first that can't be met */
	double capacity;		/* requests/s that W and D serve */
	double startup;			/* S, s */
	double memory;			/* M, bytes */
};

/* P1: least memory. P2: least start-up time. */
void solve_memory(const struct problem *p, struct solution *s);
void solve_latency(const struct problem *p, struct solution *s);

/* The three sums, for any D. */
double problem_capacity(const struct problem *p, unsigned int dedup);
double problem_startup(const struct problem *p, unsigned int dedup);
double problem_memory(const struct problem *p, unsigned int dedup);

#endif /* MEDESD_SOLVE_H */
