// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Placement: a warm sandbox wherever it is; else a deduplicated one where it is; else a new one
 * where memory and a base are; else the request waits where the queue is shortest.
 *
 * Of warm ones, that of the node that serves most is taken, so that the others become idle for
 * long and the policy sees that they are too many. Cold starts go where fewest are on their
 * way: what a node was sent a moment ago is not in its report yet, but it is among the requests
 * in flight. A node that is drained serves only what nobody else can serve at once.
 *
 * No state, no clock: tests can ask it anything.
 */
#include "place.h"

/* Requests there that the warm ones do not take. */
static unsigned int excess(const struct place_node *n)
{
	unsigned int takes = n->warm * n->concurrency;

	return n->flying > takes ? n->flying - takes : 0;
}

static bool has_warm(const struct place_node *n)
{
	return n->flying < n->warm * n->concurrency;
}

static bool has_asleep(const struct place_node *n)
{
	return n->restores > (int)excess(n) && excess(n) < n->asleep;
}

/* New ones that its requests need, begun or not. */
static unsigned int coming(const struct place_node *n)
{
	unsigned int need = excess(n) > n->asleep ? excess(n) - n->asleep : 0;

	need = (need + n->concurrency - 1) / n->concurrency;
	return need > n->starting ? need : n->starting;
}

static bool has_room(const struct place_node *n)
{
	unsigned int unseen = coming(n) - n->starting;

	return !n->cordoned && !n->draining && !n->starts_fail && n->starts > (int)unseen &&
	       n->room >= n->each * (unseen + 1);
}

static bool better_start(const struct place_node *a, const struct place_node *b)
{
	if (a->base != b->base)
		return a->base;
	if (coming(a) != coming(b))
		return coming(a) < coming(b);
	return a->room > b->room;
}

/* Requests that wait, a sandbox. */
static double crowd(const struct place_node *n)
{
	return (excess(n) + 1.0) / (n->warm + n->asleep + n->starting + 0.5);
}

static int most_used(const struct place_node *nodes, size_t n, bool draining,
		     bool (*can)(const struct place_node *node))
{
	int best = -1;
	size_t i;

	for (i = 0; i < n; i++)
		if (nodes[i].draining == draining && can(&nodes[i]) &&
		    (best < 0 || nodes[i].flying > nodes[best].flying))
			best = i;
	return best;
}

static int most_room(const struct place_node *nodes, size_t n)
{
	int best = -1;
	size_t i;

	for (i = 0; i < n; i++)
		if (has_asleep(&nodes[i]) && !nodes[i].draining &&
		    (best < 0 || nodes[i].room > nodes[best].room))
			best = i;
	return best;
}

/**
 * place_start() - where one more sandbox starts
 * @nodes: the nodes
 * @n: how many
 *
 * Return: its index, or -1: nowhere is room.
 */
int place_start(const struct place_node *nodes, size_t n)
{
	int best = -1;
	size_t i;

	for (i = 0; i < n; i++)
		if (has_room(&nodes[i]) && (best < 0 || better_start(&nodes[i], &nodes[best])))
			best = i;
	return best;
}

static int least_crowded(const struct place_node *nodes, size_t n)
{
	int best = -1;
	size_t i;

	for (i = 0; i < n; i++) {
		if (best >= 0 && nodes[i].draining && !nodes[best].draining)
			continue;
		if (best < 0 || (nodes[best].draining && !nodes[i].draining) ||
		    crowd(&nodes[i]) < crowd(&nodes[best]))
			best = i;
	}
	return best;
}

/**
 * place_choose() - where a request goes
 * @nodes: those that can be reached
 * @n: how many
 * @kind: receives what is expected there
 *
 * Return: the node's index, or -1 when there is none.
 */
int place_choose(const struct place_node *nodes, size_t n, enum place_kind *kind)
{
	int found;

	*kind = PLACE_WARM;
	found = most_used(nodes, n, false, has_warm);
	if (found >= 0)
		return found;
	*kind = PLACE_DEDUP;
	found = most_room(nodes, n);
	if (found >= 0)
		return found;
	*kind = PLACE_COLD;
	found = place_start(nodes, n);
	if (found >= 0)
		return found;
	*kind = PLACE_WARM;
	found = most_used(nodes, n, true, has_warm);
	if (found >= 0)
		return found;
	*kind = PLACE_DEDUP;
	found = most_used(nodes, n, true, has_asleep);
	if (found >= 0)
		return found;
	*kind = PLACE_WAIT;
	return least_crowded(nodes, n);
}
