// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life cycle: shows the policy what there is, and carries out what it decides.
 *
 * Nothing is remembered of a decision that could not be carried out, because too much is under
 * way already or a box is in use again: the policy will say so again.
 */
#include <stdlib.h>
#include <string.h>
#include "function.h"
#include "json.h"
#include "log.h"

#define INTERVAL_MIN_US (10 * US_PER_MS)

/* A view, and what it points to. */
struct picture {
	struct policy_view view;
	struct policy_sandbox *sandboxes;
	struct policy_base *bases;
};

static enum policy_state state_of(const struct box *box)
{
	switch (box->state) {
	case BOX_STARTING:
		return POLICY_STARTING;
	case BOX_IDLE:
		return POLICY_WARM;
	case BOX_DEDUPING:
		return POLICY_DEDUPING;
	case BOX_DEDUP:
		return POLICY_DEDUP;
	default:
		return POLICY_RUNNING;
	}
}

static void show_box(struct policy_sandbox *out, struct box *box, uint64_t now, bool dedups)
{
	*out = (struct policy_sandbox){
		.owner = box,
		.state = state_of(box),
		.idle_since = box->idle_since,
		.memory = box->state == BOX_DEDUP ? box->memory_dedup : box->memory,
		.pinned = box->adopted,
		.stuck = !dedups || box->stuck_until > now || box->restoring,
	};
}

static void show_function(struct picture *p, struct function *f, bool dedups, size_t *boxes,
			  size_t *bases)
{
	struct policy_function *out = &p->view.functions[p->view.n++];
	struct base *base;
	struct box *box;

	*out = (struct policy_function){
		.name = f->spec.name,
		.domain = f->domain,
		.owner = f,
		.measure = &f->measure,
		.params = &f->params,
		.sandboxes = p->sandboxes + *boxes,
		.bases = p->bases + *bases,
		.queued = f->queued,
		.dedups = dedups,
	};
	TAILQ_FOREACH(box, &f->boxes, link) {
		if (box->state == BOX_ENDING || box->state == BOX_LOST || box->old)
			continue;
		out->demarcating |= box->state == BOX_DEDUPING && box->demarcates;
		show_box(&out->sandboxes[out->n++], box, p->view.now, dedups);
	}
	TAILQ_FOREACH(base, &f->bases, link)
		if (!base->retired)
			out->bases[out->n_bases++] = (struct policy_base){
				.owner = base, .users = base->users, .made = base->made,
				.leased = base->leased,
			};
	*boxes += out->n;
	*bases += out->n_bases;
}

static size_t count_bases(const struct control *c)
{
	const struct function *f;
	struct base *base;
	size_t n = 0;

	for (f = c->functions; f; f = f->hh.next)
		TAILQ_FOREACH(base, &f->bases, link)
			n++;
	return n;
}

static void picture_free(struct picture *p)
{
	free(p->view.functions);
	free(p->sandboxes);
	free(p->bases);
}

static bool picture_take(struct picture *p, struct control *c)
{
	size_t boxes = 0, bases = 0, n = HASH_COUNT(c->functions);
	double available = 0, stalled = 0;
	struct function *f;
	bool dedups = c->ops->dedups(c->host);

	*p = (struct picture){ 0 };
	p->view.functions = calloc(n + 1, sizeof(*p->view.functions));
	p->sandboxes = calloc(HASH_COUNT(c->boxes) + 1, sizeof(*p->sandboxes));
	p->bases = calloc(count_bases(c) + 1, sizeof(*p->bases));
	if (!p->view.functions || !p->sandboxes || !p->bases) {
		log_error("no memory to look at all functions");
		picture_free(p);
		return false;
	}
	p->view.now = clock_now(c->clock);
	p->view.capacity = c->limits.capacity;
	p->view.used = admit_used(c);
	p->view.overhead = c->ops->overhead(c->host);
	if (c->ops->pressure(c->host, &available, &stalled)) {
		p->view.pressure = stalled;
		if (available < c->limits.floor)
			p->view.want = c->limits.floor - available;
	}
	for (f = c->functions; f; f = f->hh.next) {
		measure_roll(&f->measure, p->view.now);
		show_function(p, f, dedups, &boxes, &bases);
	}
	return true;
}

/* What is done to a function or its box, and why: for the log and whoever listens. */
void life_tell(struct function *f, struct box *box, const char *action, const char *why)
{
	struct control *c = f->control;

	log_info("%s%s%s: %s: %s", f->spec.name, box ? ", sandbox " : "", box ? box->name : "",
		 action, why ? why : "the policy says so");
	if (c->listener)
		control_tell(c, f->domain, "policy",
			     json_pack("{s:s,s:o?,s:s,s:s}", "function", f->spec.name, "sandbox",
				       box ? medes_json_text(box->name) : NULL, "action", action,
				       "why", why ? why : ""));
}

/**
 * life_purge() - end a box that idles
 * @box: the box
 * @why: for the log
 *
 * Return: false when it does not idle.
 */
bool life_purge(struct box *box, const char *why)
{
	struct control *c = box->function->control;

	if (box->state != BOX_IDLE && box->state != BOX_DEDUP && box->state != BOX_DEDUPING)
		return false;
	life_tell(box->function, box, "purge", why);
	c->purges++;
	box_purge(box, why);
	return true;
}

