// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What surrounds every policy: the sums it needs, its decisions function by
 * function, the bases, and at last what lack of memory asks for.
 */
#include <stdlib.h>
#include <string.h>
#include "medes.h"
#include "policy.h"
#include "policy_parts.h"

static const struct policy_ops *const policies[] = {
	&policy_medes, &policy_fixed, &policy_adaptive,
};

/**
 * policy_find() - a policy by its name
 * @name: as in its ops
 *
 * Return: its ops; NULL if there is none of that name.
 */
const struct policy_ops *policy_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		if (!strcmp(policies[i]->name, name))
			return policies[i];
	return NULL;
}

/**
 * policy_names() - the names of all policies, a comma and a space between
 */
const char *policy_names(void)
{
	static char names[64];
	size_t i;

	if (!*names)
		for (i = 0; i < ARRAY_SIZE(policies); i++)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 i ? ", " : "", policies[i]->name);
	return names;
}

/**
 * policy_init() - choose a policy, with default parameters
 * @p: filled in
 * @ops: the policy
 */
void policy_init(struct policy *p, const struct policy_ops *ops)
{
	p->ops = ops;
	policy_params_default(&p->params);
}

bool policy_can_dedup(const struct policy *p, const struct policy_function *f)
{
	return p->ops->dedups && f->dedups;
}

unsigned int policy_count(const struct policy_function *f)
{
	unsigned int all = 0;
	size_t i;

	for (i = 0; i < POLICY_STATES; i++)
		all += f->in[i];
	return all;
}

unsigned int policy_deduped(const struct policy_function *f)
{
	return f->in[POLICY_DEDUP] + f->in[POLICY_DEDUPING];
}

uint64_t policy_idle(const struct policy_view *view, const struct policy_sandbox *s)
{
	return view->now > s->idle_since ? view->now - s->idle_since : 0;
}

void policy_act(struct policy_sandbox *s, enum policy_action action, const char *why)
{
	s->action = action;
	s->why = why;
}

/* Nothing is decided yet. */
static void begin(const struct policy *p, struct policy_view *view)
{
	struct policy_function *f;
	size_t i, j;

	for (i = 0; i < view->n; i++) {
		f = &view->functions[i];
		if (!f->params)
			f->params = &p->params;
		memset(f->in, 0, sizeof(f->in));
		for (j = 0; j < f->n; j++) {
			f->in[f->sandboxes[j].state]++;
			policy_act(&f->sandboxes[j], POLICY_KEEP, NULL);
		}
		for (j = 0; j < f->n_bases; j++)
			f->bases[j].retire = false;
		f->prewarm = 0;
		f->prewarm_why = NULL;
	}
}

/**
 * policy_decide() - decide about every sandbox
 * @p: the policy
 * @view: what there is; receives the decisions, and when to ask again
 */
void policy_decide(const struct policy *p, struct policy_view *view)
{
	uint64_t next;
	size_t i;

	begin(p, view);
	policy_share(view);
	view->next = view->now + p->params.interval;
	for (i = 0; i < view->n; i++) {
		next = p->ops->decide(p, view, &view->functions[i]);
		if (next < view->next)
			view->next = next;
	}
	policy_free_memory(p, view);
	for (i = 0; i < view->n; i++)
		policy_bases(p, view, &view->functions[i]);
	if (view->next <= view->now)
		view->next = view->now + 1;
}
