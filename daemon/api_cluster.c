// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/cluster: what nodes ask each other, each known by its certificate. Commands can be
 * repeated: they say how things shall be.
 */
#include <stdlib.h>
#include <string.h>
#include "api.h"
#include "drain.h"
#include "log.h"
#include "nodes.h"
#include "replicate.h"

static void tell(struct request *r)
{
	char known[24];

	http_reply(r, HTTP_OK, exchange_tell(r->daemon->nodes,
					     http_query(r, "version", known, sizeof(known))));
}

static void replicate(struct request *r)
{
	struct nodes *nodes = r->daemon->nodes;
	json_t *bases = NULL;
	const struct api_key keys[] = { { "bases", JSON_ARRAY, .array = &bases } };
	struct replication *one;
	struct offer *offers;
	char error[200];
	size_t n;

	if (!api_body(r, keys, ARRAY_SIZE(keys)))
		return;
	if (nodes->cordoned || nodes->draining) {
		http_refuse(r, 409, "node %s is %s: nothing new is put on it",
			    r->daemon->config.node, nodes->draining ? "drained" : "cordoned");
		return;
	}
	if (offers_parse(bases, &offers, &n, error, sizeof(error)) || n != 1) {
		http_refuse(r, 422, "%s", n ? "want one base" : error);
		free(offers);
		return;
	}
	one = replication_begin(nodes->replications, offers);
	free(offers);
	http_reply(r, one ? 202 : HTTP_SERVUNAVAIL, one ? replication_tell(one) : NULL);
}

static void cordon(struct request *r)
{
	bool cordoned = true;
	const struct api_key keys[] = { { "cordoned", JSON_TRUE, .boolean = &cordoned } };

	if (!api_body(r, keys, ARRAY_SIZE(keys)))
		return;
	log_info("node %s asks to %scordon", r->node, cordoned ? "" : "un");
	nodes_cordon(r->daemon->nodes, cordoned);
	http_reply(r, HTTP_OK, drain_json(r->daemon->nodes));
}

static void drain(struct request *r)
{
	drain_begin(r->daemon->nodes);
	http_reply(r, HTTP_OK, drain_json(r->daemon->nodes));
}

const struct route api_cluster_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/cluster", tell, ROUTE_NODE },
	{ EVHTTP_REQ_POST, "/v1/cluster/replicate", replicate, ROUTE_NODE },
	{ EVHTTP_REQ_POST, "/v1/cluster/cordon", cordon, ROUTE_NODE },
	{ EVHTTP_REQ_POST, "/v1/cluster/drain", drain, ROUTE_NODE },
	{ 0, NULL, NULL, 0 },
};
