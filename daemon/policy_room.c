// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory: each function's share of it, and what goes when there is too little.
 *
 * The victim is the sandbox that was used least recently, of the function that keeps the
 * most idle sandboxes for the requests it gets. Deduplicating comes first; only
 * what that can't free is freed by purging.
 */
#include <float.h>
#include "policy_parts.h"

#define PER_S_MIN 1e-6			/* stands for no arrivals: once in 11 days */
#define RELIEF_SHARE 0.05		/* of what is used, to be freed at once when the host stalls */

/* Of one pass over the functions: how many of each are still there to be taken. */
struct picking {
	const struct policy *policy;
	struct policy_view *view;
	bool (*can)(const struct picking *pick, const struct policy_function *f,
		    const struct policy_sandbox *s);
	/* bytes */
	double (*frees)(const struct policy_function *f, const struct policy_sandbox *s);
	bool early;			/* also what has not idled for its idle period yet */
};

/**
 * policy_bytes() - what a sandbox takes
 * @f: its function
 * @s: the sandbox
 */
double policy_bytes(const struct policy_function *f, const struct policy_sandbox *s)
{
	if (s->memory > 0)
		return s->memory;
	return s->state == POLICY_DEDUP ? f->measure->memory_dedup.value :
					  f->measure->memory_warm.value;
}

/**
 * policy_gain() - what deduplicating a warm sandbox frees, never below 0
 * @f: its function
 * @s: the sandbox
 */
double policy_gain(const struct policy_function *f, const struct policy_sandbox *s)
{
	double gain = policy_bytes(f, s) - f->measure->memory_dedup.value;

	return gain > 0 ? gain : 0;
}

static double weight(const struct policy_function *f)
{
	double rate = measure_rate(f->measure);

	return rate > PER_S_MIN ? rate : PER_S_MIN;
}

/**
 * policy_share() - divide the node's memory among the functions by arrival rate
 * @view: share of each function is set
 *
 * What a function can't use, all its sandboxes being warm, goes to the others
 * by the same rule, until nobody is left that has too much.
 */
void policy_share(struct policy_view *view)
{
	double left = view->capacity - view->overhead, sum, need;
	struct policy_function *f;
	bool again = true;
	size_t i;

	for (i = 0; i < view->n; i++)
		view->functions[i].share = view->capacity ? -1 : DBL_MAX;
	while (again && view->capacity) {
		again = false;
		sum = 0;
		for (i = 0; i < view->n; i++)
			if (view->functions[i].share < 0)
				sum += weight(&view->functions[i]);
		for (i = 0; i < view->n; i++) {
			f = &view->functions[i];
			need = policy_count(f) * f->measure->memory_warm.value;
			if (f->share >= 0 || need > left * weight(f) / sum)
				continue;
			f->share = need;
			left -= need;
			sum -= weight(f);
			again = true;
		}
	}
	sum = 0;
	for (i = 0; i < view->n; i++)
		if (view->functions[i].share < 0)
			sum += weight(&view->functions[i]);
	for (i = 0; i < view->n; i++)
		if (view->functions[i].share < 0)
			view->functions[i].share = left > 0 ?
				left * weight(&view->functions[i]) / sum : 0;
}

static bool can_dedup(const struct picking *pick, const struct policy_function *f,
		      const struct policy_sandbox *s)
{
	if (s->state != POLICY_WARM || s->action != POLICY_KEEP || s->stuck ||
	    !policy_can_dedup(pick->policy, f))
		return false;
	return policy_gain(f, s) > 0 &&
	       (pick->early || policy_idle(pick->view, s) >= f->params->idle);
}

static bool can_purge(const struct picking *pick, const struct policy_function *f,
		      const struct policy_sandbox *s)
{
	return (s->state == POLICY_WARM || s->state == POLICY_DEDUP) && !s->pinned &&
	       s->action == POLICY_KEEP &&
	       (pick->early || policy_idle(pick->view, s) >= f->params->idle);
}

/* The function's least recently used sandbox that can be taken, and how many can be. */
static struct policy_sandbox *oldest(const struct picking *pick, struct policy_function *f,
				     unsigned int *n)
{
	struct policy_sandbox *s, *found = NULL;
	size_t i;

	*n = 0;
	for (i = 0; i < f->n; i++) {
		s = &f->sandboxes[i];
		if (!pick->can(pick, f, s))
			continue;
		++*n;
		if (!found || s->idle_since < found->idle_since)
			found = s;
	}
	return found;
}

/* The next victim; NULL: there is none. */
static struct policy_sandbox *next_victim(const struct picking *pick,
					  struct policy_function **function)
{
	struct policy_sandbox *s, *found = NULL;
	double ratio, highest = 0;
	unsigned int n;
	size_t i;

