// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How the controller's commands reach the nodes: HTTP by TLS, like all that daemons ask each other.
 */
#include "ask.h"
#include "front.h"
#include "nodes.h"
#include "transport.h"

static void *ask(void *arg, const char *name, json_t *body, unsigned int timeout_ms,
		 steer_answer fn, void *fn_arg)
{
	struct daemon *d = arg;
	const struct node *node = nodes_find(d->nodes, name);

	if (node)
		return ask_node(d, node, EVHTTP_REQ_POST, "/v1/cluster/obey", body, timeout_ms, fn,
				fn_arg);
	json_decref(body);
	return NULL;
}

static void cancel(void *question)
{
	ask_cancel(question);
}

static void lost(void *arg, const char *node)
{
	struct daemon *d = arg;

	fronts_lost(d->fronts, node);
}

/* For steer_new(); one daemon a process. */
const struct steer_transport *transport(struct daemon *d)
{
	static struct steer_transport real = { .ask = ask, .cancel = cancel, .lost = lost };

	real.arg = d;
	return &real;
}
