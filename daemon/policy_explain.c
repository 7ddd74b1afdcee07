// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A function's numbers and what was decided about it, for people and for programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "medes.h"
#include "policy_parts.h"

#define MIB (1 << 20)

static const char *const state_names[] = {
	[POLICY_STARTING] = "starting", [POLICY_RUNNING] = "running", [POLICY_WARM] = "warm",
	[POLICY_DEDUPING] = "deduplicating", [POLICY_DEDUP] = "dedup",
};

static const char *const start_names[] = {
	[START_WARM] = "warm", [START_DEDUP] = "dedup", [START_COLD] = "cold",
};

static const char *const action_names[] = {
	[POLICY_KEEP] = "keep", [POLICY_DEDUPLICATE] = "deduplicate",
	[POLICY_DEMARCATE] = "make a base", [POLICY_PURGE] = "purge",
};

static json_t *starts(const struct measure *m)
{
	json_t *all = json_object(), *one;
	size_t i;

	for (i = 0; i < START_KINDS; i++) {
		one = json_pack("{s:I, s:f, s:b}", "count", (json_int_t)m->starts[i],
				"seconds", m->start[i].value, "measured", m->start[i].n > 0);
		json_object_set_new(all, start_names[i], one);
	}
	return all;
}

static json_t *counts(const struct policy_function *f)
{
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < POLICY_STATES; i++)
		json_object_set_new(all, state_names[i], json_integer(f->in[i]));
	return all;
}

static json_t *memory(const struct measure *m)
{
	return json_pack("{s:f, s:f, s:f}", "warm", m->memory_warm.value,
			 "dedup", m->memory_dedup.value, "restore", m->memory_restore.value);
}

static json_t *numbers(const struct policy_function *f)
{
	const struct measure *m = f->measure;

	return json_pack("{s:f, s:f, s:I, s:o, s:o, s:o, s:f, s:o, s:f, s:i, s:f}",
			 "rate_per_s", measure_rate(m), "peak_per_s", measure_peak(m),
			 "arrivals", (json_int_t)m->total, "sandboxes", counts(f),
			 "start", starts(m), "memory_bytes_each", memory(m),
			 "exec_s", m->exec.value,
			 "held_s", m->held.n ? json_real(m->held.value) : json_null(),
			 "restore_s", m->restore.value, "bases", (int)f->n_bases,
			 "share_bytes", f->share);
}

static const char *assumed(const struct average *a)
{
	return a->n ? "" : " (assumed)";
}

static void write_start(FILE *text, const struct measure *m, enum start_kind kind)
{
	fprintf(text, "%s%s %.1f ms", kind ? ", " : "", start_names[kind],
		m->start[kind].value * 1e3);
	if (m->start[kind].n)
		fprintf(text, " (%lu)", m->starts[kind]);
	else
		fputs(assumed(&m->start[kind]), text);
}

static void write_numbers(FILE *text, const struct policy_function *f)
{
	const struct measure *m = f->measure;
	const char *comma = "";
	size_t i;

	fprintf(text, "arrivals\t%.3f/s on average, %.3f/s in the busiest of the last %d windows of %g s\n",
		measure_rate(m), measure_peak(m), MEASURE_WINDOWS, (double)m->window / US_PER_S);
	fprintf(text, "sandboxes\t%u", policy_count(f));
	for (i = 0; i < POLICY_STATES; i++) {
		if (!f->in[i])
			continue;
		fprintf(text, "%s %u %s", *comma ? "," : ":", f->in[i], state_names[i]);
		comma = ",";
	}
	fprintf(text, "; %zu base%s; %u request%s waiting\n", f->n_bases,
		f->n_bases == 1 ? "" : "s", f->queued, f->queued == 1 ? "" : "s");
	fputs("start-up\t", text);
	for (i = 0; i < START_KINDS; i++)
		write_start(text, m, i);
	fprintf(text, "\nrunning\t\t%.1f ms%s, %.1f ms longer after deduplication%s",
		m->exec.value * 1e3, assumed(&m->exec), m->restore.value * 1e3,
		assumed(&m->restore));
	if (m->held.n)
		fprintf(text, "; leases are held for %.1f ms (%lu)", m->held.value * 1e3, m->held.n);
	fprintf(text, "\nmemory\t\twarm %.1f MiB%s, deduplicated %.1f MiB%s, %.1f MiB more once restored%s\n",
		m->memory_warm.value / MIB, assumed(&m->memory_warm),
		m->memory_dedup.value / MIB, assumed(&m->memory_dedup),
		m->memory_restore.value / MIB, assumed(&m->memory_restore));
}

/* A line for each sandbox that something is done to, and one for those that stay. */
static json_t *decisions(const struct policy_view *view, const struct policy_function *f, FILE *text)
{
	json_t *all = json_array();
	const struct policy_sandbox *s;
	unsigned int kept = 0;
	size_t i;

	for (i = 0; i < f->n; i++) {
		s = &f->sandboxes[i];
		if (s->action == POLICY_KEEP) {
			kept++;
			continue;
		}
		fprintf(text, "decision\t%s one that is %s and idle for %.0f s: %s\n",
			action_names[s->action], state_names[s->state],
			(double)policy_idle(view, s) / US_PER_S, s->why);
		json_array_append_new(all, json_pack("{s:s, s:f, s:s, s:s}",
			"state", state_names[s->state],
			"idle_s", (double)policy_idle(view, s) / US_PER_S,
			"action", action_names[s->action], "why", s->why));
	}
	if (kept)
		fprintf(text, "decision\tkeep %u as %s\n", kept, kept == 1 ? "it is" : "they are");
	if (f->prewarm)
		fprintf(text, "decision\tstart %u ahead of need: %s\n", f->prewarm, f->prewarm_why);
	for (i = 0; i < f->n_bases; i++)
		if (f->bases[i].retire)
			fprintf(text, "decision\tretire a base with %lu records: %s\n",
				f->bases[i].users, f->bases[i].why);
	if (!f->n && !f->prewarm)
		fputs("decision\tnone: there are no sandboxes\n", text);
	return all;
}

/**
 * policy_explain() - why a function's sandboxes are treated as they are
 * @p: the policy
 * @view: after policy_decide()
 * @index: of the function
 *
 * Return: an object, its "text" being lines for people; NULL for lack of memory.
 */
json_t *policy_explain(const struct policy *p, const struct policy_view *view, size_t index)
{
	const struct policy_function *f = &view->functions[index];
	json_t *all, *n, *d;
	char *words = NULL;
	size_t size;
	FILE *text = open_memstream(&words, &size);

	if (!text)
		return NULL;
	n = numbers(f);
	fprintf(text, "function\t%s\npolicy\t\t%s: %s\n", f->name, p->ops->name, p->ops->summary);
	write_numbers(text, f);
	p->ops->explain(p, view, f, n, text);
	d = decisions(view, f, text);
	if (fclose(text)) {
		free(words);
		words = NULL;
	}
	all = json_pack("{s:s, s:s, s:o, s:o, s:i, s:s}", "function", f->name,
			"policy", p->ops->name, "numbers", n, "decisions", d,
			"prewarm", f->prewarm, "text", words ? words : "");
	free(words);
	return all;
}
