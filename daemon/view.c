// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A node's report, checked and taken apart. Ages become times of our own clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"
#include "view.h"

#define LIST_MAX 20000

static enum policy_state state_of(const char *life)
{
	static const struct {
		const char *life;
		enum policy_state state;
	} states[] = {
		{ "starting", POLICY_STARTING }, { "idle", POLICY_WARM },
		{ "deduplicating", POLICY_DEDUPING }, { "dedup", POLICY_DEDUP },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].life, life))
			return states[i].state;
	return POLICY_RUNNING;
}

static uint64_t time_of(json_int_t age_ms, uint64_t now)
{
	uint64_t age = age_ms > 0 ? age_ms * US_PER_MS : 0;

	return age < now ? now - age : 1;
}

static int take_box(struct view_box *out, const json_t *row, uint64_t now)
{
	const char *name, *life;
	int adopted, stuck, foreign, demarcates, stranded = 0;
	json_int_t idle;

	if (json_unpack((json_t *)row, "{s:s,s:s,s:I,s:F,s:b,s:b,s:b,s:b,s?b}", "name", &name, "life", &life,
			"idle_ms", &idle, "memory", &out->memory, "adopted", &adopted,
			"stuck", &stuck, "foreign", &foreign, "demarcates", &demarcates,
			"stranded", &stranded) ||
	    !medes_name_valid(name))
		return -1;
	strcpy(out->name, name);
	out->state = state_of(life);
	out->idle_since = time_of(idle, now);
	out->adopted = adopted;
	out->stuck = stuck;
	out->foreign = foreign;
	out->demarcates = demarcates;
	out->stranded = stranded;
	return 0;
}

static int take_base(struct view_base *out, const json_t *row, uint64_t now)
{
	const char *base, *digest = NULL;
	json_int_t users, leases, age;
	int import, retired;

	if (json_unpack((json_t *)row, "{s:s,s?s,s:b,s:b,s:I,s:I,s:I}", "base", &base,
			"digest", &digest, "import", &import, "retired", &retired, "users", &users,
			"leases", &leases, "age_ms", &age))
		return -1;
	*out = (struct view_base){
		.id = strtoull(base, NULL, 0), .digest = digest ? strtoull(digest, NULL, 0) : 0,
		.users = users, .leases = leases, .made = time_of(age, now),
		.import = import, .retired = retired,
	};
	return 0;
}

static void count_box(struct view *v, struct view_function *f, const struct view_box *box)
{
	v->in[box->state]++;
	f->stranded += box->stranded && !box->adopted;
	if (box->adopted || box->stranded)
		return;
	f->starting += box->state == POLICY_STARTING;
	f->asleep += box->state == POLICY_DEDUP || box->state == POLICY_DEDUPING;
	f->warm += box->state == POLICY_WARM || (box->state == POLICY_RUNNING && !box->foreign);
}

static int take_lists(struct view *v, struct view_function *f, const json_t *boxes,
		      const json_t *bases, uint64_t now)
{
	size_t n_boxes = json_array_size(boxes), n_bases = json_array_size(bases), i;

	if (n_boxes > LIST_MAX || n_bases > LIST_MAX)
		return -1;
	f->boxes = calloc(n_boxes + 1, sizeof(*f->boxes));
	f->bases = calloc(n_bases + 1, sizeof(*f->bases));
	if (!f->boxes || !f->bases)
		return -1;
	for (i = 0; i < n_boxes; i++) {
		if (take_box(&f->boxes[i], json_array_get(boxes, i), now))
			return -1;
		count_box(v, f, &f->boxes[i]);
	}
	for (i = 0; i < n_bases; i++) {
		if (take_base(&f->bases[i], json_array_get(bases, i), now))
			return -1;
		v->n_bases += !f->bases[i].import;
		v->n_imports += f->bases[i].import;
	}
	f->n_boxes = n_boxes;
	f->n_bases = n_bases;
	return 0;
}

