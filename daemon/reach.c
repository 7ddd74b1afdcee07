// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections by TLS to the ports of other nodes' daemons, which requests of clients use one
 * after the other: a handshake for each would cost more than most requests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>
#include "nodes.h"
#include "reach.h"
#include "tls.h"

struct far {
	UT_hash_handle hh;
	char name[MEDES_NAME_SIZE];
	struct reach *reach;
	struct lines *lines;
};

struct reach {
	struct daemon *daemon;
	struct far *all;		/* every node that there ever was: a few */
};

struct reach *reach_new(struct daemon *d)
{
	struct reach *reach = calloc(1, sizeof(*reach));

	if (reach)
		reach->daemon = d;
	return reach;
}

void reach_free(struct reach *reach)
{
	struct far *far, *next;

	if (!reach)
		return;
	HASH_ITER(hh, reach->all, far, next) {
		HASH_DEL(reach->all, far);
		lines_free(far->lines);
		free(far);
	}
	free(reach);
}

static struct bufferevent *make(struct event_base *events, void *arg)
{
	const struct far *far = arg;

	return tls_connect(far->reach->daemon->tls, events, far->name);
}

static const struct lines_kind kind = { .make = make, .proved = tls_proved };

/**
 * reach_lines() - to a node
 * @reach: the connections
 * @node: its name
 *
 * Return: NULL: it is not known, or there is no memory.
 */
struct lines *reach_lines(struct reach *reach, const char *node)
{
	const struct config *config = &reach->daemon->config;
	const struct node *known = nodes_find(reach->daemon->nodes, node);
	struct far *far;

	HASH_FIND_STR(reach->all, node, far);
	if (!known)
		return NULL;
	if (far) {
		lines_move(far->lines, known->address, known->port);
		return far->lines;
	}
	far = calloc(1, sizeof(*far));
	if (!far)
		return NULL;
	far->reach = reach;
	snprintf(far->name, sizeof(far->name), "%s", node);
	far->lines = lines_new_far(reach->daemon->events, known->address, known->port,
				   config->invoke_answer, &kind, far);
	if (!far->lines) {
		free(far);
		return NULL;
	}
	HASH_ADD_STR(reach->all, name, far);
	return far->lines;
}
