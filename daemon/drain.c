// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Draining: this node is to go, and whatever depends on it shall not suffer.
 *
 * For each of our bases that other nodes read, one of them, or a third, is asked to copy
 * it. The readers see the copy among that node's offers, read from it too, and then leave us,
 * with which their leases end. When nobody takes a base, we say so in its offer, and the
 * readers restore what depends on it. Drained is who holds no lease any more.
 *
 * The node itself goes on as before; only nothing new is put on it. With a controller its
 * sandboxes are ended when others serve (spread.c), and it is drained when the last has gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "box.h"
#include "drain.h"
#include "log.h"
#include "obey.h"

#define PATIENCE_MS 10000

/* One base on its way. */
struct moving {
	UT_hash_handle hh;
	struct nodes *nodes;
	uint64_t base;			/* the key */
	char target[MEDES_NAME_SIZE];	/* empty: none chosen */
	char refused[CONFIG_NODES][MEDES_NAME_SIZE];
	size_t n_refused;
	struct ask *ask;
	bool gives_up;
	char error[NODE_ERROR];
};

static struct moving *find(const struct nodes *nodes, uint64_t base)
{
	struct moving *m;

	HASH_FIND(hh, nodes->moving, &base, sizeof(base), m);
	return m;
}

static bool has_refused(const struct moving *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_refused; i++)
		if (!strcmp(m->refused[i], name))
			return true;
	return false;
}

static bool stays(const struct node *node)
{
	return node->state == NODE_UP && !node->cordoned && !node->draining;
}

/* Does a node that stays have it already? */
static bool is_elsewhere(const struct nodes *nodes, const struct offer *offer)
{
	const struct node *node;
	size_t i;

	for (node = nodes->all; node; node = node->hh.next)
		for (i = 0; stays(node) && i < node->n_offers; i++)
			if (node->offers[i].digest == offer->digest &&
			    !strcmp(node->offers[i].domain, offer->domain))
				return true;
	return false;
}

/* The one with the fewest bases. */
static const struct node *choose(const struct nodes *nodes, const struct moving *m)
{
	const struct node *node, *best = NULL;

	for (node = nodes->all; node; node = node->hh.next)
		if (stays(node) && !has_refused(m, node->name) &&
		    (!best || node->n_offers < best->n_offers))
			best = node;
	return best;
}

static void refused(struct moving *m, const char *why)
{
	snprintf(m->error, sizeof(m->error), "node %s: %s", m->target, why);
	log_warning("base 0x%llx is not taken by %s", (unsigned long long)m->base, m->error);
	if (m->n_refused < CONFIG_NODES)
		strcpy(m->refused[m->n_refused++], m->target);
	m->target[0] = '\0';
}

static void on_answer(int status, json_t *answer, const char *error, void *arg)
{
	struct moving *m = arg;
	const char *state = json_string_value(json_object_get(answer, "state"));
	const char *why = json_string_value(json_object_get(answer, "why"));

	m->ask = NULL;
	if (status != 200 && status != 202)
		refused(m, *error ? error : "no answer of use");
	else if (state && !strcmp(state, "failed"))
		refused(m, why ? why : "it failed");
	/* done shows when that node offers it */
}

static void move(struct nodes *nodes, const struct offer *offer)
{
	struct moving *m = find(nodes, offer->base);
	const struct node *target;
	json_t *body;

	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return;
		m->nodes = nodes;
		m->base = offer->base;
		HASH_ADD(hh, nodes->moving, base, sizeof(m->base), m);
	}
	if (m->ask)
		return;
	target = m->target[0] ? nodes_find(nodes, m->target) : NULL;
	if (!target || !stays(target))
		target = choose(nodes, m);
	m->gives_up = !target;
	if (!target)
		return;
	strcpy(m->target, target->name);
	body = json_pack("{s:o}", "bases", offers_json(offer, 1));
	m->ask = ask_node(nodes->daemon, target, EVHTTP_REQ_POST, "/v1/cluster/replicate", body,
			  PATIENCE_MS, on_answer, m);
}

/**
 * drain_step() - go on, if this node is drained
 * @nodes: the nodes
 */
void drain_step(struct nodes *nodes)
{
	size_t i;

	for (i = 0; nodes->draining && i < nodes->n_offers; i++)
		if (nodes->offers[i].leases && !is_elsewhere(nodes, &nodes->offers[i]))
			move(nodes, &nodes->offers[i]);
}

/* Nobody takes it: who reads it has to do without. */
bool drain_gives_up(const struct nodes *nodes, uint64_t base)
{
	const struct moving *m = nodes->draining ? find(nodes, base) : NULL;

	return m && m->gives_up;
}

void drain_begin(struct nodes *nodes)
{
	if (nodes->draining)
		return;
	log_notice("this node is being drained");
	nodes->draining = true;
	nodes->cordoned = true;
	nodes->version++;
	nodes_save(nodes);
	exchange_soon(nodes);
}

void drain_free(struct nodes *nodes)
{
	struct moving *m, *next;

	HASH_ITER(hh, nodes->moving, m, next) {
		ask_cancel(m->ask);
		HASH_DEL(nodes->moving, m);
		free(m);
	}
}

void drain_end(struct nodes *nodes)
{
	drain_free(nodes);
	nodes->draining = false;
}

/* Those that the controller is going to end. */
static unsigned int to_be_ended(const struct daemon *d)
{
	const struct box *box;
	unsigned int n = 0;

	if (!d->steer || !obey_controller(d->obey))
		return 0;
	for (box = d->control->boxes; box; box = box->hh.next)
		n += !box->adopted;
	return n;
}

/**
 * drain_json() - how far it is
 * @nodes: the nodes
 */
json_t *drain_json(const struct nodes *nodes)
{
	unsigned int leased = 0, restoring = 0, boxes = to_be_ended(nodes->daemon);
	const char *error = "";
	const struct moving *m;
	size_t i;

	for (i = 0; i < nodes->n_offers; i++) {
		if (!nodes->offers[i].leases)
			continue;
		leased++;
		m = find(nodes, nodes->offers[i].base);
		restoring += m && m->gives_up;
		if (m && m->error[0])
			error = m->error;
	}
	return json_pack("{s:s,s:s,s:i,s:i,s:i,s:s}", "node", nodes->daemon->config.node, "state",
			 !nodes->draining ? nodes->cordoned ? "cordoned" : "serving" :
			 leased || boxes ? "draining" : "drained", "sandboxes", boxes,
			 "bases_leased", leased, "bases_restored", restoring, "why", error);
}
