// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What this node offers: the bases whose pages are here, exported as soon as they are whole and
 * the registry knows what is in them. And the kernel's peers: one for each node.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bases.h"
#include "drain.h"
#include "job.h"
#include "log.h"
#include "ops.h"
#include "own.h"
#include "registry.h"
#include "replicate.h"
#include "share.h"

static bool is_known(const struct daemon *d, const struct medes_base *base)
{
	uint32_t pages, next;

	return registry_has(d->registry, base->id, &pages, &next) && pages == base->pages;
}

static bool is_filled(const struct daemon *d, const struct medes_base *base)
{
	return !base->pages || jobs_fill(d->jobs, base->id) ||
	       replications_fill(d->nodes->replications, base->id);
}

static bool is_busy_elsewhere(int err)
{
	return err == -EBUSY || err == -ENOENT;
}

static void export(const struct daemon *d, struct medes_nl *nl, struct medes_base *base)
{
	int err;

	if (base->generation || !d->config.share || bases_retired(d->bases, base->id))
		return;
	err = medes_base_export(nl, base->id, &base->generation);
	if (!err) {
		log_info("base %s is there for other nodes", base->name);
		bases_exported(d->bases, base);
	} else if (!is_busy_elsewhere(err)) {
		log_warning("base %s cannot be exported: %s", base->name, nl->error);
	}
}

static bool changed(const struct nodes *nodes, const struct offer *offers, size_t n)
{
	return n != nodes->n_offers || (n && memcmp(offers, nodes->offers, n * sizeof(*offers)));
}

/**
 * own_offers() - bring what we offer up to date
 * @nodes: the nodes
 * @nl: socket for requests
 * @list: the kernel's bases; those that are exported now get their generation
 *
 * Return: false when a base is there that the registry does not know yet.
 */
bool own_offers(struct nodes *nodes, struct medes_nl *nl, struct medes_bases *list)
{
	struct offer *offers = calloc(list->n + 1, sizeof(*offers)), *o = offers;
	struct daemon *d = nodes->daemon;
	const struct medes_base *base;
	const struct offer *before;
	bool known = true;
	size_t i;

	if (!offers)
		return true;
	for (i = 0; i < list->n; i++) {
		base = &list->v[i];
		if (base->n_replicas || is_filled(d, base))
			continue;
		/* a retired one has left the registry, but is offered as long as it is read */
		before = offers_find(nodes->offers, nodes->n_offers, base->id, base->generation);
		if (!is_known(d, base) && !before) {
			known &= bases_retired(d->bases, base->id);
			continue;
		}
		export(d, nl, &list->v[i]);
		if (!base->generation)
			continue;
		/* zeroed by calloc() to the last byte: compared as a whole */
		o->base = base->id;
		o->generation = base->generation;
		o->digest = before ? before->digest : registry_digest(d->registry, base->id);
		o->pages = base->pages;
		o->leases = base->leases;
		o->retired = bases_retired(d->bases, base->id);
		o->restore = drain_gives_up(nodes, base->id);
		strcpy(o->name, base->name);
		strcpy(o->domain, base->domain);
		strcpy(o->function, base->function);
		o++;
	}
	if (changed(nodes, offers, o - offers))
		nodes->version++;
	free(nodes->offers);
	nodes->offers = offers;
	nodes->n_offers = o - offers;
	return known;
}

static size_t parse(const char *text, uint8_t address[16])
{
	if (inet_pton(AF_INET, text, address) == 1)
		return 4;
	return inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
}

static const struct medes_peer *find(const struct medes_peers *list, const uint8_t *address,
				     size_t len, unsigned int port)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].address_len == len && !memcmp(list->v[i].address, address, len) &&
		    list->v[i].port == port)
			return &list->v[i];
	return NULL;
}

static void tend(struct node *node, struct medes_nl *nl, const struct medes_peers *list)
{
	const struct medes_peer *peer;
	struct medes_peer made;
	uint8_t address[16];
	size_t len = parse(node->address, address);
	int err = 0;

	peer = find(list, address, len, node->rdma_port);
	if (!peer) {
		err = len ? medes_peer_new(nl, address, len, node->rdma_port, &made) : -EINVAL;
		peer = err ? NULL : &made;
	}
	/* told once, not every round */
	if (err && node->peer_state != (uint32_t)err)
		log_warning("node %s cannot be a peer of the kernel: %s", node->name,
			    len ? nl->error : "its address makes no sense");
	node->peer = peer ? peer->id : 0;
	node->peer_state = peer ? peer->state : (uint32_t)err;
	node->connects = peer ? peer->connects : 0;
	node->reads = peer ? peer->reads : 0;
	node->pages = peer ? peer->pages : 0;
	node->read_failures = peer ? peer->failures : 0;
}

/**
 * own_peers() - have the kernel know every node, and learn how it gets on with each
 * @nodes: the nodes
 * @nl: socket for requests
 */
void own_peers(struct nodes *nodes, struct medes_nl *nl)
{
	struct medes_peers list;
	struct node *node;

	if (medes_peer_list(nl, &list))
		return;
	for (node = nodes->all; node; node = node->hh.next)
		tend(node, nl, &list);
	medes_peers_clear(&list);
}

/* What the configuration says of this node itself. */
static const struct config_node *self_of(const struct config *config)
{
	const struct config_node *self;

	for (self = config->nodes; self < config->nodes + config->n_nodes; self++)
		if (!strcmp(self->name, config->node))
			return self;
	return NULL;
}

/* Can this node be a peer of itself? */
bool own_has_self(const struct nodes *nodes)
{
	return self_of(&nodes->daemon->config);
}

/**
 * own_peer_self() - have the kernel read from this node like from another
 * @nodes: the nodes; nodes->peer is set when that can be
 * @nl: socket for requests
 *
 * Records refer to a base by its number here; an import whose pages have come here, too, is still
 * another base than the copy. With this node as a replica, it does without the others.
 */
void own_peer_self(struct nodes *nodes, struct medes_nl *nl)
{
	const struct config *config = &nodes->daemon->config;
	const struct config_node *self = self_of(config);
	const struct medes_peer *known;
	struct medes_peers list;
	struct medes_peer peer;
	uint8_t address[16];
	unsigned int port;
	size_t len;

	if (nodes->peer || !self)
		return;
	len = parse(self->address, address);
	port = self->rdma_port ? self->rdma_port : config->cluster_port;
	if (medes_peer_list(nl, &list))
		return;
	known = find(&list, address, len, port);
	if (known)
		nodes->peer = known->id;
	else if (!medes_peer_new(nl, address, len, port, &peer))
		nodes->peer = peer.id;
	else
		log_warning("this node cannot be a peer of itself: %s", nl->error);
	medes_peers_clear(&list);
}