static void act_on_box(const struct policy_sandbox *s)
{
	struct box *box = s->owner;
	struct control *c = box->function->control;
	bool demarcate = s->action == POLICY_DEMARCATE;

	if (s->action == POLICY_PURGE) {
		if (!box->adopted)
			life_purge(box, s->why);
		return;
	}
	if (s->action == POLICY_KEEP || box->state != BOX_IDLE || s->stuck ||
	    c->n_deduping >= c->limits.max_dedups)
		return;
	life_tell(box->function, box, demarcate ? "make it a base" : "deduplicate", s->why);
	box_dedup(box, demarcate);
}

static void act_on_bases(struct control *c, const struct policy_function *p)
{
	struct function *f = p->owner;
	struct base *base;
	size_t i;

	for (i = 0; i < p->n_bases; i++) {
		if (!p->bases[i].retire)
			continue;
		base = p->bases[i].owner;
		base->retired = true;
		life_tell(f, NULL, "retire a base", p->bases[i].why);
	}
	TAILQ_FOREACH(base, &f->bases, link)
		if (base->retired)
			c->ops->retire(c->host, base->id);
}

/**
 * life_prewarm() - start boxes ahead of need
 * @f: the function
 * @n: how many at most
 * @why: for the log
 *
 * Return: how many are starting.
 */
unsigned int life_prewarm(struct function *f, unsigned int n, const char *why)
{
	unsigned int begun;

	for (begun = 0; begun < n; begun++) {
		if (!spec_starts(&f->spec) || function_backs_off(f) ||
		    f->n_boxes - f->in[BOX_ENDING] >= f->spec.max_sandboxes ||
		    HASH_COUNT(f->control->boxes) >= f->control->limits.max_boxes ||
		    !admit_start(f, false))
			break;
		life_tell(f, NULL, "start one ahead", why);
		if (!box_start(f, false))
			break;
		f->control->prewarms++;
	}
	return begun;
}

/* No box is freed from within, so the pointers hold until the end. */
static void act(struct control *c, const struct policy_view *view)
{
	size_t i, k;

	for (i = 0; i < view->n; i++)
		for (k = 0; k < view->functions[i].n; k++)
			act_on_box(&view->functions[i].sandboxes[k]);
	for (i = 0; i < view->n; i++) {
		act_on_bases(c, &view->functions[i]);
		life_prewarm(view->functions[i].owner, view->functions[i].prewarm,
			     view->functions[i].prewarm_why);
	}
}

/*
 * One that was deduplicated has back what its first requests touched: that is what a restore
 * takes. What else they bring back later is not counted again.
 */
static void measure_memory(struct box *box, double whole)
{
	struct measure *m = &box->function->measure;

	measure_memory_warm(m, whole);
	if (box->woken && box->memory_dedup > 0 && box->memory > box->memory_dedup)
		measure_memory_restore(m, box->memory - box->memory_dedup);
	box->woken = false;
}

/* What idles since the last time may have grown. */
static void look_at_memory(struct control *c)
{
	struct box *box;
	double bytes, whole;

	for (box = c->boxes; box; box = box->hh.next) {
		if (!box->unmeasured || box->state != BOX_IDLE || box->restoring)
			continue;
		box->unmeasured = false;
		bytes = c->ops->memory(c->host, box, &whole);
		if (bytes <= 0)
			continue;
		box->memory = bytes;
		measure_memory(box, whole);
	}
}

/* The cluster's controller decides, but for what this machine lacks at once. */
static bool is_steered(const struct control *c, const struct policy_view *view)
{
	const struct policy_params *params = &c->policy.params;

	return view->now < c->steered_until && view->want <= 0 &&
	       !(params->pressure && view->pressure >= params->pressure);
}

static void on_tick(void *arg)
{
	struct control *c = arg;
	uint64_t now = clock_now(c->clock), next = now + c->policy.params.interval;
	struct picture p;

	look_at_memory(c);
	c->ops->bases(c->host);
	if (picture_take(&p, c)) {
		if (!is_steered(c, &p.view))
			policy_decide(&c->policy, &p.view);
		act(c, &p.view);
		if (p.view.next && p.view.next < next)
			next = p.view.next;
		picture_free(&p);
	}
	/* some may have waited for longer than was foreseen */
	if (!TAILQ_EMPTY(&c->waiting))
		control_kick_soon(c);
	timer_set(&c->tick, next > now + INTERVAL_MIN_US ? next - now : INTERVAL_MIN_US);
}

void life_start(struct control *c)
{
	timer_init(&c->tick, c->clock, on_tick, c);
	timer_set(&c->tick, c->policy.params.interval);
}

void life_hurry(struct control *c)
{
	if (!c->ending)
		timer_set(&c->tick, 0);
}

/**
 * life_make_room() - have memory freed
 * @c: the controller
 * @bytes: how much
 *
 * Return: false when that much cannot be had. It comes free later, not from within.
 */
bool life_make_room(struct control *c, double bytes)
{
	struct picture p;
	double found;

	if (!picture_take(&p, c))
		return false;
	found = policy_make_room(&c->policy, &p.view, bytes);
	act(c, &p.view);
	picture_free(&p);
	return found >= bytes;
}

/* Why is the function treated as it is? A new reference, or NULL. */
json_t *life_explain(struct control *c, struct function *f)
{
	json_t *text = NULL;
	struct picture p;
	size_t i;

	c->ops->bases(c->host);
	if (!picture_take(&p, c))
		return NULL;
	policy_decide(&c->policy, &p.view);
	for (i = 0; i < p.view.n; i++)
		if (p.view.functions[i].owner == f)
			text = policy_explain(&c->policy, &p.view, i);
	picture_free(&p);
	return text;
}