static void function_free(struct view_function *f)
{
	json_decref(f->measure);
	free(f->boxes);
	free(f->bases);
	free(f);
}

static struct view_function *function_new(const json_t *row)
{
	struct view_function *f = calloc(1, sizeof(*f));

	if (f && !known_parse(&f->known, row))
		return f;
	free(f);
	return NULL;
}

static int take_function(struct view *v, const json_t *row, uint64_t now)
{
	struct view_function *f = function_new(row), *twin;
	json_t *measure, *boxes, *bases;
	json_int_t queued;
	int backs_off;

	if (!f)
		return -1;
	HASH_FIND_STR(v->functions, f->known.key, twin);
	if (twin) {
		function_free(f);
		return -1;
	}
	HASH_ADD_STR(v->functions, known.key, f);
	if (f->known.removed)
		return 0;
	if (json_unpack((json_t *)row, "{s:b,s:I,s:F,s:o,s:o,s:o}", "backs_off", &backs_off,
			"queued", &queued, "new_box", &f->new_box, "measure", &measure,
			"sandboxes", &boxes, "bases", &bases) || queued < 0)
		return -1;
	f->backs_off = backs_off;
	f->queued = queued;
	f->measure = json_incref(measure);
	return take_lists(v, f, boxes, bases, now);
}

static int take_numbers(struct view *v, const json_t *report)
{
	int serves, cordoned, draining, dedups, known;
	const char *life;

	if (json_unpack((json_t *)report, "{s:s,s:b,s:b,s:b,s:b,s:i,s:i,s:i,s:{s:b,s:F,s:F,s:F,s:F,s:F,s:F,s:F}}",
			"life", &life, "serves", &serves, "cordoned", &cordoned,
			"draining", &draining,
			"dedups", &dedups, "dedups_free", &v->dedups_free,
			"restores_free", &v->restores_free, "boxes_free", &v->boxes_free,
			"memory", "known", &known, "available", &v->available,
			"stalled", &v->stalled, "floor", &v->floor, "capacity", &v->capacity,
			"used", &v->used, "overhead", &v->overhead, "reserve", &v->reserve))
		return -1;
	snprintf(v->life, sizeof(v->life), "%s", life);
	v->serves = serves;
	v->cordoned = cordoned;
	v->draining = draining;
	v->dedups = dedups;
	v->memory_known = known;
	return 0;
}

/**
 * view_parse() - take a report apart
 * @report: of report_json(), on whatever node
 * @now: us, by our clock
 * @error: receives what makes no sense
 * @size: of @error
 */
struct view *view_parse(const json_t *report, uint64_t now, char *error, size_t size)
{
	struct view *v = calloc(1, sizeof(*v));
	json_t *row;
	size_t i;

	if (!v || take_numbers(v, report)) {
		snprintf(error, size, "its report lacks numbers, or there is no memory for it");
		free(v);
		return NULL;
	}
	json_array_foreach(json_object_get(report, "functions"), i, row) {
		if (!take_function(v, row, now))
			continue;
		snprintf(error, size, "its report makes no sense, at function number %zu", i + 1);
		view_free(v);
		return NULL;
	}
	return v;
}

void view_free(struct view *v)
{
	struct view_function *f, *next;

	if (!v)
		return;
	HASH_ITER(hh, v->functions, f, next) {
		HASH_DEL(v->functions, f);
		function_free(f);
	}
	free(v);
}

struct view_function *view_find(const struct view *v, const char *domain, const char *name)
{
	char key[FUNCTION_KEY];
	struct view_function *f;

	snprintf(key, sizeof(key), "%s/%s", domain, name);
	HASH_FIND_STR(v->functions, key, f);
	return f;
}

/* Bytes that new sandboxes may take there, the restore reserve left alone. */
double view_room(const struct view *v)
{
	double by_machine = v->memory_known ? v->available - v->floor : 1e18;
	double by_sum = v->capacity > 0 ? v->capacity - v->used : 1e18;

	return (by_sum < by_machine ? by_sum : by_machine) - v->reserve;
}
