/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Views made by hand, for the tests of policies.
 */
#ifndef SELFTESTS_WORLD_H
#define SELFTESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "policy.h"

#define NOW (100000 * US_PER_S)
#define MIB (1024.0 * 1024)
#define MOST 64

/* One function or two, with all that their views point to. */
struct world {
	struct policy policy;
	struct policy_view view;
	struct policy_function functions[2];
	struct policy_sandbox sandboxes[2][MOST];
	struct policy_base bases[2][4];
	struct measure measures[2];
};

static inline void setup(struct world *w, const struct policy_ops *ops)
{
	int i;

	memset(w, 0, sizeof(*w));
	policy_init(&w->policy, ops);
	w->policy.params.keep_dedup = 900 * US_PER_S;
	w->view = (struct policy_view){ .now = NOW, .functions = w->functions, .n = 1 };
	for (i = 0; i < 2; i++) {
		measure_init(&w->measures[i], 60 * US_PER_S);
		w->functions[i] = (struct policy_function){
			.name = i ? "other" : "web", .measure = &w->measures[i],
			.sandboxes = w->sandboxes[i], .bases = w->bases[i], .dedups = true,
		};
	}
}

static inline struct policy_sandbox *add(struct world *w, int f, enum policy_state state, double idle_s)
{
	struct policy_sandbox *s = &w->sandboxes[f][w->functions[f].n++];

	*s = (struct policy_sandbox){ .state = state, .idle_since = NOW - idle_s * US_PER_S };
	return s;
}

static inline struct policy_base *add_base(struct world *w, int f, uint64_t users, double age_s)
{
	struct policy_base *b = &w->bases[f][w->functions[f].n_bases++];

	*b = (struct policy_base){ .users = users, .made = NOW - age_s * US_PER_S };
	return b;
}

/* Arrivals so that peak and average are the rate. */
static inline void rate(struct world *w, int f, double per_s)
{
	struct measure *m = &w->measures[f];

	m->window_end = NOW + 1;
	m->arrivals[0] = per_s * 60;
	m->rate = (struct average){ .value = per_s, .n = 1 };
	m->idle_since = NOW - US_PER_S;
	measure_start(m, START_WARM, 0.1);
	measure_start(m, START_DEDUP, 0.4);
	m->exec = (struct average){ .value = 0.1, .n = 1 };
	m->restore = (struct average){ .value = 0, .n = 1 };
	measure_memory_warm(m, 50 * MIB);
	measure_memory_dedup(m, 20 * MIB);
	measure_memory_restore(m, 5 * MIB);
}

static inline unsigned int count(const struct world *w, int f, enum policy_action action)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < w->functions[f].n; i++)
		n += w->sandboxes[f][i].action == action;
	return n;
}

/* Every decision has its words, and only decisions do. */
static inline void decide(struct world *w)
{
	const struct policy_sandbox *s;
	size_t i, j;

	policy_decide(&w->policy, &w->view);
	assert_true(w->view.next > NOW);
	assert_true(w->view.next <= NOW + w->policy.params.interval);
	for (i = 0; i < w->view.n; i++)
		for (j = 0; j < w->functions[i].n; j++) {
			s = &w->sandboxes[i][j];
			assert_int_equal(s->why != NULL, s->action != POLICY_KEEP);
			if (s->action != POLICY_KEEP)
				assert_true(s->state == POLICY_WARM || s->state == POLICY_DEDUP);
		}
}

#endif /* SELFTESTS_WORLD_H */
