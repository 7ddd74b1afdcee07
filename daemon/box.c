// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A box's states. Every change goes through box_set(), which counts them and tells whoever
 * listens.
 *
 * The host's calls come from the loop, in any order that processes can produce: a box
 * may end in every state, and what was begun for it is over then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "function.h"
#include "json.h"
#include "log.h"

#define STUCK_S 10		/* after a deduplication that failed; doubles each time */
#define STUCK_DOUBLINGS 6
#define YOUNG_US (10 * US_PER_S)

const char *box_state_name(enum box_state state)
{
	static const char *const names[BOX_STATES] = {
		[BOX_STARTING] = "starting", [BOX_RUNNING] = "running", [BOX_IDLE] = "idle",
		[BOX_DEDUPING] = "deduplicating", [BOX_DEDUP] = "dedup",
		[BOX_RESTORING] = "restoring", [BOX_LOST] = "lost", [BOX_ENDING] = "ending",
	};

	return names[state];
}

static uint64_t now_of(const struct box *box)
{
	return clock_now(box->function->control->clock);
}

static void tell(const struct box *box, const char *state, const char *why)
{
	struct control *c = box->function->control;

	log_debug("sandbox %s is %s%s%s", box->name, state, why ? ": " : "", why ? why : "");
	if (c->listener)
		control_tell(c, box->function->domain, "sandbox",
			     json_pack("{s:s,s:s,s:s,s:o?}", "sandbox", box->name,
				       "function", box->function->spec.name, "life", state,
				       "why", why ? medes_json_text(why) : NULL));
}

void box_set(struct box *box, enum box_state state)
{
	struct function *f = box->function;

	f->in[box->state]--;
	f->in[state]++;
	box->state = state;
	tell(box, box_state_name(state), NULL);
}

struct box *box_find(struct control *c, const char *name)
{
	struct box *box;

	HASH_FIND_STR(c->boxes, name, box);
	return box;
}

struct box *box_new(struct function *f, const char *name)
{
	struct control *c = f->control;
	struct box *box = calloc(1, sizeof(*box));

	if (!box)
		return NULL;
	if (name)
		snprintf(box->name, sizeof(box->name), "%s", name);
	else
		snprintf(box->name, sizeof(box->name), "%.*s-%u", SPEC_NAME_MAX,
			 f->spec.name, ++c->serial);
	box->function = f;
	box->born = clock_now(c->clock);
	box->idle_since = box->born;
	box->state = BOX_STARTING;
	TAILQ_INIT(&box->calls);
	box_stranded_init(box);
	TAILQ_INSERT_HEAD(&f->boxes, box, link);
	HASH_ADD_STR(c->boxes, name, box);
	f->n_boxes++;
	f->in[BOX_STARTING]++;
	return box;
}

void box_discard(struct box *box)
{
	struct function *f = box->function;

	box_watched_no_more(box);
	box_stranded_exit(box);
	TAILQ_REMOVE(&f->boxes, box, link);
	HASH_DEL(f->control->boxes, box);
	f->n_boxes--;
	f->in[box->state]--;
	free(box);
}

/**
 * box_start() - begin to start one
 * @f: its function
 * @wanted: because a call waits, which makes it a cold start
 *
 * Return: the box, or NULL and the function backs off.
 */
struct box *box_start(struct function *f, bool wanted)
{
	struct control *c = f->control;
	struct box *box = box_new(f, NULL);
	char error[CONTROL_ERROR] = "no memory";
	int err = box ? c->ops->start(c->host, box, error) : -1;

	if (err) {
		if (box)
			box_discard(box);
		function_failed(f, error);
		return NULL;
	}
	box->wanted = wanted;
	tell(box, "starting", NULL);
	return box;
}

bool box_has_room(const struct box *box)
{
	return !box->old && box->in_flight < box->function->spec.concurrency;
}

