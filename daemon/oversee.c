// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The policy over all nodes: it sees each function's sandboxes and bases wherever they are, and
 * what was measured of it everywhere, as if the cluster were one machine; what it decides goes
 * to the nodes as acts. So D/B > T, the keep-alive periods and the optimum hold for the
 * cluster's counts.
 *
 * A base is made of the first sandbox that is to be deduplicated anyway. Sandboxes of the node
 * that has most of them come first: the base is near its users. What one machine lacks
 * (pressure) is that machine's own business, at once, and needs no message; see life.c.
 */
#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "measure_json.h"
#include "steer.h"

/* A sandbox or a base, and where it is. */
struct place {
	struct steer_node *sn;
	union {
		const struct view_box *box;
		const struct view_base *base;
	};
};

struct picture {
	struct policy_view view;
	struct measure *measures;
	struct policy_sandbox *sandboxes;
	struct policy_base *bases;
	struct place *places;
	size_t n_sandboxes, n_bases, n_places;
};

static void picture_free(struct picture *p)
{
	free(p->view.functions);
	free(p->measures);
	free(p->sandboxes);
	free(p->bases);
	free(p->places);
}

static void show_box(struct picture *p, struct policy_function *out, struct steer_node *sn,
		     const struct view_box *box)
{
	struct place *place = &p->places[p->n_places++];

	*place = (struct place){ .sn = sn, .box = box };
	out->sandboxes[out->n++] = (struct policy_sandbox){
		.owner = place, .state = box->state, .idle_since = box->idle_since,
		.memory = box->memory, .pinned = box->adopted,
		.stuck = box->stuck || !sn->view->dedups ||
			 steer_is_pending(sn, "sandbox", box->name),
	};
	out->dedups |= sn->view->dedups;
	out->demarcating |= box->demarcates;
}

/* Copies of one base count once: they are there to be safe, not for lack of bases. */
static bool is_copy(const struct policy_function *f, const struct view_base *base)
{
	const struct place *place;
	size_t i;

	for (i = 0; base->digest && i < f->n_bases; i++) {
		place = f->bases[i].owner;
		if (place->base->digest == base->digest)
			return true;
	}
	return false;
}

static void show_base(struct picture *p, struct policy_function *out, struct steer_node *sn,
		      const struct view_base *base)
{
	struct place *place;

	if (base->import || base->retired || is_copy(out, base))
		return;
	place = &p->places[p->n_places++];
	*place = (struct place){ .sn = sn, .base = base };
	out->bases[out->n_bases++] = (struct policy_base){
		.owner = place, .users = base->users + base->leases, .made = base->made,
		.leased = base->leases,
	};
}

static void show_node(struct picture *p, struct policy_function *out, struct steer_node *sn,
		      const struct view_function *vf)
{
	size_t i;

	measure_add((struct measure *)out->measure, vf->measure, p->view.now);
	out->queued += vf->queued;
	for (i = 0; i < vf->n_boxes; i++)
		show_box(p, out, sn, &vf->boxes[i]);
	for (i = 0; i < vf->n_bases; i++)
		show_base(p, out, sn, &vf->bases[i]);
	out->demarcating |= steer_is_pending(sn, "demarcates", vf->known.key);
}

static const struct view_function *of_node(const struct steer_node *sn, const struct function *f)
{
	const struct view_function *vf = sn->view ? view_find(sn->view, f->domain, f->spec.name) :
						    NULL;

	return vf && !vf->known.removed ? vf : NULL;
}

/* The node with most of its sandboxes, of those that were not shown yet. */
static struct steer_node *next_node(struct steer *s, const struct function *f,
				    struct steer_node *const *shown, size_t n)
{
	struct steer_node *sn, *best = NULL;
	const struct view_function *vf;
	size_t most = 0, i;

	for (sn = s->nodes; sn; sn = sn->hh.next) {
		vf = of_node(sn, f);
		for (i = 0; i < n && shown[i] != sn; i++)
			;
		if (i < n || !vf || (best && vf->n_boxes <= most))
			continue;
		best = sn;
		most = vf->n_boxes;
	}
	return best;
}

static void show_function(struct picture *p, struct steer *s, struct function *f)
{
	struct policy_function *out = &p->view.functions[p->view.n];
	struct steer_node *shown[CONFIG_NODES + 1];
	size_t n = 0;

	measure_init(&p->measures[p->view.n], s->daemon->control->policy.params.window);
	*out = (struct policy_function){
		.name = f->spec.name, .domain = f->domain, .owner = f,
		.measure = &p->measures[p->view.n], .params = &f->params,
		.sandboxes = p->sandboxes + p->n_sandboxes, .bases = p->bases + p->n_bases,
	};
	while (n <= CONFIG_NODES && (shown[n] = next_node(s, f, shown, n))) {
		show_node(p, out, shown[n], of_node(shown[n], f));
		n++;
	}
	p->n_sandboxes += out->n;
	p->n_bases += out->n_bases;
	p->view.n++;
}

static void count(const struct steer *s, size_t *boxes, size_t *bases)
{
	const struct view_function *vf;
	const struct steer_node *sn;

	*boxes = *bases = 0;
	for (sn = s->nodes; sn; sn = sn->hh.next) {
		for (vf = sn->view ? sn->view->functions : NULL; vf; vf = vf->hh.next) {
			*boxes += vf->n_boxes;
			*bases += vf->n_bases;
		}
	}
}

