// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which nodes there are: those of [Node NAME] in medesd.conf, and those that were added by
 * command, which STATE/nodes.json keeps. The file says besides whether this node is cordoned
 * or drained, so that a restart changes nothing.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include "ask.h"
#include "clock.h"
#include "drain.h"
#include "json.h"
#include "log.h"
#include "nodes.h"
#include "persist.h"
#include "replicate.h"
#include "share.h"
#include "text.h"

#define FILE_NAME "nodes.json"

/* Is this daemon part of a cluster whose daemons talk to each other? */
bool nodes_on(const struct nodes *nodes)
{
	return nodes && nodes->daemon->tls;
}

struct node *nodes_find(struct nodes *nodes, const char *name)
{
	struct node *node;

	HASH_FIND_STR(nodes->all, name, node);
	return node;
}

struct node *nodes_of_peer(struct nodes *nodes, uint32_t peer)
{
	struct node *node;

	for (node = nodes->all; node && node->peer != peer; node = node->hh.next)
		;
	return peer ? node : NULL;
}

/**
 * nodes_put() - know a node, or know better where it is
 * @nodes: the nodes
 * @name: valid, and not our own
 * @address: a number
 * @port: of its daemon, for nodes
 * @rdma_port: of its kernel
 * @configured: the file says so
 *
 * Return: the node, or NULL for lack of memory.
 */
struct node *nodes_put(struct nodes *nodes, const char *name, const char *address,
		       unsigned int port, unsigned int rdma_port, bool configured)
{
	struct node *node = nodes_find(nodes, name);

	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return NULL;
		node->nodes = nodes;
		snprintf(node->name, sizeof(node->name), "%s", name);
		HASH_ADD_STR(nodes->all, name, node);
	}
	if (strcmp(node->address, address) || node->rdma_port != rdma_port)
		node->peer = 0;
	snprintf(node->address, sizeof(node->address), "%s", address);
	node->port = port;
	node->rdma_port = rdma_port;
	node->configured = configured;
	return node;
}

void nodes_remove(struct nodes *nodes, struct node *node)
{
	ask_cancel(node->ask);
	HASH_DEL(nodes->all, node);
	free(node->offers);
	free(node);
}

/**
 * nodes_save() - keep what was said by command
 * @nodes: the nodes
 *
 * Return: 0, or a negative errno and a line in the log.
 */
int nodes_save(struct nodes *nodes)
{
	const char *state = nodes->daemon->config.state;
	json_t *file, *array = json_array();
	const struct node *node;
	int err;

	for (node = nodes->all; node; node = node->hh.next)
		if (!node->configured)
			json_array_append_new(array, json_pack("{s:s,s:s,s:i,s:i}", "name", node->name,
							       "address", node->address,
							       "port", node->port,
							       "rdma_port", node->rdma_port));
	file = json_pack("{s:b,s:b,s:o}", "cordoned", nodes->cordoned, "draining", nodes->draining,
			 "nodes", array);
	err = file ? 0 : -ENOMEM;
	if (!err && mkdir(state, 0700) && errno != EEXIST)
		err = -errno;
	if (!err)
		err = persist_save(state, FILE_NAME, file);
	json_decref(file);
	if (err)
		log_error("%s/" FILE_NAME ": %s", state, strerror(-err));
	return err;
}

static void load_one(struct nodes *nodes, const json_t *value)
{
	const char *name, *address;
	int port, rdma_port;

	if (json_unpack((json_t *)value, "{s:s,s:s,s:i,s:i}", "name", &name, "address", &address,
			"port", &port, "rdma_port", &rdma_port) || !medes_name_valid(name))
		log_error(FILE_NAME ": an entry makes no sense");
	else if (!nodes_find(nodes, name) && strcmp(name, nodes->daemon->config.node))
		nodes_put(nodes, name, address, port, rdma_port, false);
}

