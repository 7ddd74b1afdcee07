// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Daemons tell each other which bases they have. Every node asks every other one, again and again;
 * nobody is told anything unasked, so a node that was away needs no special care, and the
 * answer of the owner is the truth. An answer names its version; as long as that is the asker's,
 * it says nothing else.
 *
 * All of it is hints. What a reader makes of an offer, the kernels agree on: the base's
 * generation, and every page's checksum.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "clock.h"
#include "drain.h"
#include "json.h"
#include "log.h"
#include "nodes.h"
#include "text.h"

/* A node may be busy; one whose daemon has ended says so at once. */
#define PATIENCE_MS 5000

/**
 * exchange_tell() - what we are, for another node
 * @nodes: the nodes
 * @known: the version that it knows, or NULL
 */
json_t *exchange_tell(struct nodes *nodes, const char *known)
{
	const struct daemon *d = nodes->daemon;
	char version[24];

	snprintf(version, sizeof(version), "%016" PRIx64, nodes->version);
	if (known && !strcmp(known, version))
		return json_pack("{s:s,s:s,s:b}", "node", d->config.node, "version", version, "same", 1);
	return json_pack("{s:s,s:s,s:b,s:b,s:b,s:o,s:i}", "node", d->config.node, "version", version,
			 "same", 0, "cordoned", nodes->cordoned, "draining", nodes->draining,
			 "bases", offers_json(nodes->offers, nodes->n_offers),
			 "protocol", d->config.protocol);
}

/* 0, or -1 with the reason in node->error and nothing changed */
static int take(struct node *node, const json_t *answer)
{
	struct offer *offers;
	const char *version;
	int cordoned, draining, protocol = 1;
	size_t n;

	version = json_string_value(json_object_get(answer, "version"));
	if (!version || strlen(version) >= sizeof(node->version)) {
		strcpy(node->error, "its answer has no version");
		return -1;
	}
	if (json_is_true(json_object_get(answer, "same"))) {
		if (!strcmp(version, node->version))
			return 0;
		strcpy(node->error, "it says that nothing changed, but it has not told anything yet");
		return -1;
	}
	/* the first protocol did not say that there would be others */
	if (json_unpack((json_t *)answer, "{s:b,s:b,s?i}", "cordoned", &cordoned, "draining",
			&draining, "protocol", &protocol)) {
		strcpy(node->error, "its answer does not say whether it is cordoned or drained");
		return -1;
	}
	if (offers_parse(json_object_get(answer, "bases"), &offers, &n, node->error,
			 sizeof(node->error)))
		return -1;
	free(node->offers);
	node->offers = offers;
	node->n_offers = n;
	node->cordoned = cordoned;
	node->draining = draining;
	node->protocol = protocol > 0 ? protocol : 1;
	strcpy(node->version, version);
	return 0;
}

static void set_state(struct node *node, enum node_state state)
{
	if (state != node->state && state == NODE_UP)
		log_notice("node %s is there", node->name);
	else if (state != node->state)
		log_warning("node %s is away: %s", node->name, node->error);
	node->state = state;
}

static void on_answer(int status, json_t *answer, const char *error, void *arg)
{
	struct node *node = arg;
	struct nodes *nodes = node->nodes;

	node->ask = NULL;
	node->error[0] = '\0';
	if (status != HTTP_OK)
		snprintf(node->error, sizeof(node->error), "%s", *error ? error : "no answer of use");
	else if (!take(node, answer))
		node->heard = clock_now(nodes->daemon->clock);
	if (node->error[0])
		node->failed++;
	set_state(node, node->error[0] ? NODE_AWAY : NODE_UP);
	sharing_soon(nodes);
}

static void ask(struct nodes *nodes, struct node *node)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/cluster?version=%s", node->version);
	node->asked++;
	node->ask = ask_node(nodes->daemon, node, EVHTTP_REQ_GET, path, NULL, PATIENCE_MS, on_answer,
			     node);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct nodes *nodes = arg;
	struct node *node;

	(void)fd, (void)what;
	nodes->learning = false;
	sharing_soon(nodes);
	drain_step(nodes);
	for (node = nodes->all; node; node = node->hh.next)
		if (!node->ask)
			ask(nodes, node);
}

/**
 * exchange_start() - ask the other nodes from now on
 * @nodes: the nodes
 */
int exchange_start(struct nodes *nodes)
{
	const unsigned int ms = nodes->daemon->config.cluster_interval;
	const struct timeval interval = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	nodes->tick = event_new(nodes->daemon->events, -1, EV_PERSIST, on_tick, nodes);
	if (!nodes->tick || event_add(nodes->tick, &interval))
		return -1;
	exchange_soon(nodes);
	return 0;
}

/* Something has changed: ask, and look what follows, at once. */
void exchange_soon(struct nodes *nodes)
{
	if (nodes->tick)
		event_active(nodes->tick, EV_TIMEOUT, 0);
}
