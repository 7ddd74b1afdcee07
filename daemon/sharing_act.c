// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carries out what share_plan.c decides about the bases of other nodes. What fails is tried again in the
 * next round.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "engine.h"
#include "job.h"
#include "log.h"
#include "ops.h"
#include "own.h"
#include "share.h"
#include "sharing_round.h"

#define NAMES_MAX 9		/* imports of the same name from the same node */

/**
 * sharing_import() - make a base here of pages that are elsewhere
 * @nodes: the nodes
 * @nl: socket for requests
 * @first: says what it is
 * @replicas: who has it
 * @n: how many
 * @id: receives the base's id
 *
 * It is called NAME@NODE, so that whoever lists bases sees what it is.
 * Return: 0, or a negative errno and nl->error says why.
 */
int sharing_import(struct nodes *nodes, struct medes_nl *nl, const struct offer *first,
		   const struct medes_replica *replicas, size_t n, uint64_t *id)
{
	const struct node *node = nodes_of_peer(nodes, replicas[0].peer);
	char name[2 * MEDES_NAME_SIZE + 16], root[MEDES_NAME_SIZE];
	int err = -EEXIST, i;

	snprintf(root, sizeof(root), "%.*s", (int)strcspn(first->name, "@+"), first->name);
	for (i = 1; i <= NAMES_MAX && err == -EEXIST; i++) {
		if (i == 1)
			snprintf(name, sizeof(name), "%.40s@%s", root, node->name);
		else
			snprintf(name, sizeof(name), "%.38s@%.22s.%d", root, node->name, i);
		name[MEDES_NAME_MAX] = '\0';
		err = medes_base_import(nl, name, first->domain,
					*first->function ? first->function : NULL, replicas, n, id);
	}
	if (!err)
		log_info("base %s of node %s can be used here", first->name, node->name);
	return err;
}

static const struct medes_base *base_of(const struct round *round, uint64_t id)
{
	size_t i;

	for (i = 0; i < round->list.n; i++)
		if (round->list.v[i].id == id)
			return &round->list.v[i];
	return NULL;
}

static int import(struct round *round, const struct share_action *action)
{
	const struct offer *first = action->offers[0]->offer;
	struct medes_replica replicas[MEDES_REPLICAS_MAX];
	uint64_t id;
	size_t i;

	for (i = 0; i < action->n; i++)
		replicas[i] = (struct medes_replica){
			.peer = action->offers[i]->peer, .base = action->offers[i]->offer->base,
			.generation = action->offers[i]->offer->generation,
		};
	return sharing_import(round->nodes, round->nl, first, replicas, action->n, &id);
}

/* Whatever is deduplicated in the domain, since nobody knows which records are whose. */
static int restore(struct round *round, const char *domain)
{
	struct jobs *jobs = round->nodes->daemon->jobs;
	const struct medes_sandbox *s;
	size_t i;

	for (i = 0; i < round->sandboxes.n; i++) {
		s = &round->sandboxes.v[i];
		if (strcmp(s->domain, domain) || s->state != MEDES_SANDBOX_STATE_DEDUP ||
		    job_of_sandbox(jobs, s->id))
			continue;
		log_notice("sandbox %s is restored: a base that it needs goes away", s->name);
		job_new(jobs, JOB_RESTORE, s, NULL);
	}
	return 0;
}

/**
 * sharing_carry_out() - do what was decided
 * @action: it
 * @arg: the round
 */
void sharing_carry_out(const struct share_action *action, void *arg)
{
	static const char *const words[] = {
		[SHARE_IMPORT] = "import", [SHARE_ADD] = "replica", [SHARE_LEAVE] = "leave",
		[SHARE_RESTORE] = "restore", [SHARE_DROP] = "drop", [SHARE_SELF] = "self",
	};
	struct round *round = arg;
	struct nodes *nodes = round->nodes;
	const struct medes_base *base = base_of(round, action->base);
	struct medes_replica replica;
	int err = 0;

	switch (action->kind) {
	case SHARE_IMPORT:
		err = import(round, action);
		nodes->imports += !err;
		break;
	case SHARE_ADD:
		replica = (struct medes_replica){
			.peer = action->offers[0]->peer, .base = action->offers[0]->offer->base,
			.generation = action->offers[0]->offer->generation,
		};
		err = medes_replica_add(round->nl, action->base, &replica);
		if (!err)
			log_info("base %s has one replica more", base->name);
		break;
	case SHARE_LEAVE:
		err = medes_replica_del(round->nl, action->base, action->peer, false);
		nodes->leaves += !err;
		break;
	case SHARE_RESTORE:
		err = restore(round, base->domain);
		break;
	case SHARE_DROP:
		err = medes_base_del(round->nl, action->base);
		nodes->drops += !err;
		if (!err)
			engine_remove(nodes->daemon->engine, action->base);
		if (!err)
			log_info("base %s of another node is dropped: nothing here has a use for it",
				 base->name);
		break;
	case SHARE_SELF:
		own_peer_self(nodes, round->nl);
		break;
	}
	if (!err)
		return;
	nodes->failures++;
	log_debug("%s of base 0x%" PRIx64 ": %s", words[action->kind], action->base,
		  round->nl->error);
}
