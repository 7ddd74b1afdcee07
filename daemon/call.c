// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls. Whatever happens to a call, it ends by ready() followed by
 * call_done(), or by failed(), and within its time-outs: one for waiting, one for running.
 *
 * A call that was sent and got no answer is sent once more if that can do no harm; the
 * box that did not answer is not used again.
 */
#include <stdio.h>
#include "function.h"

static void unqueue(struct call *call)
{
	struct function *f = call->function;

	TAILQ_REMOVE(&f->queue, call, link);
	if (!--f->queued)
		TAILQ_REMOVE(&f->control->waiting, f, waiting);
}

static void enqueue(struct call *call, bool first)
{
	struct function *f = call->function;

	call->state = CALL_QUEUED;
	if (first)
		TAILQ_INSERT_HEAD(&f->queue, call, link);
	else
		TAILQ_INSERT_TAIL(&f->queue, call, link);
	if (!f->queued++)
		TAILQ_INSERT_TAIL(&f->control->waiting, f, waiting);
}

/* A lease that ran out says how patient we are, not how long anything took. */
static void measure_call(const struct call *call, uint64_t now, bool served)
{
	struct measure *m = &call->function->measure;
	double seconds = (now - call->handed) / 1e6;

	if (call->lease && served)
		measure_release(m, now, call->start, seconds);
	else if (call->lease)
		measure_cancel(m);
	else
		measure_end(m, now, call->start, seconds);
}

/* Out of the queue or the box that it is in. */
static void leave(struct call *call, bool served)
{
	struct control *c = call->function->control;
	enum call_state state = call->state;

	timer_stop(&call->timer);
	call->state = CALL_OVER;
	c->n_calls--;
	if (state == CALL_QUEUED)
		unqueue(call);
	if (state == CALL_READY)
		measure_call(call, clock_now(c->clock), served);
	else
		measure_cancel(&call->function->measure);
	if (state == CALL_GIVEN || state == CALL_READY)
		box_drop_call(call->box, call);
}

/**
 * call_fail() - end a call without an answer
 * @call: the call, which its owner is told of and may free
 * @status: of HTTP
 * @retry_after: seconds, 0: no advice
 * @why: a sentence
 */
void call_fail(struct call *call, int status, unsigned int retry_after, const char *why)
{
	struct function *f = call->function;

	if (status == 502 || status == 504)
		f->failed++;
	else
		f->refused++;
	leave(call, false);
	call->ops->failed(call, status, retry_after, why);
}

static void on_wait_over(struct call *call)
{
	const struct function *f = call->function;
	char why[2 * CONTROL_ERROR];

	snprintf(why, sizeof(why), "no sandbox of %s within %u ms: %s", f->spec.name,
		 f->spec.queue_timeout, f->error[0] && f->failures ? f->error :
		 f->stalled ? f->stalled : "all are busy");
	call_fail(call, 503, 1, why);
}

/* Nobody knows what the box is doing, so it gets nothing else to do. */
static void on_run_over(struct call *call)
{
	struct box *box = call->box;
	char why[CONTROL_ERROR];

	if (!call->lease) {
		box->old = true;
		snprintf(why, sizeof(why), "sandbox %s has not answered within %u ms", box->name,
			 call->limit);
	} else {
		snprintf(why, sizeof(why), "the lease of sandbox %s has run out", box->name);
	}
	call_fail(call, 504, 0, why);
}

static void on_timer(void *arg)
{
	struct call *call = arg;

	if (call->state == CALL_READY)
		on_run_over(call);
	else
		on_wait_over(call);
}

/* Is there a box, now or soon? */
static bool hopeless(const struct function *f)
{
	return f->failures >= 3 && function_backs_off(f) && !f->n_boxes;
}

static unsigned int backoff_seconds(const struct function *f)
{
	uint64_t now = clock_now(f->control->clock);

	return f->backoff_until > now ? (f->backoff_until - now) / US_PER_S + 1 : 1;
}

/* How many may wait: those for whom a box is on its way do not count. */
static bool queue_is_full(const struct function *f)
{
	unsigned int coming = f->in[BOX_STARTING] * f->spec.concurrency;

	return f->queued > f->spec.queue_length + coming;
}

static void begin(struct call *call, struct function *f)
{
	struct control *c = f->control;

	call->function = f;
	call->state = CALL_NEW;
	call->accepted = clock_now(c->clock);
	if (!call->limit)
		call->limit = f->spec.request_timeout;
	timer_init(&call->timer, c->clock, on_timer, call);
	measure_arrival(&f->measure, call->accepted);
	c->n_calls++;
}

