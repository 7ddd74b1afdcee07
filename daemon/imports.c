// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With a registry that the nodes of a cluster share, look-ups find what bases of other nodes
 * have; so a base is imported when look-ups ask for it, and its pages need not be read from its node to
 * know what they are: on import nothing but its descriptor comes here.
 *
 * Bases of functions that are here are imported in any case. They are met sooner or later, and the
 * policy has to know of them before it demarcates another one.
 */
#include <stdlib.h>
#include "control.h"
#include "engine.h"
#include "function.h"
#include "imports.h"
#include "nodes.h"

/**
 * imports_found() - does the engine find what is in an import by itself
 * @d: the daemon
 * @base: any base
 *
 * Return: false also for one of a node that no daemon speaks for: nobody has entered that.
 */
bool imports_found(const struct daemon *d, const struct medes_base *base)
{
	size_t i;

	if (!engine_finds_imports(d->engine))
		return false;
	for (i = 0; i < base->n_replicas; i++)
		if (nodes_of_peer(d->nodes, base->replicas[i].peer))
			return true;
	return false;
}

static size_t add(struct nodes *nodes, const struct medes_base *base, struct engine_import *to)
{
	const struct node *node;
	size_t i, n = 0;

	for (i = 0; i < base->n_replicas; i++) {
		node = nodes_of_peer(nodes, base->replicas[i].peer);
		if (!node || base->replicas[i].state == MEDES_REPLICA_STATE_REFUSED)
			continue;
		to[n++] = (struct engine_import){
			.node = node->name, .id = base->replicas[i].base,
			.generation = base->replicas[i].generation, .import = base->id,
		};
	}
	return n;
}

/**
 * imports_tell() - tell the engine which bases of others new records may refer to
 * @d: the daemon
 * @list: the kernel's bases, as they are now
 */
void imports_tell(struct daemon *d, const struct medes_bases *list)
{
	struct engine_import *all;
	size_t i, n = 0;

	if (!engine_finds_imports(d->engine) || !nodes_on(d->nodes))
		return;
	all = calloc(list->n * MEDES_REPLICAS_MAX + 1, sizeof(*all));
	if (!all)		/* as it was, until the next time */
		return;
	for (i = 0; i < list->n; i++)
		if (list->v[i].n_replicas && !bases_retired(d->bases, list->v[i].id) &&
		    sharing_usable(d->nodes, &list->v[i]))
			n += add(d->nodes, &list->v[i], all + n);
	engine_imports(d->engine, all, n);
	free(all);
}

/**
 * imports_wanted() - should a base that another node offers be imported
 * @d: the daemon
 * @offer: of a domain that is here
 */
bool imports_wanted(const struct daemon *d, const struct share_offer *offer)
{
	const struct node *node = nodes_of_peer(d->nodes, offer->peer);
	struct engine_import what = {
		.id = offer->offer->base, .generation = offer->offer->generation,
	};

	if (*offer->offer->function &&
	    function_find(d->control, offer->offer->domain, offer->offer->function))
		return true;
	if (!node)
		return false;
	what.node = node->name;
	return engine_wants(d->engine, &what);
}
