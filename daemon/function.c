// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions, by domain and name. One that is deleted lives until its last box has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "function.h"
#include "json.h"
#include "log.h"

#define BACKOFF_FIRST_US (100 * US_PER_MS)
#define BACKOFF_DOUBLINGS 10
#define BACKOFF_MAX_US (60 * US_PER_S)

static void make_key(char key[FUNCTION_KEY], const char *domain, const char *name)
{
	snprintf(key, FUNCTION_KEY, "%s/%s", domain, name);
}

struct function *function_find(struct control *c, const char *domain, const char *name)
{
	char key[FUNCTION_KEY];
	struct function *f;

	make_key(key, domain, name);
	HASH_FIND_STR(c->functions, key, f);
	return f;
}

static void on_backoff(void *arg)
{
	sched_kick(arg);
}

static struct function *function_new(struct control *c, const char *domain, const char *name)
{
	struct function *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->control = c;
	snprintf(f->domain, sizeof(f->domain), "%s", domain);
	make_key(f->key, domain, name);
	TAILQ_INIT(&f->boxes);
	TAILQ_INIT(&f->queue);
	TAILQ_INIT(&f->bases);
	measure_init(&f->measure, c->policy.params.window);
	timer_init(&f->backoff, c->clock, on_backoff, f);
	HASH_ADD_STR(c->functions, key, f);
	return f;
}

/* The policy's parameters, with what the spec says over them. */
static void set_params(struct function *f)
{
	const char *name;
	json_t *value;
	char error[256];

	f->params = f->control->policy.params;
	json_object_foreach((json_t *)f->spec.policy, name, value)
		policy_params_set(&f->params, name, json_string_value(value), error, sizeof(error));
}

void control_policy_changed(struct control *c)
{
	struct function *f;

	for (f = c->functions; f; f = f->hh.next)
		set_params(f);
	life_hurry(c);
}

/* What runs by the old spec goes: at once if it idles, else when it does. */
static void retire_boxes(struct function *f)
{
	struct box *box, *next;

	for (box = TAILQ_FIRST(&f->boxes); box; box = next) {
		next = TAILQ_NEXT(box, link);
		if (box->adopted)
			continue;
		box->old = true;
		if (!box->in_flight)
			box_purge(box, "its function was changed");
	}
}

static void tell(const struct function *f, const char *what)
{
	log_info("function %s of domain %s: %s", f->spec.name, f->domain, what);
	if (f->control->listener)
		control_tell(f->control, f->domain, "function",
			     json_pack("{s:s,s:s}", "function", f->spec.name, "what", what));
}

struct function *function_put(struct control *c, const char *domain, struct spec *spec)
{
	struct function *f = function_find(c, domain, spec->name);
	bool is_new = !f;
	bool same = f && json_equal(f->spec.json, spec->json);

	if (is_new)
		f = function_new(c, domain, spec->name);
	if (!f) {
		spec_clear(spec);
		return NULL;
	}
	if (!same)
		retire_boxes(f);
	spec_clear(&f->spec);
	f->spec = *spec;
	*spec = (struct spec){ 0 };
	set_params(f);
	if (!same) {
		f->failures = 0;
		f->backoff_until = 0;
		tell(f, is_new ? "created" : "updated");
	}
	sched_kick(f);
	return f;
}

static void function_free(struct function *f)
{
	timer_stop(&f->backoff);
	function_forget_bases(f, true);
	spec_clear(&f->spec);
	free(f);
}

void function_discard(struct function *f)
{
	HASH_DEL(f->control->functions, f);
	function_free(f);
}

void function_delete(struct function *f)
{
	struct control *c = f->control;
	struct box *box, *next;
	struct call *call;

	HASH_DEL(c->functions, f);
	f->deleted = true;
	tell(f, "deleted");
	while ((call = TAILQ_FIRST(&f->queue)))
		call_fail(call, 503, 1, "the function was removed");
	for (box = TAILQ_FIRST(&f->boxes); box; box = next) {
		next = TAILQ_NEXT(box, link);
		box->old = true;
		if (!box->in_flight || box->adopted)
			box_purge(box, "its function was removed");
	}
	function_drop_if_unused(f);
}

