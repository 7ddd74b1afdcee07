// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forgetting a node: its leases end, nothing is read from it any more, its bases leave the
 * cluster's registry, and it is asked no more. All of that is looked at before any of it is done, since a record whose base is lost
 * is lost.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "engine.h"
#include "kernel.h"
#include "log.h"
#include "nodes.h"
#include "ops.h"
#include "share.h"

/* Can this import do without that peer? */
static bool survives(const struct medes_base *base, uint32_t peer)
{
	size_t i;

	for (i = 0; i < base->n_replicas; i++)
		if (base->replicas[i].peer != peer &&
		    base->replicas[i].state == MEDES_REPLICA_STATE_READY)
			return true;
	return !base->users;
}

static bool reads(const struct medes_base *base, uint32_t peer)
{
	size_t i;

	for (i = 0; i < base->n_replicas; i++)
		if (base->replicas[i].peer == peer)
			return true;
	return false;
}

static int leave(struct medes_nl *nl, const struct medes_base *base, uint32_t peer, bool force)
{
	/* the last replica goes with the base, if that has no use */
	if (base->n_replicas == 1 && !base->users)
		return medes_base_del(nl, base->id);
	return medes_replica_del(nl, base->id, peer, force);
}

static void end_leases(struct medes_nl *nl, const char *name)
{
	struct medes_leases list;
	uint64_t last = 0;
	size_t i;

	if (medes_lease_list(nl, &list))
		return;
	for (i = 0; i < list.n; i++) {
		if (strcmp(list.v[i].name, name) || list.v[i].node_id == last)
			continue;
		last = list.v[i].node_id;
		medes_lease_del(nl, last);
	}
	medes_leases_clear(&list);
}

static int leave_all(struct medes_nl *nl, const struct medes_bases *list, const struct node *node,
		     bool force, char *error, size_t size)
{
	size_t i;
	int err;

	for (i = 0; i < list->n && !force; i++) {
		if (!reads(&list->v[i], node->peer) || survives(&list->v[i], node->peer))
			continue;
		snprintf(error, size,
			 "%" PRIu64 " records refer to base %s, which is on node %s alone; first: medesctl node drain %s (or --force: they are lost)",
			 list->v[i].users, list->v[i].name, node->name, node->name);
		return -EBUSY;
	}
	for (i = 0; i < list->n; i++) {
		if (!reads(&list->v[i], node->peer))
			continue;
		err = leave(nl, &list->v[i], node->peer, force);
		if (err) {
			snprintf(error, size, "base %s: %s", list->v[i].name, nl->error);
			return err;
		}
	}
	return 0;
}

/**
 * nodes_forget() - know a node no more
 * @nodes: the nodes
 * @node: freed
 * @force: although records are lost with it
 * @error: receives why not
 * @size: of @error, bytes
 *
 * Return: 0, or a negative errno and the node is still known.
 */
int nodes_forget(struct nodes *nodes, struct node *node, bool force, char *error, size_t size)
{
	struct medes_nl *nl = kernel_nl(nodes->daemon->kernel);
	struct medes_bases list;
	int err = 0;

	if (nl && node->peer) {
		err = medes_base_list(nl, &list);
		if (err) {
			snprintf(error, size, "%s", nl->error);
			return err;
		}
		err = leave_all(nl, &list, node, force, error, size);
		medes_bases_clear(&list);
		if (!err)
			end_leases(nl, node->name);
		if (!err && medes_peer_del(nl, node->peer))
			log_warning("node %s stays a peer of the kernel: %s", node->name, nl->error);
	}
	if (err)
		return err;
	engine_forget_node(nodes->daemon->engine, node->name);
	log_notice("node %s is forgotten", node->name);
	nodes_remove(nodes, node);
	return nodes_save(nodes);
}