	for (i = 0; i < pick->view->n; i++) {
		s = oldest(pick, &pick->view->functions[i], &n);
		if (!s)
			continue;
		ratio = n * pick->frees(&pick->view->functions[i], s) /
			weight(&pick->view->functions[i]);
		if (found && (ratio < highest ||
			      (ratio == highest && s->idle_since >= found->idle_since)))
			continue;
		found = s;
		highest = ratio;
		*function = &pick->view->functions[i];
	}
	return found;
}

/* Returns what is still missing, at most 0 when enough is on the way. */
static double dedup(const struct picking *pick, double missing, const char *why)
{
	struct policy_function *f;
	struct policy_sandbox *s;

	while (missing > 0 && (s = next_victim(pick, &f))) {
		missing -= policy_gain(f, s);
		policy_act(s, POLICY_DEDUPLICATE, why);
	}
	return missing;
}

static double purge(const struct picking *pick, double missing, const char *why)
{
	struct policy_function *f;
	struct policy_sandbox *s;

	while (missing > 0 && (s = next_victim(pick, &f))) {
		missing -= policy_bytes(f, s);
		policy_act(s, POLICY_PURGE, why);
	}
	return missing;
}

/* What is being freed already, or will be by decisions that were taken. */
static double on_the_way(const struct policy_view *view)
{
	const struct policy_function *f;
	const struct policy_sandbox *s;
	double sum = 0;
	size_t i, j;

	for (i = 0; i < view->n; i++) {
		f = &view->functions[i];
		for (j = 0; j < f->n; j++) {
			s = &f->sandboxes[j];
			if (s->action == POLICY_PURGE)
				sum += policy_bytes(f, s);
			else if (s->state == POLICY_DEDUPING || s->action != POLICY_KEEP)
				sum += policy_gain(f, s);
		}
	}
	return sum;
}

/*
 * The host stalls: a part at a time, since whether it helps is seen before the next. What
 * was in use a moment ago is deduplicated, but not purged: somebody would have to start it
 * again, and others may be the cause.
 */
static void relieve(struct picking *pick, double missing)
{
	if (pick->policy->ops->dedups) {
		pick->can = can_dedup;
		pick->frees = policy_gain;
		pick->early = true;
		missing = dedup(pick, missing,
				"the host stalls for memory: the function keeps most for its rate");
	}
	pick->can = can_purge;
	pick->frees = policy_bytes;
	pick->early = false;
	purge(pick, missing, "the host stalls for memory, and deduplicating frees no more");
}

/**
 * policy_free_memory() - what lack of memory adds to the decisions
 * @p: the policy
 * @view: has the policy's own decisions already
 *
 * Above the headroom's mark idle sandboxes are deduplicated before their idle
 * period is over; above the capacity they are purged as well. Both also when the host
 * stalls for memory.
 */
void policy_free_memory(const struct policy *p, struct policy_view *view)
{
	struct picking pick = { .policy = p, .view = view, .can = can_dedup, .frees = policy_gain,
				.early = true };
	double over = view->want, coming = on_the_way(view);

	if (view->capacity && view->used - view->capacity > over)
		over = view->used - view->capacity;
	over -= coming;
	if (over > 0)
		over = dedup(&pick, over, "memory is short: the function keeps most for its rate");
	pick.can = can_purge;
	pick.frees = policy_bytes;
	if (over > 0)
		purge(&pick, over, "memory is short, and deduplicating does not free enough");
	pick.can = can_dedup;
	pick.frees = policy_gain;
	coming = on_the_way(view);
	if (view->capacity && p->ops->dedups)
		dedup(&pick, view->used - view->capacity * (1 - p->params.headroom / 100) - coming,
		      "memory is nearly short: the function keeps most for its rate");
	if (p->params.pressure && view->pressure >= p->params.pressure)
		relieve(&pick, view->used * RELIEF_SHARE - coming);
}

/**
 * policy_make_room() - free memory that is needed now
 * @p: the policy
 * @view: the state; decisions are overwritten
 * @bytes: to free
 *
 * Deduplicating takes too long for somebody who waits, so this only purges.
 *
 * Return: bytes that the marked sandboxes take; less than @bytes when nothing is left.
 */
double policy_make_room(const struct policy *p, struct policy_view *view, double bytes)
{
	struct picking pick = { .policy = p, .view = view, .can = can_purge,
				.frees = policy_bytes, .early = true };
	size_t i, j;

	for (i = 0; i < view->n; i++)
		for (j = 0; j < view->functions[i].n; j++)
			policy_act(&view->functions[i].sandboxes[j], POLICY_KEEP, NULL);
	return bytes - purge(&pick, bytes, "its memory is needed for a start");
}