static void to_the_front(struct box *box)
{
	struct function *f = box->function;

	TAILQ_REMOVE(&f->boxes, box, link);
	TAILQ_INSERT_HEAD(&f->boxes, box, link);
}

/**
 * box_idles() - a box has nothing to do
 * @box: the box
 * @since: us
 */
void box_idles(struct box *box, uint64_t since)
{
	box->idle_since = since;
	box->unmeasured = true;
	to_the_front(box);
	box_set(box, BOX_IDLE);
	if (box->old)
		box_purge(box, "its function was changed, or it did not answer");
}

/**
 * box_take() - give a box a call
 * @box: with room, or deduplicated
 * @call: the first of its function's queue
 */
void box_take(struct box *box, struct call *call)
{
	struct control *c = box->function->control;
	bool asleep = box->state == BOX_DEDUP || box->state == BOX_DEDUPING;
	bool cold = box->wanted && !box->served && call->accepted < box->idle_since;

	call_give(call, box, asleep ? START_DEDUP : cold ? START_COLD : START_WARM);
	TAILQ_INSERT_TAIL(&box->calls, call, link);
	box->in_flight++;
	if (!asleep) {
		if (box->state != BOX_RUNNING)
			box_set(box, BOX_RUNNING);
		call_handed(call);
		return;
	}
	if (box->state == BOX_DEDUPING)
		c->n_deduping--;
	else
		box->woken = true;
	if (!box->restoring)
		c->n_restoring++;
	box->restoring = true;
	box_set(box, BOX_RESTORING);
	c->ops->wake(c->host, box);
}

/**
 * box_drop_call() - a call is over
 * @box: the box
 * @call: given to it
 */
void box_drop_call(struct box *box, struct call *call)
{
	struct function *f = box->function;

	TAILQ_REMOVE(&box->calls, call, link);
	box->in_flight--;
	if (!box->in_flight && box->state == BOX_RUNNING)
		box_idles(box, now_of(box));
	if (f->queued)
		sched_kick(f);
}

void box_dedup(struct box *box, bool demarcate)
{
	struct control *c = box->function->control;

	c->n_deduping++;
	box->demarcates = demarcate;
	box_set(box, BOX_DEDUPING);
	c->ops->dedup(c->host, box, demarcate);
}

static void stop_counting(struct box *box)
{
	struct control *c = box->function->control;

	if (box->state == BOX_DEDUPING)
		c->n_deduping--;
	if (box->restoring)
		c->n_restoring--;
	box->restoring = false;
}

/**
 * box_purge() - end a box
 * @box: the box; an adopted one is let go
 * @why: a constant, for whoever listens
 */
void box_purge(struct box *box, const char *why)
{
	struct control *c = box->function->control;

	if (box->told)
		return;
	stop_counting(box);
	box->told = true;
	tell(box, "purged", why);
	box_set(box, BOX_ENDING);
	c->ops->end(c->host, box);
}

void box_started(struct box *box)
{
	struct function *f = box->function;

	function_good(f);
	box_idles(box, now_of(box));
	if (f->queued)
		sched_kick(f);
}

/* Calls that wait for this box and no other. */
static void fail_those_for(struct box *box)
{
	struct call *call, *next;

	for (call = TAILQ_FIRST(&box->function->queue); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (call->box == box)
			call_fail(call, 502, 0, "the sandbox has ended");
	}
}

static void leave_calls(struct box *box, const char *why)
{
	struct call *call;

	fail_those_for(box);
	while ((call = TAILQ_FIRST(&box->calls)))
		call_box_gone(call, why);
}

/**
 * box_dies() - a box serves no more, for a reason that its calls should hear
 * @box: the box; box_ended() follows
 * @why: a sentence
 */
