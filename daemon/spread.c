// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the controller does about nodes that go, or that may be lost.
 *
 * A base that other nodes read is held by as many nodes as the configuration says (Replicas=), the
 * further ones being those with most sandboxes of its function. A node that is drained keeps its
 * sandboxes until another one is there for each function, and is then emptied.
 */
#include <string.h>
#include "nodes.h"
#include "steer.h"

#define COPY_PAUSE_US (10 * US_PER_S)
/* A copy that is not reported by then has failed. */
#define COPY_US (30 * US_PER_S)

static const struct offer *offer_in(const struct offer *offers, size_t n, uint64_t digest)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (offers[i].digest == digest && !offers[i].retired)
			return &offers[i];
	return NULL;
}

/* As its owner has told it; the daemons' exchange may be behind the report. */
static const struct offer *offer_of(const struct steer_node *sn, uint64_t digest)
{
	struct nodes *nodes = sn->steer->daemon->nodes;
	const struct node *node = nodes_find(nodes, sn->name);

	if (sn->self)
		return offer_in(nodes->offers, nodes->n_offers, digest);
	return node ? offer_in(node->offers, node->n_offers, digest) : NULL;
}

static bool holds(const struct view_function *vf, uint64_t digest)
{
	size_t i;

	for (i = 0; i < vf->n_bases; i++)
		if (!vf->bases[i].import && vf->bases[i].digest == digest)
			return true;
	return false;
}

static const struct view_function *twin(const struct steer_node *sn, const struct view_function *vf)
{
	return sn->view ? view_find(sn->view, vf->known.domain, vf->known.name) : NULL;
}

/* It was sent there, and may yet be reported. */
static bool is_on_its_way(const struct steer_node *sn, uint64_t digest)
{
	return sn->copying == digest && clock_now(sn->steer->daemon->clock) - sn->copied < COPY_US;
}

/* Nodes that have it, or soon will. */
static unsigned int holders(const struct steer *s, const struct view_function *vf, uint64_t digest)
{
	const struct view_function *other;
	const struct steer_node *sn;
	unsigned int n = 0;

	for (sn = s->nodes; sn; sn = sn->hh.next) {
		other = twin(sn, vf);
		n += other && !sn->view->draining &&
		     (holds(other, digest) || is_on_its_way(sn, digest));
	}
	return n;
}

/* Can it be sent there, by what the node has said and by what was sent there a moment ago? */
static bool takes(const struct steer_node *sn, const struct offer *offer)
{
	const struct view *v = sn->view;
	uint64_t now = clock_now(sn->steer->daemon->clock);

	return v->serves && !v->cordoned && !v->draining && v->dedups &&
	       view_room(v) >= 4096.0 * offer->pages &&
	       (!sn->copied || now - sn->copied >= COPY_PAUSE_US);
}

/*
 * The one with most sandboxes of the function, of those that can and do not have it; one where it
 * did not arrive only if there is no other.
 */
static struct steer_node *next_holder(struct steer *s, const struct view_function *vf,
				      const struct offer *offer)
{
	struct steer_node *sn, *best = NULL;
	const struct view_function *other;
	bool failed, best_failed = false;
	size_t most = 0;

	for (sn = s->nodes; sn; sn = sn->hh.next) {
		other = twin(sn, vf);
		if (!other || other->known.removed || holds(other, offer->digest) || !takes(sn, offer))
			continue;
		failed = sn->copying == offer->digest;
		if (best && (failed != best_failed ? failed : other->n_boxes <= most))
			continue;
		best = sn;
		best_failed = failed;
		most = other->n_boxes;
	}
	return best;
}

static void keep_copies(struct steer *s, const struct steer_node *owner,
			const struct view_function *vf, const struct view_base *base)
{
	const struct offer *offer = offer_of(owner, base->digest);
	struct steer_node *sn;

	if (!offer || holders(s, vf, base->digest) >= s->daemon->config.replicas)
		return;
	sn = next_holder(s, vf, offer);
	if (!sn)
		return;
	sn->copied = clock_now(s->daemon->clock);
	sn->copying = base->digest;
	steer_act(sn, json_pack("{s:s,s:o}", "do", "replicate", "bases", offers_json(offer, 1)));
}

/* How many sandboxes serve a function on nodes that stay, or soon will. */
static unsigned int elsewhere(const struct steer *s, const struct view_function *vf, bool soon)
{
	const struct view_function *other;
	const struct steer_node *sn;
	unsigned int n = 0;

	for (sn = s->nodes; sn; sn = sn->hh.next) {
		other = twin(sn, vf);
		if (!other || sn->view->draining)
			continue;
		n += other->warm + other->asleep + (soon ? other->starting : 0);
		n += soon && steer_is_pending(sn, "starts", vf->known.key);
	}
	return n;
}

static void empty(struct steer_node *sn, const struct view_function *vf)
{
	const struct view_box *box;
	size_t i;

	for (i = 0; i < vf->n_boxes; i++) {
		box = &vf->boxes[i];
		if (!box->adopted && (box->state == POLICY_WARM || box->state == POLICY_DEDUP) &&
		    !steer_is_pending(sn, "sandbox", box->name))
			steer_act(sn, json_pack("{s:s,s:s,s:s}", "do", "purge", "sandbox", box->name,
						"why", "its node is drained, and others serve"));
	}
}

static void move_off(struct steer *s, struct steer_node *sn, const struct view_function *vf)
{
	struct function *f = function_find(s->daemon->control, vf->known.domain, vf->known.name);
	struct steer_node *to;

	if (elsewhere(s, vf, false)) {
		empty(sn, vf);
		return;
	}
	if (!f || !(vf->warm + vf->asleep + vf->stranded) || elsewhere(s, vf, true))
		return;
	to = steer_start_at(s, f);
	if (to)
		steer_act(to, json_pack("{s:s,s:s,s:s,s:s,s:i,s:s}", "do", "start",
					"domain", vf->known.domain, "name", vf->known.name, "starts", vf->known.key,
					"n", 1, "why", "the node that serves it is drained"));
}

/**
 * spread() - copies of bases, sandboxes of nodes that are drained
 * @s: the controller, which has heard all nodes that can be reached
 */
void spread(struct steer *s)
{
	const struct view_function *vf;
	struct steer_node *sn;
	size_t i;

	for (sn = s->nodes; sn; sn = sn->hh.next) {
		for (vf = sn->view ? sn->view->functions : NULL; vf; vf = vf->hh.next) {
			if (sn->view->draining)
				move_off(s, sn, vf);
			for (i = 0; i < vf->n_bases && !sn->view->draining; i++)
				if (vf->bases[i].digest && vf->bases[i].leases &&
				    !vf->bases[i].retired)
					keep_copies(s, sn, vf, &vf->bases[i]);
		}
	}
}
