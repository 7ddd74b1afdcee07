// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Medes: an idle sandbox is deduplicated when there are more warm ones than the
 * optimum (solve.c) wants, and purged only after a much longer time.
 */
#include <math.h>
#include "policy_parts.h"
#include "solve.h"

/* A warm start that takes next to nothing would make "alpha times as long" mean nothing. */
#define START_MIN_S 0.001

static struct problem problem(const struct policy_function *f)
{
	const struct measure *m = f->measure;
	double start_warm = fmax(m->start[START_WARM].value, START_MIN_S);
	double start_dedup = fmax(m->start[START_DEDUP].value + m->restore.value, START_MIN_S);

	return (struct problem){
		.sandboxes = policy_count(f),
		.rate = measure_peak(m),
		.start_warm = start_warm,
		.start_dedup = start_dedup,
		.reuse_warm = start_warm + measure_busy(m),
		.reuse_dedup = start_dedup + measure_busy(m),
		.memory_warm = m->memory_warm.value,
		.memory_dedup = m->memory_dedup.value,
		.memory_restore = m->memory_restore.value,
		.alpha = f->params->alpha,
		.memory = f->share,
	};
}

static struct solution solve(const struct policy_function *f, const struct problem *problem)
{
	struct solution s;

	if (f->params->objective == POLICY_MEMORY)
		solve_memory(problem, &s);
	else
		solve_latency(problem, &s);
	return s;
}

static bool may_dedup(const struct policy *p, const struct policy_function *f,
		      const struct policy_sandbox *s)
{
	return s->state == POLICY_WARM && s->action == POLICY_KEEP && !s->stuck &&
	       policy_can_dedup(p, f);
}

/* What has its time is over, whatever the optimum says. */
static uint64_t expire(const struct policy *p, const struct policy_view *view,
		       struct policy_function *f, struct policy_sandbox *s)
{
	uint64_t period;

	if (s->state != POLICY_WARM && s->state != POLICY_DEDUP)
		return NEVER;
	period = s->state == POLICY_DEDUP ? f->params->keep_dedup : f->params->keep_alive;
	if (policy_idle(view, s) < period)
		return s->idle_since + period;
	if (may_dedup(p, f, s))
		policy_act(s, POLICY_DEDUPLICATE, "idle for the keep-alive period");
	else if (!s->pinned && s->state == POLICY_DEDUP)
		policy_act(s, POLICY_PURGE, "idle for the keep-dedup period");
	else if (!s->pinned)
		policy_act(s, POLICY_PURGE,
			   "idle for the keep-alive period, and can't be deduplicated");
	return NEVER;
}

/* The one that was used least recently, of those that idled for the idle period. */
static struct policy_sandbox *oldest(const struct policy *p, const struct policy_view *view,
				     struct policy_function *f)
{
	struct policy_sandbox *s, *found = NULL;
	size_t i;

	for (i = 0; i < f->n; i++) {
		s = &f->sandboxes[i];
		if (may_dedup(p, f, s) && policy_idle(view, s) >= f->params->idle &&
		    (!found || s->idle_since < found->idle_since))
			found = s;
	}
	return found;
}

/* When the next warm sandbox will have idled for the idle period. */
static uint64_t next_idle(const struct policy_view *view, const struct policy_function *f)
{
	uint64_t next = NEVER, then;
	size_t i;

	for (i = 0; i < f->n; i++) {
		then = f->sandboxes[i].idle_since + f->params->idle;
		if (f->sandboxes[i].state == POLICY_WARM && then > view->now && then < next)
			next = then;
	}
	return next;
}

static uint64_t decide(const struct policy *p, const struct policy_view *view,
		       struct policy_function *f)
{
	struct problem problem_now = problem(f);
	struct solution wanted = solve(f, &problem_now);
	unsigned int deduped = policy_deduped(f);
	uint64_t next = next_idle(view, f), then;
	struct policy_sandbox *s;
	size_t i;

