// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which bases new records may refer to. Of imported ones, those whose node is there, as its
 * daemon and the kernel say, and is to stay. What records refer to already does not ask:
 * the kernel reads it as long as anybody has it.
 */
#include "nodes.h"
#include "share.h"

/* Has this node the very same pages itself? */
static bool is_superseded(struct nodes *nodes, const struct offer *offer)
{
	size_t i;

	for (i = 0; i < nodes->n_offers; i++)
		if (nodes->offers[i].digest == offer->digest)
			return true;
	return false;
}

bool sharing_usable(struct nodes *nodes, const struct medes_base *base)
{
	const struct medes_replica *replica;
	const struct offer *offer;
	bool usable = !base->n_replicas;
	const struct node *node;
	size_t i;

	if (!nodes_on(nodes))
		return true;
	for (i = 0; i < base->n_replicas; i++) {
		replica = &base->replicas[i];
		node = nodes_of_peer(nodes, replica->peer);
		offer = node ? offers_find(node->offers, node->n_offers, replica->base,
					   replica->generation) : NULL;
		if (offer && is_superseded(nodes, offer))
			return false;
		/* whom no daemon speaks for is the administrator's business */
		if (replica->state == MEDES_REPLICA_STATE_READY &&
		    (!node || (node->state == NODE_UP && node->peer_state == MEDES_PEER_STATE_UP &&
			       !node->cordoned && !node->draining && offer && !offer->retired)))
			usable = true;
	}
	return usable;
}
