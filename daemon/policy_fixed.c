// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fixed keep-alive: an idle sandbox stays warm for a set time. What most platforms do;
 * a baseline.
 */
#include "policy_parts.h"

static uint64_t decide(const struct policy *p, const struct policy_view *view,
		       struct policy_function *f)
{
	uint64_t next = NEVER;
	struct policy_sandbox *s;
	size_t i;

	(void)p;
	for (i = 0; i < f->n; i++) {
		s = &f->sandboxes[i];
		/* another policy may have left deduplicated ones behind */
		if (s->pinned || (s->state != POLICY_WARM && s->state != POLICY_DEDUP))
			continue;
		if (policy_idle(view, s) >= f->params->keep_alive)
			policy_act(s, POLICY_PURGE, "idle for the keep-alive period");
		else if (s->idle_since + f->params->keep_alive < next)
			next = s->idle_since + f->params->keep_alive;
	}
	return next;
}

static void explain(const struct policy *p, const struct policy_view *view,
		    const struct policy_function *f, json_t *numbers, FILE *text)
{
	double keep = (double)f->params->keep_alive / US_PER_S;

	(void)p, (void)view;
	json_object_set_new(numbers, "keep_alive_s", json_real(keep));
	fprintf(text, "rule\t\tan idle sandbox stays warm for %g s, then it is purged\n", keep);
}

const struct policy_ops policy_fixed = {
	.name = "fixed",
	.summary = "fixed keep-alive: purge what was idle for a set time",
	.decide = decide,
	.explain = explain,
};
