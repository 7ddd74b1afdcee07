// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Boxes that are used without being acquired: the host sees them run and rest. A time that one
 * runs stands for a request, as exactly as it is looked at.
 *
 * Calls come first: while a box has one, its state is the call's.
 */
#include "function.h"

static uint64_t now_of(const struct box *box)
{
	return clock_now(box->function->control->clock);
}

/**
 * box_runs() - a watched box has run since the last look
 * @box: the box, in any state
 * @since: us, when it began to at the earliest
 */
void box_runs(struct box *box, uint64_t since)
{
	struct control *c = box->function->control;
	bool asleep = box->state == BOX_DEDUP;

	if (box->state != BOX_IDLE && box->state != BOX_DEDUPING && !asleep)
		return;
	if (!box->burst) {
		box->burst = since;
		box->burst_start = asleep ? START_DEDUP : START_WARM;
		measure_arrival(&box->function->measure, now_of(box));
		measure_start(&box->function->measure, box->burst_start, 0);
	}
	if (box->state == BOX_DEDUPING)
		c->n_deduping--;
	if (asleep) {
		box->woken = true;
		box->restoring = true;
		c->n_restoring++;
	}
	box_set(box, BOX_RUNNING);
}

/**
 * box_rests() - a watched box has not run since the last look
 * @box: the box, in any state
 * @since: us, when it was last seen running
 */
void box_rests(struct box *box, uint64_t since)
{
	if (box->in_flight)
		return;
	if (box->burst)
		measure_release(&box->function->measure, now_of(box), box->burst_start,
				since > box->burst ? (since - box->burst) / 1e6 : 0);
	box->burst = 0;
	if (box->state == BOX_RUNNING)
		box_idles(box, since);
}

/* It is a box no more. */
void box_watched_no_more(struct box *box)
{
	if (box->burst)
		measure_cancel(&box->function->measure);
	box->burst = 0;
}
