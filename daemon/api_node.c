// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /v1/nodes: the cluster as this node knows it, and what can be done with its nodes. What
 * concerns another node is passed on to that one. Every request can be repeated.
 */
#include <arpa/inet.h>
#include <string.h>
#include "api.h"
#include "drain.h"
#include "nodes.h"
#include "ops.h"
#include "replicate.h"
#include "tls.h"

/* NULL: refused, r is freed. */
static struct nodes *get_nodes(struct request *r)
{
	struct nodes *nodes = r->daemon->nodes;

	if (nodes_on(nodes))
		return nodes;
	http_refuse(r, 409, "this node is in no cluster; medesd.conf: [Cluster] Name, Node, Key, Certificates");
	return NULL;
}

static bool is_self(const struct request *r)
{
	return !strcmp(r->arg, r->daemon->config.node);
}

static struct node *get_node(struct request *r, struct nodes *nodes)
{
	struct node *node = nodes_find(nodes, r->arg);

	if (!node)
		http_refuse(r, HTTP_NOTFOUND, "no node has the name \"%s\"; add it with: medesctl node add %s ADDRESS",
			    r->arg, r->arg);
	return node;
}

static void list(struct request *r)
{
	const struct config *config = &r->daemon->config;
	struct nodes *nodes = get_nodes(r);
	struct node *node;
	json_t *array;

	if (!nodes)
		return;
	array = json_array();
	for (node = nodes->all; node; node = node->hh.next)
		json_array_append_new(array, node_json(node));
	http_reply(r, HTTP_OK, json_pack("{s:s,s:s,s:b,s:b,s:I,s:I,s:o}", "node", config->node,
					 "cluster", config->cluster, "cordoned", nodes->cordoned,
					 "draining", nodes->draining,
					 "bases", (json_int_t)nodes->n_offers,
					 "strangers", (json_int_t)tls_refused(r->daemon->tls),
					 "nodes", array));
}

static json_t *one_json(const struct node *node)
{
	json_t *object = node_json(node);

	json_object_set_new(object, "offers", offers_json(node->offers, node->n_offers));
	return object;
}

static void show(struct request *r)
{
	struct nodes *nodes = get_nodes(r);
	struct node *node = nodes ? get_node(r, nodes) : NULL;

	if (node)
		http_reply(r, HTTP_OK, one_json(node));
}

static bool is_port(json_int_t port)
{
	return port > 0 && port <= UINT16_MAX;
}

static void put(struct request *r)
{
	json_int_t port = CONFIG_NODE_PORT, rdma_port = r->daemon->config.cluster_port;
	struct nodes *nodes = get_nodes(r);
	const char *address = NULL;
	const struct api_key keys[] = {
		{ "address", JSON_STRING, .string = &address },
		{ "port", JSON_INTEGER, .integer = &port },
		{ "rdma_port", JSON_INTEGER, .integer = &rdma_port },
	};
	uint8_t binary[16];
	struct node *node;
	bool known;

	if (!nodes || !api_body(r, keys, ARRAY_SIZE(keys)) || !api_name(r, "node", r->arg))
		return;
	if (is_self(r)) {
		http_refuse(r, 409, "\"%s\" is this node itself", r->arg);
		return;
	}
	if (!address || (inet_pton(AF_INET, address, binary) != 1 &&
			 inet_pton(AF_INET6, address, binary) != 1)) {
		http_refuse(r, 422, "\"address\" must be an address of IPv4 or IPv6");
		return;
	}
	if (!is_port(port) || !is_port(rdma_port)) {
		http_refuse(r, 422, "\"port\" and \"rdma_port\" must be 1 to %u", UINT16_MAX);
		return;
	}
	known = nodes_find(nodes, r->arg);
	node = nodes_put(nodes, r->arg, address, port, rdma_port, false);
	if (!node || nodes_save(nodes)) {
		http_refuse_later(r, HTTP_SERVUNAVAIL, 1, "the list of nodes cannot be saved; see medesd's log");
		return;
	}
	exchange_soon(nodes);
	http_reply(r, known ? HTTP_OK : 201, one_json(node));
}

static void forget(struct request *r)
{
	struct nodes *nodes = get_nodes(r);
	struct node *node = nodes ? get_node(r, nodes) : NULL;
	char error[512], text[8];
	bool force, configured;
	int err;

	if (!node)
		return;
	force = http_query(r, "force", text, sizeof(text)) && !strcmp(text, "1");
	configured = node->configured;
	err = nodes_forget(nodes, node, force, error, sizeof(error));
	if (err)
		http_refuse_errno(r, err, error);
	else
		http_reply(r, HTTP_OK, json_pack("{s:b}", "configured", configured));
}

