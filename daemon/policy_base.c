// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bases: one more when there are too few for the deduplicated sandboxes, one less
 * when they have become too many.
 *
 * What neither a record nor another node's lease needs goes at once when memory is short.
 *
 * A base keeps whole pages, which compressed by themselves would take a third. So the
 * first one of a function, or of a domain, waits until there are some sandboxes to share it;
 * until then a sandbox is deduplicated against what other bases the domain has, if any.
 */
#include <string.h>
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

static bool same_domain(const struct policy_function *a, const struct policy_function *b)
{
	return a == b || !a->domain || !b->domain || !strcmp(a->domain, b->domain);
}

static bool makes_one(const struct policy_function *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->sandboxes[i].action == POLICY_DEMARCATE)
			return true;
	return f->demarcating;
}

/* All sandboxes of the domain; 0 if it has a base already. */
static unsigned int without_base(const struct policy_view *view, const struct policy_function *f)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < view->n; i++) {
		if (!same_domain(f, &view->functions[i]))
			continue;
		if (in_use(&view->functions[i]) || makes_one(&view->functions[i]))
			return 0;
		n += policy_count(&view->functions[i]);
	}
	return n;
}

static const char *first_base(const struct policy_view *view, const struct policy_function *f)
{
	if (policy_count(f) >= f->params->first_base)
		return "the function has no base yet, and several sandboxes";
	if (without_base(view, f) >= f->params->first_base)
		return "the domain has no base yet, and several sandboxes";
	return NULL;
}

/* A base is made of a sandbox that is to be deduplicated anyway, one at a time. */
static void demarcate(const struct policy_view *view, struct policy_function *f)
{
	unsigned int bases = in_use(f), deduped = policy_deduped(f);
	struct policy_sandbox *s;
	const char *why;
	size_t i;

	if (f->demarcating)
		return;
	for (i = 0; i < f->n; i++) {
		s = &f->sandboxes[i];
		if (s->action != POLICY_DEDUPLICATE)
			continue;
		if (!bases) {
			why = first_base(view, f);
			if (why)
				policy_act(s, POLICY_DEMARCATE, why);
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

static bool short_of_memory(const struct policy *p, const struct policy_view *view)
{
	double most = view->capacity * (1 - p->params.headroom / 100);

	return view->want > 0 || (view->capacity && view->used > most) ||
	       (p->params.pressure && view->pressure >= p->params.pressure);
}

/*
 * Nothing here has a use for what no record refers to. Other nodes may: as long as one holds a
 * lease it stays; who has not renewed his for so long has to do without, once memory is short.
 */
static void retire_unused(struct policy_function *f, const struct policy_view *view,
			  bool short_now)
{
	struct policy_base *b;
	size_t i;

	for (i = 0; i < f->n_bases; i++) {
		b = &f->bases[i];
		if (b->users)
			continue;
		if (silent(view, f) && view->now - b->made >= f->params->keep_dedup) {
			b->retire = true;
			b->why = "no record refers to it and the function is no longer called";
		} else if (short_now && !b->leased) {
			b->retire = true;
			b->why = "memory is short, and neither a record nor a node needs it";
		}
	}
}

/*
 * Half the threshold, so that a base is not made and retired in turns. What was made
 * just now is spared: its records are still to come.
 */
static void retire(const struct policy *p, const struct policy_view *view,
		   struct policy_function *f)
{
	unsigned int bases, deduped = policy_deduped(f);
	struct policy_base *b;

	if (!policy_count(f))
		retire_unused(f, view, short_of_memory(p, view));
	if (silent(view, f))
		return;
	bases = in_use(f);
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
		demarcate(view, f);
	retire(p, view, f);
}
