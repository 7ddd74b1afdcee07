// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /metrics of a cluster: a row for each metric of a node, as in metrics.c.
 */
#include "metrics.h"
#include "nodes.h"
#include "share.h"
#include "tls.h"

static double up(const struct node *node)
{
	return node->state == NODE_UP;
}

static double peer_up(const struct node *node)
{
	return node->peer && node->peer_state == MEDES_PEER_STATE_UP;
}

static double bases(const struct node *node)
{
	return node->n_offers;
}

static double asked(const struct node *node)
{
	return node->asked;
}

static double failed(const struct node *node)
{
	return node->failed;
}

static double connects(const struct node *node)
{
	return node->connects;
}

static double reads(const struct node *node)
{
	return node->reads;
}

static double pages(const struct node *node)
{
	return node->pages;
}

static double read_failures(const struct node *node)
{
	return node->read_failures;
}

static const struct {
	const char *name;
	bool counter;
	const char *help;
	double (*read)(const struct node *node);
} of_nodes[] = {
	{ "node_up", false, "1 while its daemon answers.", up },
	{ "node_rdma_up", false, "1 while the kernel can read from it.", peer_up },
	{ "node_bases", false, "Bases that it offers.", bases },
	{ "node_questions", true, "Questions to its daemon.", asked },
	{ "node_failures", true, "Questions without an answer of use.", failed },
	{ "node_connects", true, "Connections by RDMA that were made.", connects },
	{ "node_reads", true, "READs from it.", reads },
	{ "node_pages", true, "Base pages read from it.", pages },
	{ "node_read_failures", true, "Batches of READs that failed.", read_failures },
};

/**
 * nodes_metrics() - what there is to count of other nodes
 * @nodes: the nodes; nothing is written when this one is in no cluster
 * @out: receives it
 */
void nodes_metrics(const struct nodes *nodes, struct evbuffer *out)
{
	const struct node *node;
	unsigned int i;

	if (!nodes_on(nodes))
		return;
	for (i = 0; i < ARRAY_SIZE(of_nodes); i++) {
		metrics_family(out, of_nodes[i].name, of_nodes[i].counter, of_nodes[i].help);
		for (node = nodes->all; node; node = node->hh.next)
			evbuffer_add_printf(out, "medes_%s%s{node=\"%s\"} %.17g\n", of_nodes[i].name,
					    of_nodes[i].counter ? "_total" : "", node->name,
					    of_nodes[i].read(node));
	}
	metrics_one(out, "strangers", true, "Connections of nodes refused for their certificate.",
		    tls_refused(nodes->daemon->tls));
	metrics_one(out, "imports", true, "Bases of other nodes that were imported.", nodes->imports);
	metrics_one(out, "import_drops", true, "Imported bases dropped for lack of use.",
		    nodes->drops);
	metrics_one(out, "sharing_failures", true,
		    "Imports, replicas and drops that the kernel refused.", nodes->failures);
}