static void load(struct nodes *nodes)
{
	char path[PATH_MAX];
	json_t *file, *value;
	json_error_t why;
	size_t i;

	snprintf(path, sizeof(path), "%s/" FILE_NAME, nodes->daemon->config.state);
	file = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!file) {
		if (json_error_code(&why) != json_error_cannot_open_file)
			log_error("%s: %s (line %d)", path, why.text, why.line);
		return;
	}
	nodes->cordoned = json_is_true(json_object_get(file, "cordoned"));
	nodes->draining = json_is_true(json_object_get(file, "draining"));
	json_array_foreach(json_object_get(file, "nodes"), i, value)
		load_one(nodes, value);
	json_decref(file);
}

/**
 * nodes_new() - the nodes that the configuration and an earlier daemon know
 * @daemon: the daemon; tls is there if it is in a cluster
 */
struct nodes *nodes_new(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	struct nodes *nodes = calloc(1, sizeof(*nodes));
	const struct config_node *from;
	unsigned int i;

	if (!nodes)
		return NULL;
	nodes->daemon = daemon;
	/* one that a daemon before us told must not look current */
	if (getrandom(&nodes->version, sizeof(nodes->version), 0) != sizeof(nodes->version))
		nodes->version = clock_now(daemon->clock);
	nodes->replications = replications_new(daemon);
	if (!nodes->replications)
		goto err_free;
	if (!daemon->tls)
		return nodes;
	for (i = 0; i < config->n_nodes; i++) {
		from = &config->nodes[i];
		/* one file may serve all nodes */
		if (strcmp(from->name, config->node) &&
		    !nodes_put(nodes, from->name, from->address, from->port,
			       from->rdma_port ? from->rdma_port : config->cluster_port, true))
			goto err_free;
	}
	load(nodes);
	if (!sharing_start(nodes) && !exchange_start(nodes))
		return nodes;
err_free:
	nodes_free(nodes);
	return NULL;
}

void nodes_free(struct nodes *nodes)
{
	struct node *node, *next;

	if (!nodes)
		return;
	HASH_ITER(hh, nodes->all, node, next)
		nodes_remove(nodes, node);
	if (nodes->tick)
		event_free(nodes->tick);
	if (nodes->round)
		event_free(nodes->round);
	if (nodes->daemon->bases)
		bases_unwait(nodes->daemon->bases, &nodes->learned);
	drain_free(nodes);
	replications_free(nodes->replications);
	free(nodes->offers);
	free(nodes);
}

/**
 * nodes_cordon() - put nothing new on this node, or do so again
 * @nodes: the nodes
 * @cordoned: no also ends draining
 */
void nodes_cordon(struct nodes *nodes, bool cordoned)
{
	if (nodes->cordoned == cordoned && (cordoned || !nodes->draining))
		return;
	nodes->cordoned = cordoned;
	if (!cordoned)
		drain_end(nodes);
	nodes->version++;
	nodes_save(nodes);
	sharing_soon(nodes);
}

const char *node_state_name(enum node_state state)
{
	static const char *const names[] = {
		[NODE_UNKNOWN] = "unknown", [NODE_UP] = "up", [NODE_AWAY] = "away",
	};

	return names[state];
}

json_t *node_json(const struct node *node)
{
	json_t *object = json_pack("{s:s,s:s,s:i,s:i,s:b,s:s,s:b,s:b,s:I,s:I,s:I}",
				   "name", node->name, "address", node->address,
				   "port", node->port, "rdma_port", node->rdma_port,
				   "configured", node->configured,
				   "state", node_state_name(node->state),
				   "cordoned", node->cordoned, "draining", node->draining,
				   "bases", (json_int_t)node->n_offers,
				   "asked", (json_int_t)node->asked,
				   "failed", (json_int_t)node->failed);

	json_object_set_new(object, "rdma", node->peer ?
			    json_string(medes_peer_state_name(node->peer_state)) : json_null());
	json_object_set_new(object, "error", node->error[0] ? medes_json_text(node->error) :
			    json_null());
	return object;
}