void function_drop_if_unused(struct function *f)
{
	if (f->deleted && !f->n_boxes)
		function_free(f);
}

/**
 * function_failed() - a box of it did not come to life
 * @f: the function, which starts none for a while: twice as long each time
 * @why: a sentence
 */
void function_failed(struct function *f, const char *why)
{
	struct control *c = f->control;
	unsigned int doublings = f->failures < BACKOFF_DOUBLINGS ? f->failures : BACKOFF_DOUBLINGS;
	uint64_t pause = BACKOFF_FIRST_US << doublings;
	struct call *call;
	char text[2 * CONTROL_ERROR];

	f->failures++;
	snprintf(f->error, sizeof(f->error), "%s", why);
	if (pause > BACKOFF_MAX_US)
		pause = BACKOFF_MAX_US;
	/* functions that fail together shall not start together */
	pause += pause * rng_unit(&c->rng) / 4;
	f->backoff_until = clock_now(c->clock) + pause;
	timer_set(&f->backoff, pause);
	log_warning("function %s: %s; %u in a row, next start in %llu ms", f->spec.name, why,
		    f->failures, (unsigned long long)(pause / US_PER_MS));
	if (f->failures < 3 || f->n_boxes - f->in[BOX_ENDING] - f->in[BOX_STARTING])
		return;
	snprintf(text, sizeof(text), "%s does not start: %s", f->spec.name, why);
	while ((call = TAILQ_FIRST(&f->queue)))
		call_fail(call, 503, pause / US_PER_S + 1, text);
}

void function_good(struct function *f)
{
	f->failures = 0;
	f->backoff_until = 0;
	f->error[0] = '\0';
	timer_stop(&f->backoff);
}

bool function_backs_off(const struct function *f)
{
	return f->backoff_until > clock_now(f->control->clock);
}

/* The base of this id, entered if it is new; NULL: no memory. */
struct base *function_base(struct function *f, uint64_t id)
{
	struct base *base;

	TAILQ_FOREACH(base, &f->bases, link)
		if (base->id == id)
			return base;
	base = calloc(1, sizeof(*base));
	if (!base)
		return NULL;
	base->id = id;
	base->made = clock_now(f->control->clock);
	TAILQ_INSERT_TAIL(&f->bases, base, link);
	return base;
}

/* Those that were not seen, or all. */
void function_forget_bases(struct function *f, bool all)
{
	struct base *base, *next;

	for (base = TAILQ_FIRST(&f->bases); base; base = next) {
		next = TAILQ_NEXT(base, link);
		if (base->seen && !all)
			continue;
		TAILQ_REMOVE(&f->bases, base, link);
		free(base);
	}
}

static json_t *states_json(const struct function *f)
{
	json_t *states = json_object();
	unsigned int i;

	for (i = 0; i < BOX_STATES; i++)
		json_object_set_new(states, box_state_name(i), json_integer(f->in[i]));
	return states;
}

json_t *function_json(const struct function *f)
{
	uint64_t now = clock_now(f->control->clock);
	const struct measure *m = &f->measure;
	json_t *boxes = json_array();
	const struct box *box;
	double memory = 0;

	TAILQ_FOREACH(box, &f->boxes, link) {
		json_array_append_new(boxes, box_json(box));
		memory += admit_box(box);
	}
	return json_pack("{s:s,s:s,s:O,s:o,s:o,s:I,s:{s:I,s:I,s:I,s:I,s:I,s:I},s:f,s:I,s:o}",
			 "name", f->spec.name, "domain", f->domain, "spec", f->spec.json,
			 "sandboxes", boxes, "states", states_json(f),
			 "queued", (json_int_t)f->queued,
			 "invocations",
			 "warm", (json_int_t)m->starts[START_WARM],
			 "dedup", (json_int_t)m->starts[START_DEDUP],
			 "cold", (json_int_t)m->starts[START_COLD],
			 "failed", (json_int_t)f->failed,
			 "refused", (json_int_t)f->refused,
			 "retried", (json_int_t)f->retried,
			 "memory_bytes", memory,
			 "backoff_ms", (json_int_t)(f->backoff_until > now ?
						    (f->backoff_until - now) / US_PER_MS : 0),
			 "error", f->error[0] ? medes_json_text(f->error) : json_null());
}
