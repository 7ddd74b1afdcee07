// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Between the nodes' reports and placement (place.c). Requests go through the controller, so it
 * knows at any moment how many are at each node ("flights"), however old the report is.
 */
#include <stdlib.h>
#include <string.h>
#include "nodes.h"
#include "steer.h"

/* Connections that a node takes of others (http.c), with some left for commands. */
#define FLIGHTS_MAX 200

/* Requests of a function that are at a node. */
struct flight {
	UT_hash_handle hh;
	char key[FUNCTION_KEY];
	unsigned int n;
};

static struct flight *find(const struct steer_node *sn, const struct function *f)
{
	struct flight *flight;

	HASH_FIND_STR(sn->flights, f->key, flight);
	return flight;
}

/**
 * steer_flight() - a request goes to a node, or is back
 * @s: the controller
 * @node: its name; it may have been forgotten
 * @f: the request's function
 * @change: 1 or -1
 */
void steer_flight(struct steer *s, const char *node, const struct function *f, int change)
{
	struct steer_node *sn = steer_find(s, node);
	struct flight *flight = sn ? find(sn, f) : NULL;

	if (sn && !flight && change > 0) {
		flight = calloc(1, sizeof(*flight));
		if (flight) {
			strcpy(flight->key, f->key);
			HASH_ADD_STR(sn->flights, key, flight);
		}
	}
	if (!flight || (change < 0 && !flight->n))
		return;
	flight->n += change;
	if (flight->n)
		return;
	HASH_DEL(sn->flights, flight);
	free(flight);
}

unsigned int steer_flights(const struct steer_node *sn)
{
	const struct flight *flight;
	unsigned int n = 0;

	for (flight = sn->flights; flight; flight = flight->hh.next)
		n += flight->n;
	return n;
}

void steer_flights_free(struct steer_node *sn)
{
	struct flight *flight, *next;

	HASH_ITER(hh, sn->flights, flight, next) {
		HASH_DEL(sn->flights, flight);
		free(flight);
	}
}

/**
 * steer_started() - an answer says how its sandbox was started
 * @s: the controller
 * @node: where
 * @f: the function
 * @kind: how; the next report says so, too, but later
 */
void steer_started(struct steer *s, const char *node, const struct function *f,
		   enum start_kind kind)
{
	struct steer_node *sn = steer_find(s, node);
	struct view_function *vf = sn && sn->view ? view_find(sn->view, f->domain, f->spec.name) :
						    NULL;

	if (!vf || kind == START_WARM)
		return;
	vf->warm++;
	if (kind == START_DEDUP && vf->asleep)
		vf->asleep--;
	if (kind == START_COLD && vf->starting)
		vf->starting--;
}

/* This node needs no report of itself. */
static void look_here(struct place_node *out, const struct function *f)
{
	const struct box *box;

	out->warm = 0;
	out->asleep = 0;
	out->starting = f->in[BOX_STARTING];
	out->starts_fail = function_backs_off(f);
	out->flying = f->queued;
	TAILQ_FOREACH(box, &f->boxes, link) {
		out->flying += box->in_flight;
		if (box->stranded)
			continue;
		out->warm += box->state == BOX_IDLE || box->state == BOX_RUNNING ||
			     box->state == BOX_RESTORING;
		out->asleep += box->state == BOX_DEDUP || box->state == BOX_DEDUPING;
	}
}

static bool has_base(const struct view_function *vf)
{
	size_t i;

	for (i = 0; i < vf->n_bases; i++)
		if (!vf->bases[i].retired)
			return true;
	return false;
}

static void show(struct place_node *out, const struct steer_node *sn, const struct function *f,
		 const struct view_function *vf)
{
	const struct flight *flight = find(sn, f);
	const struct view *v = sn->view;

	*out = (struct place_node){
		.warm = vf->warm, .asleep = vf->asleep, .starting = vf->starting,
		.flying = flight ? flight->n : 0, .concurrency = f->spec.concurrency,
		.restores = v->restores_free, .starts_fail = vf->backs_off,
		.base = has_base(vf), .room = view_room(v), .each = vf->new_box,
		.cordoned = v->cordoned, .draining = v->draining,
	};
	if (sn->self)
		look_here(out, f);
	out->starts = (int)f->spec.max_sandboxes - (int)vf->n_boxes;
	if (v->boxes_free < out->starts)
		out->starts = v->boxes_free;
}

struct choice {
	struct place_node *nodes;
	struct steer_node **of;
	size_t n;
};

/* The nodes that can be reached and have the function. */
static bool list(struct choice *c, struct steer *s, const struct function *f,
		 bool (*not_there)(const char *node, void *arg), void *arg)
{
	size_t room = HASH_COUNT(s->nodes);
	const struct view_function *vf;
	struct steer_node *sn;

	*c = (struct choice){
		.nodes = calloc(room + 1, sizeof(*c->nodes)),
		.of = calloc(room + 1, sizeof(*c->of)),
	};
	for (sn = s->nodes; sn && c->nodes && c->of; sn = sn->hh.next) {
		vf = sn->view ? view_find(sn->view, f->domain, f->spec.name) : NULL;
		if (!vf || vf->known.removed || !sn->view->serves || steer_flights(sn) >= FLIGHTS_MAX ||
		    (not_there && not_there(sn->name, arg)))
			continue;
		show(&c->nodes[c->n], sn, f, vf);
		c->of[c->n++] = sn;
	}
	return c->n;
}

static void choice_free(struct choice *c)
{
	free(c->nodes);
	free(c->of);
}

/**
 * steer_choose() - the node that serves a request
 * @s: the controller
 * @f: the request's function
 * @not_there: is a node out of the question; or NULL
 * @arg: for @not_there
 *
 * Return: NULL: nobody can.
 */
struct steer_node *steer_choose(struct steer *s, struct function *f,
				bool (*not_there)(const char *node, void *arg), void *arg)
{
	enum place_kind kind;
	struct choice c;
	int best = list(&c, s, f, not_there, arg) ? place_choose(c.nodes, c.n, &kind) : -1;
	struct steer_node *found = best < 0 ? NULL : c.of[best];

	choice_free(&c);
	return found;
}

/**
 * steer_promises() - may a node be found in a moment that is not there now?
 * @s: the controller
 * @f: the request's function
 *
 * Return: a node has not heard of @f yet, or has not been heard itself in this reign.
 */
bool steer_promises(const struct steer *s, const struct function *f)
{
	const struct view_function *vf;
	const struct steer_node *sn;

	if (!steer_settled(s))
		return true;
	for (sn = s->nodes; sn; sn = sn->hh.next) {
		vf = sn->view ? view_find(sn->view, f->domain, f->spec.name) : NULL;
		if (sn->view && sn->view->serves && (!vf || vf->known.removed))
			return true;
	}
	return false;
}

/* Where one more sandbox of it starts; NULL: nowhere is room. */
struct steer_node *steer_start_at(struct steer *s, struct function *f)
{
	struct choice c;
	int best = list(&c, s, f, NULL, NULL) ? place_start(c.nodes, c.n) : -1;
	struct steer_node *found = best < 0 ? NULL : c.of[best];

	choice_free(&c);
	return found;
}
