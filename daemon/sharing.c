// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When share_plan.c is asked about the bases of other nodes, and what it is told; sharing_act.c
 * carries out what it decides.
 *
 * A round lists what the kernel has, offers what is new, and compares with what the others
 * offer. It begins when a node has answered, when a peer came or went, and with every
 * interval; several reasons at once make one round. What fails is tried again in the next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control.h"
#include "function.h"
#include "imports.h"
#include "kernel.h"
#include "log.h"
#include "nodes.h"
#include "ops.h"
#include "own.h"
#include "registry.h"
#include "replicate.h"
#include "share.h"
#include "sharing_round.h"

#define SOON_US 20000

static bool wanted(const char *domain, void *arg)
{
	const struct round *round = arg;
	const struct function *f;
	size_t i;

	if (round->nodes->draining)
		return false;
	for (f = round->nodes->daemon->control->functions; f; f = f->hh.next)
		if (!f->deleted && !strcmp(f->domain, domain))
			return true;
	for (i = 0; i < round->sandboxes.n; i++)
		if (!strcmp(round->sandboxes.v[i].domain, domain))
			return true;
	return false;
}

static bool worth(const struct share_offer *offer, void *arg)
{
	const struct round *round = arg;

	return imports_wanted(round->nodes->daemon, offer);
}

static bool asked(uint32_t peer, void *arg)
{
	const struct round *round = arg;

	return nodes_of_peer(round->nodes, peer) || (peer && peer == round->nodes->peer);
}

static int collect_offers(struct round *round)
{
	struct nodes *nodes = round->nodes;
	struct share_offer *to;
	struct node *node;
	size_t i, n = nodes->n_offers;

	for (node = nodes->all; node; node = node->hh.next)
		n += node->n_offers;
	to = calloc(n + 1, sizeof(*to));
	if (!to)
		return -ENOMEM;
	round->offers = to;
	for (i = 0; i < nodes->n_offers; i++)
		*to++ = (struct share_offer){
			.offer = &nodes->offers[i], .peer = nodes->peer, .ours = true, .fresh = true,
			.draining = nodes->draining,
		};
	for (node = nodes->all; node; node = node->hh.next)
		for (i = 0; i < node->n_offers; i++)
			*to++ = (struct share_offer){
				.offer = &node->offers[i], .peer = node->peer,
				.fresh = node->state == NODE_UP, .cordoned = node->cordoned,
				.draining = node->draining,
			};
	round->n_offers = to - round->offers;
	return 0;
}

static int collect_bases(struct round *round)
{
	struct daemon *d = round->nodes->daemon;
	size_t i;

	round->bases = calloc(round->list.n + 1, sizeof(*round->bases));
	if (!round->bases)
		return -ENOMEM;
	for (i = 0; i < round->list.n; i++)
		round->bases[i] = (struct share_base){
			.base = &round->list.v[i],
			.digest = round->list.v[i].n_replicas ? 0 :
				  registry_digest(d->registry, round->list.v[i].id),
			.keep = replications_read(round->nodes->replications, round->list.v[i].id),
		};
	return 0;
}

/* Pages of others that much depends on come here. */
static void promote(struct round *round)
{
	const struct config *config = &round->nodes->daemon->config;
	const struct medes_base *base;
	const struct offer *offer;
	size_t i, k;

	for (i = 0; config->promote && i < round->list.n; i++) {
		base = &round->list.v[i];
		if (!base->n_replicas || base->users < config->promote)
			continue;
		for (k = 0; k < round->n_offers; k++) {
			offer = round->offers[k].offer;
			if (round->offers[k].peer == base->replicas[0].peer &&
			    offer->base == base->replicas[0].base && !round->offers[k].ours)
				replication_begin(round->nodes->replications, offer);
		}
	}
}

static void plan(struct round *round)
{
	struct share_view view = {
		.n_bases = round->list.n, .wanted = wanted, .worth = worth, .asked = asked,
		.arg = round,
	};

	if (collect_bases(round) || collect_offers(round))
		return;
	view.bases = round->bases;
	view.offers = round->offers;
	view.n_offers = round->n_offers;
	view.no_self = !own_has_self(round->nodes);
	share_plan(&view, sharing_carry_out, round);
	promote(round);
}

/* Once: when that was not enough, the next interval is soon enough. */
static void learn(struct nodes *nodes)
{
	nodes->learning = true;
	bases_sync(nodes->daemon->bases, &nodes->learned);
}

static void on_round(evutil_socket_t fd, short what, void *arg)
{
	struct nodes *nodes = arg;
	struct round round = { .nodes = nodes, .nl = kernel_nl(nodes->daemon->kernel) };
	const uint64_t before = nodes->imports;

	(void)fd, (void)what;
	if (!round.nl || medes_base_list(round.nl, &round.list))
		return;
	own_peers(nodes, round.nl);
	imports_tell(nodes->daemon, &round.list);
	if (own_offers(nodes, round.nl, &round.list))
		nodes->learning = false;
	else if (!nodes->learning)
		learn(nodes);
	if (!medes_sandbox_list(round.nl, &round.sandboxes))
		plan(&round);
	medes_sandboxes_clear(&round.sandboxes);
	medes_bases_clear(&round.list);
	free(round.bases);
	free(round.offers);
	/* what was imported now is at hand as soon as its descriptor has come */
	if (nodes->imports != before)
		sharing_soon(nodes);
}

static void on_learned(int err, const char *error, void *arg)
{
	if (err)
		log_debug("bases: %s", error);
	else
		sharing_soon(arg);
}

int sharing_start(struct nodes *nodes)
{
	nodes->learned.fn = on_learned;
	nodes->learned.arg = nodes;
	nodes->round = evtimer_new(nodes->daemon->events, on_round, nodes);
	return nodes->round ? 0 : -1;
}

/* A round, from the loop. */
void sharing_soon(struct nodes *nodes)
{
	const struct timeval soon = { .tv_usec = SOON_US };

	if (nodes && nodes->round && !event_pending(nodes->round, EV_TIMEOUT, NULL))
		event_add(nodes->round, &soon);
}

/* The module has gone, and with it its peers and bases. */
void sharing_down(struct nodes *nodes)
{
	struct node *node;

	if (!nodes)
		return;
	nodes->peer = 0;
	nodes->version += nodes->n_offers;
	nodes->n_offers = 0;
	for (node = nodes->all; node; node = node->hh.next)
		node->peer = 0;
}
