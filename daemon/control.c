// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The controller's own: what all functions share.
 */
#include <stdlib.h>
#include <unistd.h>
#include "function.h"

/* Memory or a slot came free: those that wait longest come first. */
static void on_soon(void *arg)
{
	struct control *c = arg;
	struct function *f, *next;

	for (f = TAILQ_FIRST(&c->waiting); f; f = next) {
		next = TAILQ_NEXT(f, waiting);
		sched_kick(f);
	}
}

void control_kick_soon(struct control *c)
{
	if (!timer_is_set(&c->soon) && !c->ending)
		timer_set(&c->soon, 0);
}

/**
 * control_new() - a controller without functions
 * @clock: its time
 * @seed: of its random numbers
 * @ops: how it acts on the machine
 * @host: for @ops
 *
 * Return: the controller, whose limits and policy the caller may change, or NULL.
 */
struct control *control_new(struct clock *clock, uint64_t seed, const struct host_ops *ops,
			    void *host)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->clock = clock;
	c->ops = ops;
	c->host = host;
	rng_seed(&c->rng, seed);
	policy_init(&c->policy, &policy_medes);
	c->limits = (struct control_limits){
		.assumed = 64 << 20,
		.max_boxes = 1000,
		.max_calls = 1000,
		.max_dedup_starts = 10,
		.max_dedups = 2,
	};
	TAILQ_INIT(&c->waiting);
	timer_init(&c->soon, clock, on_soon, c);
	life_start(c);
	return c;
}

/* What happened; the object's reference is taken. */
void control_tell(struct control *c, const char *domain, const char *type, json_t *data)
{
	if (c->listener && data)
		c->listener(c->listener_arg, domain, type, data);
	json_decref(data);
}

/**
 * control_end_calls() - nobody is served any more
 * @c: the controller; whoever waits is told
 */
void control_end_calls(struct control *c)
{
	struct function *f;
	struct call *call;
	struct box *box;

	c->ending = true;
	for (f = c->functions; f; f = f->hh.next) {
		while ((call = TAILQ_FIRST(&f->queue)))
			call_fail(call, 503, 1, "medesd ends");
		TAILQ_FOREACH(box, &f->boxes, link)
			while ((call = TAILQ_FIRST(&box->calls)))
				call_fail(call, 502, 1, "medesd ends");
	}
}

/**
 * control_free() - forget everything
 * @c: the controller, or NULL; its boxes have ended, or are left as they are
 */
void control_free(struct control *c)
{
	struct function *f, *next;
	struct box *box;

	if (!c)
		return;
	control_end_calls(c);
	timer_stop(&c->tick);
	timer_stop(&c->soon);
	HASH_ITER(hh, c->functions, f, next) {
		while ((box = TAILQ_FIRST(&f->boxes)))
			box_discard(box);
		function_discard(f);
	}
	free(c);
}