	for (i = 0; i < f->n; i++) {
		then = expire(p, view, f, &f->sandboxes[i]);
		if (then < next)
			next = then;
		deduped += f->sandboxes[i].action == POLICY_DEDUPLICATE;
	}
	for (; deduped < wanted.dedup && (s = oldest(p, view, f)); deduped++)
		policy_act(s, POLICY_DEDUPLICATE, wanted.feasible ?
			   "fewer warm ones are the optimum" :
			   "no division meets all limits, so memory is freed");
	return next;
}

static void explain_limit(const struct problem *pr, const struct solution *s, FILE *text)
{
	switch (s->limit) {
	case LIMIT_CAPACITY:
		fprintf(text, "%.2f requests/s at the peak", pr->rate);
		break;
	case LIMIT_STARTUP:
		fprintf(text, "a mean start-up of at most %g x %.1f ms", pr->alpha,
			pr->start_warm * 1e3);
		break;
	case LIMIT_MEMORY:
		fprintf(text, "its share of %.1f MiB", pr->memory / (1 << 20));
		break;
	default:
		fputs("nothing", text);
	}
}

static void explain_numbers(const struct problem *pr, const struct solution *s, json_t *numbers)
{
	json_object_set_new(numbers, "reuse_warm_s", json_real(pr->reuse_warm));
	json_object_set_new(numbers, "reuse_dedup_s", json_real(pr->reuse_dedup));
	json_object_set_new(numbers, "feasible", json_boolean(s->feasible));
	json_object_set_new(numbers, "wanted_dedup", json_integer(s->dedup));
	json_object_set_new(numbers, "wanted_warm", json_integer(pr->sandboxes - s->dedup));
	json_object_set_new(numbers, "capacity_per_s", json_real(s->capacity));
	json_object_set_new(numbers, "memory_bytes", json_real(s->memory));
	/* infinite without arrivals, which JSON can't say */
	json_object_set_new(numbers, "startup_s", pr->rate > 0 ? json_real(s->startup) : json_null());
}

static void explain(const struct policy *p, const struct policy_view *view,
		    const struct policy_function *f, json_t *numbers, FILE *text)
{
	struct problem pr = problem(f);
	struct solution s = solve(f, &pr);
	bool memory = f->params->objective == POLICY_MEMORY;

	(void)p, (void)view;
	explain_numbers(&pr, &s, numbers);
	fprintf(text, "reuse period\twarm %.1f ms, deduplicated %.1f ms\n", pr.reuse_warm * 1e3,
		pr.reuse_dedup * 1e3);
	if (memory)
		fprintf(text, "objective\tP1: least memory, mean start-up at most %g x warm\n", pr.alpha);
	else if (view->capacity)
		fprintf(text, "objective\tP2: least start-up within %.1f MiB, the function's share\n",
			pr.memory / (1 << 20));
	else
		fputs("objective\tP2: least start-up, memory without limit\n", text);
	fprintf(text, "optimum\t\t%u warm, %u deduplicated: ", pr.sandboxes - s.dedup, s.dedup);
	if (s.feasible && s.limit == LIMIT_NONE)
		fprintf(text, "all of them, no limit stands against it\n");
	else if (s.feasible)
		fprintf(text, "one more %s would break ", memory ? "deduplicated" : "warm");
	else
		fprintf(text, "all, since no division meets ");
	if (s.limit != LIMIT_NONE) {
		explain_limit(&pr, &s, text);
		fputc('\n', text);
	}
	fprintf(text, "\t\tserves %.2f/s at most, takes %.1f MiB", s.capacity, s.memory / (1 << 20));
	if (pr.rate > 0)
		fprintf(text, ", mean start-up %.1f ms at the peak", s.startup * 1e3);
	fputc('\n', text);
}

const struct policy_ops policy_medes = {
	.name = "medes",
	.summary = "warm, deduplicated or purged, by the optimum of memory (P1) or start-up time (P2)",
	.dedups = true,
	.decide = decide,
	.explain = explain,
};