static void set_cordon(struct request *r, bool cordoned)
{
	struct nodes *nodes = get_nodes(r);
	struct node *node;

	if (!nodes)
		return;
	if (is_self(r)) {
		nodes_cordon(nodes, cordoned);
		http_reply(r, HTTP_OK, drain_json(nodes));
		return;
	}
	node = get_node(r, nodes);
	if (node)
		api_relay(r, node, "/v1/cluster/cordon", json_pack("{s:b}", "cordoned", cordoned));
}

static void cordon(struct request *r)
{
	set_cordon(r, true);
}

static void uncordon(struct request *r)
{
	set_cordon(r, false);
}

static void drain(struct request *r)
{
	struct nodes *nodes = get_nodes(r);
	struct node *node;

	if (!nodes)
		return;
	if (is_self(r)) {
		drain_begin(nodes);
		http_reply(r, HTTP_OK, drain_json(nodes));
		return;
	}
	node = get_node(r, nodes);
	if (node)
		api_relay(r, node, "/v1/cluster/drain", json_object());
}

static const struct offer *offer_of(const struct nodes *nodes, const struct medes_base *base)
{
	const struct offer *offer = NULL;
	struct node *node;
	size_t i;

	for (i = 0; !base->n_replicas && i < nodes->n_offers; i++)
		if (nodes->offers[i].base == base->id)
			return &nodes->offers[i];
	for (i = 0; !offer && i < base->n_replicas; i++) {
		node = nodes_of_peer((struct nodes *)nodes, base->replicas[i].peer);
		if (node)
			offer = offers_find(node->offers, node->n_offers, base->replicas[i].base,
					    base->replicas[i].generation);
	}
	return offer;
}

static bool find_base(struct request *r, struct medes_base *out)
{
	struct medes_nl *nl = http_nl(r);
	struct medes_bases all;
	bool found = false;
	size_t i;
	int err;

	if (!nl)
		return false;
	err = medes_base_list(nl, &all);
	if (err) {
		http_refuse_errno(r, err, nl->error);
		return false;
	}
	for (i = 0; i < all.n; i++) {
		if (strcmp(all.v[i].name, r->arg))
			continue;
		*out = all.v[i];
		found = true;
	}
	medes_bases_clear(&all);
	if (!found)
		http_refuse(r, HTTP_NOTFOUND, "no base has the name \"%s\"", r->arg);
	return found;
}

static void replicate(struct request *r)
{
	struct nodes *nodes = get_nodes(r);
	const char *to = NULL;
	const struct api_key keys[] = { { "to", JSON_STRING, .string = &to } };
	struct replication *one;
	const struct offer *offer;
	struct medes_base base;
	struct node *node;

	if (!nodes || !api_body(r, keys, ARRAY_SIZE(keys)) || !api_name(r, "node", to))
		return;
	node = nodes_find(nodes, to);
	if (!node && strcmp(to, r->daemon->config.node)) {
		http_refuse(r, HTTP_NOTFOUND, "no node has the name \"%s\"", to);
		return;
	}
	if (!find_base(r, &base))
		return;
	offer = offer_of(nodes, &base);
	if (!offer) {
		http_refuse_later(r, 409, 1, base.n_replicas ?
				  "no node whose daemon is known here offers this base" :
				  "the base is not exported yet (Share=no, or it is being made)");
		return;
	}
	if (node) {
		api_relay(r, node, "/v1/cluster/replicate",
			  json_pack("{s:o}", "bases", offers_json(offer, 1)));
		return;
	}
	one = replication_begin(nodes->replications, offer);
	http_reply(r, one ? 202 : HTTP_SERVUNAVAIL, one ? replication_tell(one) : NULL);
}

const struct route api_node_routes[] = {
	{ EVHTTP_REQ_GET, "/v1/nodes", list, 0 },
	{ EVHTTP_REQ_GET, "/v1/nodes/*", show, 0 },
	{ EVHTTP_REQ_PUT, "/v1/nodes/*", put, 0 },
	{ EVHTTP_REQ_DELETE, "/v1/nodes/*", forget, 0 },
	{ EVHTTP_REQ_POST, "/v1/nodes/*/cordon", cordon, 0 },
	{ EVHTTP_REQ_POST, "/v1/nodes/*/uncordon", uncordon, 0 },
	{ EVHTTP_REQ_POST, "/v1/nodes/*/drain", drain, 0 },
	{ EVHTTP_REQ_POST, "/v1/bases/*/replicate", replicate, 0 },
	{ 0, NULL, NULL, 0 },
};
