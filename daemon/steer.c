// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The controller speaks to each node, this one too, once an interval: its acts go there, the
 * node's report comes back. Nothing is kept but the last report of each, so a controller that
 * takes over knows all there is to know after one round; and what a node says replaces what was
 * believed of it.
 *
 * A node that does not answer is out of reach: it is given no request, and its sandboxes do not
 * count, until it answers again. Acts whose answer did not come are sent again with the same
 * ids, for as long as a lease; the node does none twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/http.h>
#include "json.h"
#include "leases.h"
#include "log.h"
#include "nodes.h"
#include "obey.h"
#include "steer.h"

#define PATIENCE_MIN_MS 500
#define PATIENCE_MAX_MS 5000

struct steer_node *steer_find(const struct steer *s, const char *node)
{
	struct steer_node *sn;

	HASH_FIND_STR(s->nodes, node, sn);
	return sn;
}

bool steer_leads(const struct steer *s)
{
	uint64_t epoch;

	return s && s->epoch && leases_leads(s->daemon->leases, &epoch) && epoch == s->epoch;
}

static void forget_view(struct steer_node *sn)
{
	view_free(sn->view);
	sn->view = NULL;
}

static unsigned int patience(const struct steer *s)
{
	unsigned int ms = s->daemon->config.lease / 2;

	return ms < PATIENCE_MIN_MS ? PATIENCE_MIN_MS : ms > PATIENCE_MAX_MS ? PATIENCE_MAX_MS : ms;
}

static void lose(struct steer_node *sn)
{
	const struct steer_transport *transport = sn->steer->transport;

	if (sn->lost)
		return;
	sn->lost = true;
	if (transport->lost)
		transport->lost(transport->arg, sn->name);
}

/*
 * From now on it is given nothing. What is there is given up when it has been silent for long,
 * or twice: a connection can break, and those of requests say so themselves.
 */
static void out_of_reach(struct steer_node *sn, const char *why)
{
	struct steer *s = sn->steer;
	uint64_t silent = clock_now(s->daemon->clock) - sn->heard;

	snprintf(sn->error, sizeof(sn->error), "%s", why);
	if (sn->view)
		log_warning("controller: node %s is out of reach: %s", sn->name, why);
	forget_view(sn);
	s->failures++;
	/* it decides for itself meanwhile, and what was decided here is old */
	if (silent > s->daemon->config.lease * US_PER_MS)
		json_array_clear(sn->acts);
	if (++sn->missed > 1 || silent >= patience(s) * US_PER_MS)
		lose(sn);
}

static void take_answer(struct steer_node *sn, const json_t *answer)
{
	struct steer *s = sn->steer;
	uint64_t now = clock_now(s->daemon->clock);
	char error[200];
	struct view *view;

	steer_results(sn, json_object_get(answer, "results"));
	view = view_parse(json_object_get(answer, "report"), now, error, sizeof(error));
	if (!view) {
		out_of_reach(sn, error);
		return;
	}
	if (!sn->view)
		log_info("controller: node %s is there", sn->name);
	if (strcmp(sn->life, view->life))
		json_array_clear(sn->acts);
	strcpy(sn->life, view->life);
	forget_view(sn);
	sn->view = view;
	sn->heard = now;
	sn->missed = 0;
	sn->lost = false;
	sn->error[0] = '\0';
	s->answers++;
	sync_report(sn);
}

static void ask(struct steer_node *sn);

static void on_answer(int status, json_t *answer, const char *error, void *arg)
{
	struct steer_node *sn = arg;
	struct steer *s = sn->steer;

	sn->question = NULL;
	sn->tried = true;
	if (!steer_leads(s))
		return;
	if (status == HTTP_OK) {
		take_answer(sn, answer);
		if (sn->again && sn->view)
			ask(sn);
		return;
	}
	out_of_reach(sn, *error ? error : "no answer of use");
	if (status == OBEY_SUPERSEDED)
		leases_outbid(s->daemon->leases,
			      json_integer_value(json_object_get(answer, "obeyed_epoch")));
}

/* Acts that were sent before and not answered are sent again, with their ids. */
static void ask(struct steer_node *sn)
{
	struct steer *s = sn->steer;
	json_t *body, *answer = NULL;
	int status;

	sn->again = false;
	body = json_pack("{s:I,s:I,s:s,s:o}", "epoch", (json_int_t)s->epoch,
			 "hold_ms", (json_int_t)s->daemon->config.lease,
			 "life", sn->life, "acts", json_deep_copy(sn->acts));
	if (!body)
		return;
	if (!sn->self) {
		sn->question = s->transport->ask(s->transport->arg, sn->name, body, patience(s),
						 on_answer, sn);
		return;
	}
	status = obey_command(s->daemon->obey, sn->name, body, &answer);
	json_decref(body);
	on_answer(status, answer, "", sn);
	json_decref(answer);
}