/**
 * call_submit() - ask for a box
 * @call: the call; ready() or failed() may come from within
 * @f: of this function
 * @only: this box and no other, or NULL
 */
void call_submit(struct call *call, struct function *f, struct box *only)
{
	struct control *c = f->control;
	char why[2 * CONTROL_ERROR];

	begin(call, f);
	call->box = only;
	if (c->n_calls > c->limits.max_calls) {
		call_fail(call, 503, 1, "the node serves as many requests as it may (MaxCalls)");
		return;
	}
	if (hopeless(f)) {
		snprintf(why, sizeof(why), "%s does not start: %s", f->spec.name, f->error);
		call_fail(call, 503, backoff_seconds(f), why);
		return;
	}
	enqueue(call, false);
	if (timer_set(&call->timer, f->spec.queue_timeout * US_PER_MS)) {
		call_fail(call, 503, 1, "no memory for a timer");
		return;
	}
	sched_kick(f);
	/* a call that was placed may be over already, and freed: look only at the queue */
	if (queue_is_full(f) && TAILQ_LAST(&f->queue, call_list) == call)
		call_fail(call, 429, 1, "as many requests wait as may (queue_length)");
}

/**
 * call_hold() - have a call in an idle box, past the queue
 * @call: the call
 * @box: idle
 */
void call_hold(struct call *call, struct box *box)
{
	begin(call, box->function);
	enqueue(call, true);
	box_take(box, call);
}

/*
 * What starting took: of a new box since it was begun, of another since it was chosen. What a
 * call waited before, for a box or for memory, is no property of the function.
 */
static double start_seconds(const struct call *call)
{
	uint64_t since = call->start == START_COLD ? call->box->born : call->given;

	return (call->handed - since) / 1e6;
}

/* Its box can serve it now. */
void call_handed(struct call *call)
{
	struct function *f = call->function;

	call->state = CALL_READY;
	call->handed = clock_now(f->control->clock);
	measure_start(&f->measure, call->start, start_seconds(call));
	timer_set(&call->timer, call->limit * US_PER_MS);
	call->ops->ready(call);
}

/* From the queue to a box; for box_take(). */
void call_give(struct call *call, struct box *box, enum start_kind start)
{
	unqueue(call);
	call->box = box;
	call->state = CALL_GIVEN;
	call->given = clock_now(call->function->control->clock);
	call->start = start;
}

/**
 * call_done() - the answer has come, or the lease is given back
 * @call: the call, READY
 */
void call_done(struct call *call)
{
	call->box->served++;
	leave(call, true);
}

static void repeat(struct call *call)
{
	struct function *f = call->function;
	struct box *box = call->box;
	bool ready = call->state == CALL_READY;

	if (ready) {
		call->repeated = true;
		f->retried++;
		call->ops->again(call);
	}
	timer_stop(&call->timer);
	call->box = NULL;
	box_drop_call(box, call);
	enqueue(call, true);
	timer_set(&call->timer, f->spec.queue_timeout * US_PER_MS);
	sched_kick(f);
}

/**
 * call_box_gone() - the box ended, or must not serve
 * @call: given to it
 * @why: what happened
 */
void call_box_gone(struct call *call, const char *why)
{
	bool sent = call->state == CALL_READY;
	char text[2 * CONTROL_ERROR];

	if ((!sent && call->box != NULL && !call->lease) ||
	    (sent && call->idempotent && !call->repeated && !call->lease)) {
		repeat(call);
		return;
	}
	snprintf(text, sizeof(text), "sandbox %s: %s%s", call->box->name, why,
		 !sent || call->lease ? "" : call->repeated ? "; it was the second try" :
		 "; not repeated, since the request is not known to be idempotent");
	call_fail(call, 502, 0, text);
}

/**
 * call_broken() - the box did not answer as it should
 * @call: the call, READY
 * @why: what happened
 */
void call_broken(struct call *call, const char *why)
{
	call->box->old = true;
	call->box->broken = true;
	call_box_gone(call, why);
}

/**
 * call_cancel() - nobody waits for it any more
 * @call: not READY; no callback comes
 */
void call_cancel(struct call *call)
{
	leave(call, false);
}

double call_start_ms(const struct call *call)
{
	return (call->handed - call->accepted) / 1e3;
}
