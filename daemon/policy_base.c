// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bases: one more when there are too few for the deduplicated sandboxes, one less
 * when they have become too many.
 */
#include "policy_parts.h"

/* Those that will still be used. */
static unsigned int in_use(const struct policy_function *f)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < f->n_bases; i++)
		n += !f->bases[i].retire;
	return n;
}

/* A base is made of a sandbox that is to be deduplicated anyway, one at a time. */
static void demarcate(struct policy_function *f)
{
	unsigned int bases = in_use(f), deduped = policy_deduped(f);
	struct policy_sandbox *s;
	size_t i;

	for (i = 0; i < f->n; i++) {
		s = &f->sandboxes[i];
		if (s->action != POLICY_DEDUPLICATE)
			continue;
		if (!bases) {
			policy_act(s, POLICY_DEMARCATE, "the function has no base yet");
			return;
		}
		if (++deduped > f->params->base_threshold * bases) {
			policy_act(s, POLICY_DEMARCATE,
				   "more deduplicated sandboxes a base than the threshold");
			return;
		}
	}
}

/* The base with the fewest records, of those that are not retired. */
static struct policy_base *least_used(struct policy_function *f)
{
	struct policy_base *b, *found = NULL;
	size_t i;

	for (i = 0; i < f->n_bases; i++) {
		b = &f->bases[i];
		if (!b->retire && (!found || b->users < found->users))
			found = b;
	}
	return found;
}

static bool silent(const struct policy_view *view, const struct policy_function *f)
{
	return !policy_count(f) && view->now - f->measure->idle_since >= f->params->keep_dedup;
}

/*
 * Half the threshold, so that a base is not made and retired in turns. What was made
 * just now is spared: its records are still to come.
 */
static void retire(const struct policy_view *view, struct policy_function *f)
{
	unsigned int bases = in_use(f), deduped = policy_deduped(f);
	struct policy_base *b;
	size_t i;

	if (silent(view, f)) {
		for (i = 0; i < f->n_bases; i++) {
			b = &f->bases[i];
			if (b->users || view->now - b->made < f->params->keep_dedup)
				continue;
			b->retire = true;
			b->why = "no record refers to it and the function is no longer called";
		}
		return;
	}
	while (bases > 1 && deduped <= f->params->base_threshold * (bases - 1) / 2) {
		b = least_used(f);
		if (view->now - b->made < f->params->keep_dedup)
			return;
		b->retire = true;
		b->why = "the other bases are enough for half the threshold";
		bases--;
	}
}

/**
 * policy_bases() - which sandbox becomes a base, which base is retired
 * @p: the policy
 * @view: the state
 * @f: has the decisions about its sandboxes
 */
void policy_bases(const struct policy *p, const struct policy_view *view,
		  struct policy_function *f)
{
	if (policy_can_dedup(p, f))
		demarcate(f);
	retire(view, f);
}