static void remove_node(struct steer_node *sn)
{
	struct steer *s = sn->steer;

	if (sn->question)
		s->transport->cancel(sn->question);
	forget_view(sn);
	steer_flights_free(sn);
	json_decref(sn->acts);
	HASH_DEL(s->nodes, sn);
	free(sn);
}

static void have_node(struct steer *s, const char *name, bool self)
{
	struct steer_node *sn = steer_find(s, name);

	if (!sn) {
		sn = calloc(1, sizeof(*sn));
		if (!sn)
			return;
		sn->steer = s;
		sn->self = self;
		sn->acts = json_array();
		snprintf(sn->name, sizeof(sn->name), "%s", name);
		HASH_ADD_STR(s->nodes, name, sn);
	}
	sn->there = true;
}

/* The nodes are those of the cluster that can be commanded. */
static void look_at_nodes(struct steer *s)
{
	struct nodes *nodes = s->daemon->nodes;
	struct steer_node *sn, *next;
	struct node *node;

	for (sn = s->nodes; sn; sn = sn->hh.next)
		sn->there = false;
	have_node(s, s->daemon->config.node, true);
	for (node = nodes->all; node; node = node->hh.next)
		if (node->protocol >= STEER_PROTOCOL)
			have_node(s, node->name, false);
	HASH_ITER(hh, s->nodes, sn, next) {
		if (sn->there)
			continue;
		forget_view(sn);
		lose(sn);
		remove_node(sn);
	}
}

/* What was known belongs to another reign; requests under way go on. */
static void new_reign(struct steer *s, uint64_t epoch)
{
	struct steer_node *sn;

	if (epoch)
		log_notice("controller: commands the cluster, epoch %" PRIu64, epoch);
	else
		log_notice("controller: commands no more");
	s->epoch = epoch;
	for (sn = s->nodes; sn; sn = sn->hh.next) {
		if (sn->question)
			s->transport->cancel(sn->question);
		sn->question = NULL;
		sn->tried = false;
		sn->lost = false;
		sn->missed = 0;
		forget_view(sn);
		json_array_clear(sn->acts);
	}
}

/* Has everybody been asked, so that nothing that somebody knows is unknown here? */
bool steer_settled(const struct steer *s)
{
	const struct steer_node *sn;

	for (sn = s->nodes; sn; sn = sn->hh.next)
		if (!sn->tried)
			return false;
	return true;
}

static void on_tick(void *arg)
{
	struct steer *s = arg;
	struct steer_node *sn;
	uint64_t epoch;

	if (!leases_leads(s->daemon->leases, &epoch))
		epoch = 0;
	if (epoch != s->epoch)
		new_reign(s, epoch);
	if (epoch) {
		look_at_nodes(s);
		if (steer_settled(s)) {
			oversee(s);
			spread(s);
		}
		for (sn = s->nodes; sn; sn = sn->hh.next)
			if (!sn->question)
				ask(sn);
	}
	timer_set(&s->tick, s->daemon->config.cluster_interval * US_PER_MS);
}

/* Something has changed: speak to the nodes now, to those that are being asked after that. */
void steer_soon(struct steer *s)
{
	struct steer_node *sn;

	if (!s)
		return;
	for (sn = s->nodes; sn; sn = sn->hh.next)
		sn->again = sn->question;
	timer_set(&s->tick, 0);
}

/**
 * steer_suspect() - a node takes no connection
 * @s: the controller
 * @node: its name; it is given no request until it has answered a question
 */
void steer_suspect(struct steer *s, const char *node)
{
	struct steer_node *sn = steer_find(s, node);

	if (sn && sn->view)
		out_of_reach(sn, "it takes no connection");
	steer_soon(s);
}

/**
 * steer_new() - command the cluster whenever this daemon leads
 * @d: the daemon, with nodes, leases and its own end of the commands
 * @transport: how nodes are reached; kept
 */
struct steer *steer_new(struct daemon *d, const struct steer_transport *transport)
{
	struct steer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->daemon = d;
	s->transport = transport;
	timer_init(&s->tick, d->clock, on_tick, s);
	timer_set(&s->tick, 0);
	return s;
}

void steer_free(struct steer *s)
{
	struct steer_node *sn, *next;

	if (!s)
		return;
	timer_stop(&s->tick);
	HASH_ITER(hh, s->nodes, sn, next)
		remove_node(sn);
	free(s);
}