/* One node without a limit has room for all that is too much for the others. */
static void sum_up(struct picture *p, const struct steer *s)
{
	const struct steer_node *sn;
	bool unlimited = false;

	for (sn = s->nodes; sn; sn = sn->hh.next) {
		if (!sn->view)
			continue;
		unlimited |= sn->view->capacity <= 0;
		p->view.capacity += sn->view->capacity;
		p->view.used += sn->view->used;
		p->view.overhead += sn->view->overhead;
	}
	if (unlimited)
		p->view.capacity = 0;
}

static bool picture_take(struct picture *p, struct steer *s)
{
	struct control *c = s->daemon->control;
	size_t n = HASH_COUNT(c->functions), boxes, bases;
	struct function *f;

	*p = (struct picture){ .view.now = clock_now(c->clock) };
	count(s, &boxes, &bases);
	p->view.functions = calloc(n + 1, sizeof(*p->view.functions));
	p->measures = calloc(n + 1, sizeof(*p->measures));
	p->sandboxes = calloc(boxes + 1, sizeof(*p->sandboxes));
	p->bases = calloc(bases + 1, sizeof(*p->bases));
	p->places = calloc(boxes + bases + 1, sizeof(*p->places));
	if (!p->view.functions || !p->measures || !p->sandboxes || !p->bases || !p->places) {
		log_error("no memory to look at all functions of the cluster");
		picture_free(p);
		return false;
	}
	sum_up(p, s);
	for (f = c->functions; f; f = f->hh.next)
		show_function(p, s, f);
	return true;
}

static void act_on_box(const struct policy_function *f, const struct policy_sandbox *s)
{
	static const char *const acts[POLICY_ACTIONS] = {
		[POLICY_DEDUPLICATE] = "deduplicate", [POLICY_DEMARCATE] = "demarcate",
		[POLICY_PURGE] = "purge",
	};
	const struct place *place = s->owner;
	struct steer_node *sn = place->sn;
	const struct function *function = f->owner;
	json_t *act;

	if (s->action == POLICY_KEEP || steer_is_pending(sn, "sandbox", place->box->name))
		return;
	if (s->action != POLICY_PURGE) {
		if (s->stuck || sn->view->dedups_free <= 0)
			return;
		sn->view->dedups_free--;
	}
	act = json_pack("{s:s,s:s,s:s}", "do", acts[s->action], "sandbox", place->box->name,
			"why", s->why ? s->why : "");
	if (act && s->action == POLICY_DEMARCATE)
		json_object_set_new(act, "demarcates", json_string(function->key));
	steer_act(sn, act);
}

static void act_on_bases(const struct policy_function *f)
{
	const struct place *place;
	char id[24];
	size_t i;

	for (i = 0; i < f->n_bases; i++) {
		place = f->bases[i].owner;
		snprintf(id, sizeof(id), "0x%" PRIx64, place->base->id);
		if (f->bases[i].retire && !steer_is_pending(place->sn, "base", id))
			steer_act(place->sn, json_pack("{s:s,s:s,s:s}", "do", "retire", "base", id,
						       "why", f->bases[i].why));
	}
}

/* One at a time: the next is decided when this one has been seen. */
static void prewarm(struct steer *s, const struct policy_function *p)
{
	struct function *f = p->owner;
	struct steer_node *sn;

	for (sn = s->nodes; sn && p->prewarm; sn = sn->hh.next)
		if (steer_is_pending(sn, "starts", f->key))
			return;
	sn = p->prewarm && spec_starts(&f->spec) ? steer_start_at(s, f) : NULL;
	if (sn)
		steer_act(sn, json_pack("{s:s,s:s,s:s,s:s,s:i,s:s}", "do", "start",
					"domain", f->domain, "name", f->spec.name,
					"starts", f->key, "n", 1, "why", p->prewarm_why));
}

/**
 * oversee() - have the policy decide about the whole cluster
 * @s: the controller, which has heard all nodes that can be reached
 */
void oversee(struct steer *s)
{
	struct picture p;
	size_t i, k;

	if (!picture_take(&p, s))
		return;
	policy_decide(&s->daemon->control->policy, &p.view);
	for (i = 0; i < p.view.n; i++) {
		for (k = 0; k < p.view.functions[i].n; k++)
			act_on_box(&p.view.functions[i], &p.view.functions[i].sandboxes[k]);
		act_on_bases(&p.view.functions[i]);
		prewarm(s, &p.view.functions[i]);
	}
	picture_free(&p);
}

/* Why is the function treated as it is, in the cluster? A new reference, or NULL. */
json_t *oversee_explain(struct steer *s, struct function *f)
{
	json_t *text = NULL;
	struct picture p;
	size_t i;

	if (!picture_take(&p, s))
		return NULL;
	policy_decide(&s->daemon->control->policy, &p.view);
	for (i = 0; i < p.view.n; i++)
		if (p.view.functions[i].owner == f)
			text = policy_explain(&s->daemon->control->policy, &p.view, i);
	picture_free(&p);
	return text;
}