void box_dies(struct box *box, const char *why)
{
	struct function *f = box->function;
	bool crashed = !box->told || box->broken;
	bool young = now_of(box) - box->born < YOUNG_US;
	bool failed = crashed && !box->adopted && !f->deleted &&
		(box->state == BOX_STARTING || (young && (box->in_flight || box->broken)));

	if (box->dead)
		return;
	box->dead = true;
	stop_counting(box);
	if (crashed) {
		f->crashes++;
		log_warning("sandbox %s: %s", box->name, why);
	}
	if (box->state != BOX_ENDING)
		box_set(box, BOX_ENDING);
	if (failed)
		function_failed(f, why);
	leave_calls(box, why);
}

/* Nothing of it is left. */
void box_ended(struct box *box, const char *why)
{
	struct function *f = box->function;
	struct control *c = f->control;

	box_dies(box, why);
	tell(box, "gone", why);
	box_discard(box);
	control_kick_soon(c);
	function_drop_if_unused(f);
}

void box_deduped(struct box *box, int err, const char *why)
{
	struct function *f = box->function;
	struct control *c = f->control;
	unsigned int doublings;
	double whole;

	c->n_deduping--;
	if (!err) {
		box->dedup_failures = 0;
		box_set(box, BOX_DEDUP);
		box->memory_dedup = c->ops->memory(c->host, box, &whole);
		if (box->memory_dedup > 0)
			measure_memory_dedup(&f->measure, box->memory_dedup);
		c->dedups++;
		control_kick_soon(c);
		return;
	}
	doublings = box->dedup_failures < STUCK_DOUBLINGS ? box->dedup_failures : STUCK_DOUBLINGS;
	box->dedup_failures++;
	box->stuck_until = now_of(box) + (STUCK_S * US_PER_S << doublings);
	c->dedups_failed++;
	log_warning("sandbox %s was not deduplicated: %s", box->name, why);
	box_set(box, BOX_IDLE);
	if (box->old)
		box_purge(box, "its function was changed");
	else if (f->queued)
		sched_kick(f);
}

void box_awake(struct box *box)
{
	struct call *call, *next;

	box_set(box, BOX_RUNNING);
	to_the_front(box);
	for (call = TAILQ_FIRST(&box->calls); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (call->state == CALL_GIVEN)
			call_handed(call);
	}
	/* nobody wants it any more */
	if (!box->in_flight && box->state == BOX_RUNNING)
		box_idles(box, now_of(box));
	if (box->state == BOX_RUNNING && box->function->queued)
		sched_kick(box->function);
}

void box_restored(struct box *box)
{
	struct function *f = box->function;

	if (!box->restoring)
		return;
	box->restoring = false;
	f->control->n_restoring--;
	box->unmeasured = true;
	control_kick_soon(f->control);
}

void box_lost(struct box *box, const char *why)
{
	struct control *c = box->function->control;

	if (box->state == BOX_LOST || box->state == BOX_ENDING)
		return;
	c->losses++;
	stop_counting(box);
	box_stranded_exit(box);
	log_error("sandbox %s is lost: %s", box->name, why);
	box_set(box, BOX_LOST);
	leave_calls(box, why);
	if (!box->adopted)
		box_purge(box, "it has lost pages");
	if (box->function->queued)
		sched_kick(box->function);
}

json_t *box_json(const struct box *box)
{
	const struct function *f = box->function;
	bool idles = box->state == BOX_IDLE || box->state == BOX_DEDUP ||
		     box->state == BOX_DEDUPING;

	return json_pack("{s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:I,s:o,s:o,s:I,s:I,s:f}",
			 "name", box->name, "function", f->spec.name, "domain", f->domain,
			 "life", box_state_name(box->state), "adopted", box->adopted,
			 "watched", box->watched, "stranded", box->stranded,
			 "in_flight", (json_int_t)box->in_flight,
			 "pid", box->pid ? json_integer(box->pid) : json_null(),
			 "address", box->address[0] ? medes_json_text(box->address) : json_null(),
			 "idle_ms", (json_int_t)(idles ? (now_of(box) - box->idle_since) /
						 US_PER_MS : 0),
			 "served", (json_int_t)box->served,
			 "memory_bytes", admit_box(box));
}
