// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bases are the same when their digest is. An import is recognised by what it reads: peer,
 * base and generation. So nothing has to be remembered, whoever restarts.
 *
 *	an offer that nobody here has		import it if it is worth it, with all who offer the
 *						same
 *	one more who offers the same		add him as a replica
 *	a replica whose node has it no more,
 *	or is drained				leave it, once another one is ready
 *	an import that serves nobody		drop it
 *
 * A node that is away has no say: what it offered stays as it was, since its kernel may
 * well serve on.
 */
#include <string.h>
#include "share_plan.h"

static const struct share_offer *offer_of(const struct share_view *view,
					 const struct medes_replica *replica)
{
	size_t i;

	for (i = 0; i < view->n_offers; i++)
		if (view->offers[i].peer == replica->peer &&
		    view->offers[i].offer->base == replica->base &&
		    view->offers[i].offer->generation == replica->generation)
			return &view->offers[i];
	return NULL;
}

static bool node_is_fresh(const struct share_view *view, uint32_t peer)
{
	size_t i;

	for (i = 0; i < view->n_offers; i++)
		if (view->offers[i].peer == peer)
			return view->offers[i].fresh;
	/* it offers nothing */
	return view->asked(peer, view->arg);
}

/* The content of an import, as far as somebody who has it says. */
static const struct offer *content(const struct share_view *view, const struct medes_base *base)
{
	const struct share_offer *found;
	size_t i;

	for (i = 0; i < base->n_replicas; i++) {
		found = offer_of(view, &base->replicas[i]);
		if (found)
			return found->offer;
	}
	return NULL;
}

static bool same(const struct offer *a, const struct offer *b)
{
	return a->digest == b->digest && a->pages == b->pages && !strcmp(a->domain, b->domain);
}

/* Do we have these pages ourselves? */
static bool have(const struct share_view *view, const struct offer *offer)
{
	const struct share_base *b;

	for (b = view->bases; b < view->bases + view->n_bases; b++)
		if (!b->base->n_replicas && b->digest == offer->digest &&
		    !strcmp(b->base->domain, offer->domain))
			return true;
	return false;
}

static bool has_replica(const struct medes_base *base, uint32_t peer)
{
	size_t i;

	for (i = 0; i < base->n_replicas; i++)
		if (base->replicas[i].peer == peer)
			return true;
	return false;
}

/* Is there another one to read from, that stays? */
static bool has_other(const struct share_view *view, const struct medes_base *base, size_t but)
{
	const struct share_offer *offer;
	size_t i;

	for (i = 0; i < base->n_replicas; i++) {
		if (i == but || base->replicas[i].state != MEDES_REPLICA_STATE_READY)
			continue;
		offer = offer_of(view, &base->replicas[i]);
		if (offer && !offer->draining)
			return true;
	}
	return false;
}

/* All of its replicas belong to nodes whose daemons we ask. */
static bool is_ours(const struct share_view *view, const struct medes_base *base)
{
	size_t i;

	for (i = 0; i < base->n_replicas; i++)
		if (!view->asked(base->replicas[i].peer, view->arg))
			return false;
	return base->n_replicas;
}

static size_t leave(const struct share_view *view, const struct medes_base *base, share_act act,
		    void *arg)
{
	struct share_action action = { .kind = SHARE_LEAVE, .base = base->id };
	const struct share_offer *offer;
	size_t i, left = base->n_replicas;
	bool refused, gone;

	for (i = 0; i < base->n_replicas && left > 1; i++) {
		offer = offer_of(view, &base->replicas[i]);
		refused = base->replicas[i].state == MEDES_REPLICA_STATE_REFUSED;
		gone = offer ? offer->draining : node_is_fresh(view, base->replicas[i].peer);
		if (!refused && !(gone && has_other(view, base, i)))
			continue;
		action.peer = base->replicas[i].peer;
		act(&action, arg);
		left--;
	}
	return left;
}

