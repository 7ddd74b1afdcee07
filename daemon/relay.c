// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that another node answers.
 */
#include <stdlib.h>
#include "api.h"
#include "ask.h"
#include "nodes.h"

#define PATIENCE_MS 20000

struct relay {
	struct request *r;
	struct ask *ask;
};

static void on_answer(int status, json_t *answer, const char *error, void *arg)
{
	struct relay *relay = arg;
	struct request *r = relay->r;

	free(relay);
	if (status && answer)
		http_reply(r, status, json_incref(answer));
	else
		http_refuse(r, 502, "%s", error);
}

static void on_gone(struct request *r)
{
	struct relay *relay = r->private;

	ask_cancel(relay->ask);
	free(relay);
	http_reply(r, HTTP_OK, NULL);
}

/**
 * api_relay() - have another node answer
 * @r: the request, answered and freed, maybe later
 * @node: the other one
 * @path: there, for POST
 * @body: to be sent, whose reference is taken
 */
void api_relay(struct request *r, const struct node *node, const char *path, json_t *body)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (!relay) {
		json_decref(body);
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory to ask another node");
		return;
	}
	relay->r = r;
	r->private = relay;
	relay->ask = ask_node(r->daemon, node, EVHTTP_REQ_POST, path, body, PATIENCE_MS, on_answer,
			      relay);
	if (!relay->ask) {
		free(relay);
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "no memory to ask another node");
		return;
	}
	r->gone = on_gone;
}
