// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * P1 and P2 in closed form.
 *
 * W = C - D leaves one unknown, a whole number from 0 to C, and each condition is
 * linear in it: it holds up to some D, or from some D on. So what is feasible is
 * one range, the intersection of these, and a linear objective has its best value at
 * one of the two ends. Nothing is assumed about which of warm and dedup is larger or
 * slower: measured numbers can be either way round.
 *
 * A limit that is met exactly is met: numbers that were measured never do so.
 */
#include <math.h>
#include "solve.h"

/* The D that are still feasible; empty: from > to. */
struct range {
	double from;
	double to;
	enum limit low;			/* what set from */
	enum limit high;		/* what set to */
};

/* fixed + D * slope: a sum over warm and deduplicated sandboxes. */
struct line {
	double fixed;
	double slope;
};

static struct line line(const struct problem *p, double warm, double dedup)
{
	return (struct line){ p->sandboxes * warm, dedup - warm };
}

static double at(struct line l, double dedup)
{
	return l.fixed + dedup * l.slope;
}

static struct line capacity(const struct problem *p)
{
	return line(p, 1 / p->reuse_warm, 1 / p->reuse_dedup);
}

/* S times the arrival rate, which may be 0. */
static struct line startup(const struct problem *p)
{
	return line(p, p->start_warm / p->reuse_warm, p->start_dedup / p->reuse_dedup);
}

static struct line memory(const struct problem *p)
{
	return line(p, p->memory_warm, p->memory_dedup + p->memory_restore);
}

/*
 * Keeps the D with at(l, D) <= most. The quotient may be off by its rounding, so
 * the sum itself has the last word on the two numbers next to it.
 */
static bool at_most(struct range *r, struct line l, double most, enum limit limit)
{
	double d;

	if (l.slope == 0) {
		if (l.fixed <= most)
			return r->from <= r->to;
		r->to = -1;
	} else if (l.slope > 0) {
		d = floor((most - l.fixed) / l.slope);
		if (at(l, d + 1) <= most)
			d++;
		else if (at(l, d) > most)
			d--;
		if (d < r->to) {
			r->to = d;
			r->high = limit;
		}
	} else {
		d = ceil((most - l.fixed) / l.slope);
		if (at(l, d - 1) <= most)
			d--;
		else if (at(l, d) > most)
			d++;
		if (d > r->from) {
			r->from = d;
			r->low = limit;
		}
	}
	return r->from <= r->to;
}

static bool at_least(struct range *r, struct line l, double least, enum limit limit)
{
	return at_most(r, (struct line){ -l.fixed, -l.slope }, -least, limit);
}

static struct range all(const struct problem *p)
{
	return (struct range){ .to = p->sandboxes };
}

static void tell(const struct problem *p, struct solution *s)
{
	s->capacity = problem_capacity(p, s->dedup);
	s->startup = problem_startup(p, s->dedup);
	s->memory = problem_memory(p, s->dedup);
}

/* Deduplicate aggressively. */
static void infeasible(const struct problem *p, struct solution *s, enum limit limit)
{
	*s = (struct solution){ .dedup = p->sandboxes, .limit = limit };
	tell(p, s);
}

/* The end of the range where the objective is least; as few as possible if it is the same. */
static void choose(const struct problem *p, struct solution *s, const struct range *r,
		   struct line objective)
{
	bool most = objective.slope < 0;

	*s = (struct solution){
		.feasible = true,
		.dedup = most ? r->to : r->from,
		.limit = most ? r->high : r->low,
	};
	tell(p, s);
}

/**
 * solve_memory() - P1: least memory, with start-up bounded
 * @p: everything but M0
 * @s: receives the answer
 *
 * Minimises M subject to S <= alpha s_W and a capacity of at least lambda_max.
 */
void solve_memory(const struct problem *p, struct solution *s)
{
	struct range r = all(p);

	if (!at_least(&r, capacity(p), p->rate, LIMIT_CAPACITY))
		infeasible(p, s, LIMIT_CAPACITY);
	else if (!at_most(&r, startup(p), p->alpha * p->start_warm * p->rate, LIMIT_STARTUP))
		infeasible(p, s, LIMIT_STARTUP);
	else
		choose(p, s, &r, memory(p));
}

/**
 * solve_latency() - P2: least start-up time, with memory bounded
 * @p: everything but alpha
 * @s: receives the answer
 *
 * Minimises S subject to M <= M0 and a capacity of at least lambda_max.
 */
void solve_latency(const struct problem *p, struct solution *s)
{
	struct range r = all(p);

	if (!at_least(&r, capacity(p), p->rate, LIMIT_CAPACITY))
		infeasible(p, s, LIMIT_CAPACITY);
	else if (!at_most(&r, memory(p), p->memory, LIMIT_MEMORY))
		infeasible(p, s, LIMIT_MEMORY);
	else
		choose(p, s, &r, startup(p));
}

/**
 * problem_capacity() - requests per second that the sandboxes serve
 * @p: the numbers
 * @dedup: how many are deduplicated
 */
double problem_capacity(const struct problem *p, unsigned int dedup)
{
	return at(capacity(p), dedup);
}

/**
 * problem_startup() - S, s
 * @p: the numbers
 * @dedup: how many are deduplicated
 *
 * Without arrivals it is infinite, or 0 when there are no sandboxes either.
 */
double problem_startup(const struct problem *p, unsigned int dedup)
{
	double sum = at(startup(p), dedup);

	if (p->rate > 0)
		return sum / p->rate;
	return sum > 0 ? INFINITY : 0;
}

/**
 * problem_memory() - M, bytes
 * @p: the numbers
 * @dedup: how many are deduplicated
 */
double problem_memory(const struct problem *p, unsigned int dedup)
{
	return at(memory(p), dedup);
}