static void add(const struct share_view *view, const struct medes_base *base, size_t left,
		share_act act, void *arg)
{
	const struct offer *wanted = content(view, base);
	struct share_action action = { .kind = SHARE_ADD, .base = base->id, .n = 1 };
	const struct share_offer *o;

	for (o = view->offers; wanted && o < view->offers + view->n_offers; o++) {
		if (!o->fresh || (o->draining && !o->ours) || !same(o->offer, wanted) ||
		    (o->peer && has_replica(base, o->peer)))
			continue;
		/* records made when the pages were elsewhere may well be served from here */
		if (o->ours && !o->peer && base->users && !view->no_self) {
			action.kind = SHARE_SELF;
			act(&action, arg);
			action.kind = SHARE_ADD;
		}
		if (!o->peer || (o->ours && !base->users))
			continue;
		if (left++ >= MEDES_REPLICAS_MAX)
			return;
		action.offers[0] = o;
		act(&action, arg);
	}
}

/* Does it serve a new record, now or when a node is back? */
static bool has_future(const struct share_view *view, const struct medes_base *base)
{
	const struct share_offer *offer;
	size_t i;

	if (!view->wanted(base->domain, view->arg))
		return false;
	for (i = 0; i < base->n_replicas; i++) {
		if (base->replicas[i].state == MEDES_REPLICA_STATE_REFUSED)
			continue;
		offer = offer_of(view, &base->replicas[i]);
		if (offer && have(view, offer->offer))
			return false;
		if (offer ? !offer->draining && !offer->offer->retired :
			    !node_is_fresh(view, base->replicas[i].peer))
			return true;
	}
	return false;
}

/* Its only nodes go, and nobody takes it over whom we could read. */
static bool must_restore(const struct share_view *view, const struct medes_base *base)
{
	const struct share_offer *offer;
	bool asked = false;
	size_t i;

	for (i = 0; i < base->n_replicas; i++) {
		offer = offer_of(view, &base->replicas[i]);
		if (offer && !offer->draining)
			return false;
		asked |= offer && (offer->offer->restore ||
				   (view->no_self && have(view, offer->offer)));
	}
	return asked;
}

static void tend(const struct share_view *view, const struct share_base *b, share_act act, void *arg)
{
	struct share_action action = { .kind = SHARE_DROP, .base = b->base->id };
	size_t left;

	if (!is_ours(view, b->base) || b->keep)
		return;
	if (!b->base->users && !has_future(view, b->base)) {
		act(&action, arg);
		return;
	}
	if (b->base->users && must_restore(view, b->base)) {
		action.kind = SHARE_RESTORE;
		act(&action, arg);
	}
	left = leave(view, b->base, act, arg);
	add(view, b->base, left, act, arg);
}

static bool imported(const struct share_view *view, const struct offer *offer)
{
	const struct offer *has;
	size_t i;

	for (i = 0; i < view->n_bases; i++) {
		has = content(view, view->bases[i].base);
		if (has && same(has, offer))
			return true;
	}
	return false;
}

static bool is_good(const struct share_offer *o)
{
	return o->peer && o->fresh && !o->ours && !o->cordoned && !o->draining && !o->offer->retired;
}

static void import(const struct share_view *view, const struct share_offer *first, share_act act,
		   void *arg)
{
	struct share_action action = { .kind = SHARE_IMPORT };
	const struct share_offer *o;
	bool worth = !view->worth;

	if (!is_good(first) || !view->wanted(first->offer->domain, view->arg) ||
	    have(view, first->offer) || imported(view, first->offer))
		return;
	/* those before it were the first of their kind themselves */
	for (o = view->offers; o < first; o++)
		if (is_good(o) && same(o->offer, first->offer))
			return;
	for (; o < view->offers + view->n_offers && action.n < MEDES_REPLICAS_MAX; o++)
		if (is_good(o) && same(o->offer, first->offer)) {
			action.offers[action.n++] = o;
			worth = worth || view->worth(o, view->arg);
		}
	if (worth)
		act(&action, arg);
}

/**
 * share_plan() - decide
 * @view: how things are
 * @act: told what to do, one by one; what it does shows in the next view
 * @arg: for @act
 */
void share_plan(const struct share_view *view, share_act act, void *arg)
{
	size_t i;

	for (i = 0; i < view->n_bases; i++)
		if (view->bases[i].base->n_replicas)
			tend(view, &view->bases[i], act, arg);
	for (i = 0; i < view->n_offers; i++)
		import(view, &view->offers[i], act, arg);
}
