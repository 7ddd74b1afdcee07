// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which box a call gets: one that idles warm, the one used last before others, so that
 * the rest becomes idle for long; else one that is deduplicated, as long as not too many
 * are being restored and the memory is there; else it waits. Calls of a function are
 * served in their order.
 *
 * New boxes are started for those that wait, but not for one that will be served by a box
 * that is there, or starts, sooner than by its own: a burst of short requests would
 * start a box for each, and purge others to have room for them.
 */
#include "function.h"

#define SERVES_MAX 1000

static struct box *best(struct function *f, enum box_state state)
{
	struct box *box;

	if (f->in[state])
		TAILQ_FOREACH(box, &f->boxes, link)
			if (box->state == state && box_has_room(box) && !box->stranded)
				return box;
	return NULL;
}

static struct box *warm(struct function *f)
{
	struct box *box = NULL;

	if (f->spec.concurrency > 1)
		box = best(f, BOX_RUNNING);
	return box ? box : best(f, BOX_IDLE);
}

static bool restorable(struct box *box)
{
	struct function *f = box->function;
	struct control *c = f->control;

	if (c->n_restoring >= c->limits.max_dedup_starts) {
		f->stalled = "as many sandboxes are being restored as may at once (MaxDedupStarts)";
		return false;
	}
	if (admit_restore(box))
		return true;
	f->stalled = "no memory to restore a sandbox";
	return false;
}

static struct box *asleep(struct function *f)
{
	struct box *box = best(f, BOX_DEDUPING);

	if (!box)
		box = best(f, BOX_DEDUP);
	return box && restorable(box) ? box : NULL;
}

/* The box that a call named. */
static bool place_only(struct call *call)
{
	struct box *box = call->box;

	if (box->stranded && box->state < BOX_LOST) {
		call_fail(call, 503, 1, "the sandbox needs pages of nodes that are away");
		return true;
	}
	switch (box->state) {
	case BOX_IDLE:
		break;
	case BOX_RUNNING:
		/* by itself: whoever uses it says so now */
		if (box->watched && !box->in_flight)
			break;
		call_fail(call, 409, 0, "the sandbox is in use");
		return true;
	case BOX_DEDUPING:
	case BOX_DEDUP:
		if (!restorable(box))
			return false;
		break;
	case BOX_LOST:
		call_fail(call, 409, 0, "the sandbox has lost pages: end it");
		return true;
	default:
		call_fail(call, 409, 0, "the sandbox is in use");
		return true;
	}
	box_take(box, call);
	return true;
}

/**
 * sched_place() - find a box for the first call of a queue
 * @call: the call
 *
 * Return: true when it is in the queue no more.
 */
bool sched_place(struct call *call)
{
	struct function *f = call->function;
	struct box *box;

	if (call->box)
		return place_only(call);
	box = warm(f);
	if (!box)
		box = asleep(f);
	if (box)
		box_take(box, call);
	return box;
}

static bool may_start(struct function *f)
{
	struct control *c = f->control;

	if (!spec_starts(&f->spec))
		f->stalled = "it has neither command nor bundle, and no adopted sandbox is free";
	else if (f->n_boxes - f->in[BOX_ENDING] >= f->spec.max_sandboxes)
		f->stalled = "all are busy, and it has as many as it may (max_sandboxes)";
	else if (HASH_COUNT(c->boxes) >= c->limits.max_boxes)
		f->stalled = "the node has as many sandboxes as it may (MaxSandboxes)";
	else if (function_backs_off(f))
		f->stalled = "the last ones did not start";
	else if (!admit_start(f, true))
		f->stalled = "no memory for another sandbox";
	else
		return true;
	return false;
}

/*
 * How many of those that wait a box serves while another one would start: the next in the
 * queue is better off waiting for it, and the node without the start.
 */
static unsigned int serves_meanwhile(const struct function *f)
{
	const struct measure *m = &f->measure;
	double start = m->start[START_COLD].value, exec = measure_busy(m);

	if (!m->start[START_COLD].n || !(m->exec.n || m->held.n) || start < 2 * exec)
		return 1;
	return start < SERVES_MAX * exec ? start / exec : SERVES_MAX;
}

/* Nothing has come free for as long as a start takes: the averages tell nothing now. */
static bool waits_too_long(const struct function *f)
{
	const struct call *first = TAILQ_FIRST(&f->queue);
	uint64_t now = clock_now(f->control->clock);

	return first && now - first->accepted > f->measure.start[START_COLD].value * US_PER_S;
}

/* How many come free by themselves, soon: what is leased does when its holder likes. */
static unsigned int coming_free(const struct function *f)
{
	const struct box *box;
	unsigned int n = 0;

	TAILQ_FOREACH(box, &f->boxes, link)
		n += (box->state == BOX_RUNNING || box->state == BOX_RESTORING) &&
		     !(TAILQ_FIRST(&box->calls) && TAILQ_FIRST(&box->calls)->lease);
	return n;
}

/* Those that need no new box: what is there or starts will have served them sooner. */
static unsigned int cared_for(const struct function *f)
{
	unsigned int each = serves_meanwhile(f), busy = 0;

	if (each > 1 && !waits_too_long(f))
		busy = coming_free(f);
	return (f->in[BOX_STARTING] + busy) * f->spec.concurrency * each;
}

/**
 * sched_kick() - something has changed: serve what waits
 * @f: the function
 */
void sched_kick(struct function *f)
{
	struct call *call;

	if (f->control->ending)
		return;
	while ((call = TAILQ_FIRST(&f->queue)))
		if (!sched_place(call))
			break;
	while (f->queued > cared_for(f) && may_start(f))
		if (!box_start(f, true))
			break;
}
