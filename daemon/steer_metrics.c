// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /metrics of a cluster with a controller: what each node knows of it, and what the one that leads
 * knows of the nodes.
 */
#include "front.h"
#include "leases.h"
#include "metrics.h"
#include "steer.h"

static void requests(struct evbuffer *out, const struct fronts *fronts)
{
	static const struct {
		const char *key, *name, *help;
		bool counter;
	} rows[] = {
		{ "under_way", "cluster_requests", "Requests of clients that are at another node.", false },
		{ "passed", "cluster_answers", "Of them, answered there.", true },
		{ "repeated", "cluster_repeats", "Of them, asked for again, since the connection broke.", true },
		{ "moved", "cluster_moves", "Of them, served by another node, since theirs was lost.", true },
		{ "failed", "cluster_refusals", "Of them, refused.", true },
	};
	json_t *json = fronts_json(fronts);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		metrics_one(out, rows[i].name, rows[i].counter, rows[i].help,
			    json_integer_value(json_object_get(json, rows[i].key)));
	json_decref(json);
}

static double commanded(const struct steer_node *sn)
{
	return sn->view != NULL;
}

static double flights(const struct steer_node *sn)
{
	return steer_flights(sn);
}

static double sandboxes(const struct steer_node *sn)
{
	double n = 0;
	size_t i;

	for (i = 0; sn->view && i < POLICY_STATES; i++)
		n += sn->view->in[i];
	return n;
}

static double asleep(const struct steer_node *sn)
{
	return sn->view ? sn->view->in[POLICY_DEDUP] : 0;
}

static double room(const struct steer_node *sn)
{
	double bytes = sn->view ? view_room(sn->view) : 0;

	return bytes > 0 ? bytes : 0;
}

static const struct {
	const char *name, *help;
	double (*read)(const struct steer_node *sn);
} of_nodes[] = {
	{ "controller_node_commanded", "1 while the node answers the controller.", commanded },
	{ "controller_node_requests", "Requests that the controller has sent there.", flights },
	{ "controller_node_sandboxes", "Sandboxes there.", sandboxes },
	{ "controller_node_dedup_sandboxes", "Of them, deduplicated.", asleep },
	{ "controller_node_room_bytes", "Memory there for new sandboxes.", room },
};

static void nodes(struct evbuffer *out, const struct steer *s)
{
	const struct steer_node *sn;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(of_nodes); i++) {
		metrics_family(out, of_nodes[i].name, false, of_nodes[i].help);
		for (sn = s->nodes; sn; sn = sn->hh.next)
			evbuffer_add_printf(out, "medes_%s{node=\"%s\"} %.17g\n", of_nodes[i].name,
					    sn->name, of_nodes[i].read(sn));
	}
}

/**
 * steer_metrics() - what there is to count of the controller
 * @d: the daemon; nothing is written when its cluster has no controller
 * @out: receives it
 */
void steer_metrics(const struct daemon *d, struct evbuffer *out)
{
	const struct steer *s = d->steer;
	uint64_t obeyed = 0;

	if (!s)
		return;
	leases_obeyed(d->leases, &obeyed, NULL);
	metrics_one(out, "obeyed_epoch", false, "The highest epoch of a controller that this node has obeyed.",
		    obeyed);
	requests(out, d->fronts);
	metrics_one(out, "controller_leads", false, "1 while this daemon commands the cluster.",
		    steer_leads(s));
	metrics_one(out, "controller_acts", true, "What it told nodes to do.", s->acts);
	metrics_one(out, "controller_answers", true, "Reports of nodes.", s->answers);
	metrics_one(out, "controller_failures", true, "Questions to nodes without an answer of use.",
		    s->failures);
	if (steer_leads(s))
		nodes(out, s);
}
