// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A message takes a millisecond, and so does its answer. One that is lost is missed when its
 * sender's patience ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "catalogue.h"
#include "leases.h"
#include "nodes.h"
#include "obey.h"
#include "simcluster.h"

struct message {
	struct sim_cluster *cluster;
	struct sim_node *from, *to;
	struct timer timer;
	json_t *body;			/* NULL: it has arrived */
	json_t *answer;
	int status;
	uint64_t timeout;		/* us, when it is missed */
	steer_answer fn;
	void *arg;
};

static void message_free(struct message *m)
{
	m->cluster->n_messages--;
	timer_stop(&m->timer);
	json_decref(m->body);
	json_decref(m->answer);
	free(m);
}

static void miss(struct message *m)
{
	uint64_t now = clock_now(m->cluster->clock);

	m->status = 0;
	json_decref(m->answer);
	m->answer = NULL;
	timer_set(&m->timer, m->timeout > now ? m->timeout - now : 0);
}

static void on_timer(void *arg)
{
	struct message *m = arg;

	if (!m->body) {
		m->fn(m->status, m->answer, m->status ? "" : "it does not answer", m->arg);
		message_free(m);
		return;
	}
	if (m->to->dead || m->to->deaf) {
		json_decref(m->body);
		m->body = NULL;
		miss(m);
		return;
	}
	m->to->heard++;
	m->status = obey_command(m->to->d.obey, m->from->name, m->body, &m->answer);
	json_decref(m->body);
	m->body = NULL;
	if (m->to->mute)
		miss(m);
	else
		timer_set(&m->timer, US_PER_MS);
}

static struct sim_node *find(struct sim_cluster *c, const char *name)
{
	int i;

	for (i = 0; i < SIM_NODES; i++)
		if (!strcmp(c->nodes[i].name, name))
			return &c->nodes[i];
	return NULL;
}

static void *ask(void *arg, const char *name, json_t *body, unsigned int timeout_ms,
		 steer_answer fn, void *fn_arg)
{
	struct sim_node *from = arg;
	struct message *m = calloc(1, sizeof(*m));

	*m = (struct message){
		.cluster = from->of, .from = from, .to = find(from->of, name), .body = body,
		.timeout = clock_now(from->of->clock) + timeout_ms * US_PER_MS, .fn = fn,
		.arg = fn_arg,
	};
	assert_non_null(m->to);
	from->of->n_messages++;
	timer_init(&m->timer, from->of->clock, on_timer, m);
	timer_set(&m->timer, US_PER_MS);
	return m;
}

static void cancel(void *question)
{
	message_free(question);
}

static void lost(void *arg, const char *node)
{
	struct sim_node *from = arg;

	find(from->of, node)->lost++;
}

static void make_node(struct sim_cluster *c, int i)
{
	struct sim_node *n = &c->nodes[i];
	struct nodes *nodes;

	n->of = c;
	snprintf(n->name, sizeof(n->name), "n%d", i + 1);
	strcpy(n->state, "/tmp/medes-sim-XXXXXX");
	assert_non_null(mkdtemp(n->state));
	n->sim = sim_new_at(c->clock, 7 + i);
	n->transport = (struct steer_transport){
		.ask = ask, .cancel = cancel, .lost = lost, .arg = n,
	};
	config_default(&n->d.config);
	strcpy(n->d.config.cluster, "sim");
	strcpy(n->d.config.node, n->name);
	strcpy(n->d.config.state, n->state);
	n->d.config.cluster_interval = 1000;
	n->d.clock = c->clock;
	n->d.control = n->sim->control;
	n->d.leases = leases_new(&n->d);
	n->d.catalogue = catalogue_new(n->d.config.state);
	n->d.obey = obey_new(&n->d);
	nodes = calloc(1, sizeof(*nodes));
	assert_non_null(nodes);
	nodes->daemon = &n->d;
	n->d.nodes = nodes;
}

static void introduce(struct sim_cluster *c, int i, int k)
{
	struct node *node = nodes_put(c->nodes[i].d.nodes, c->nodes[k].name, "127.0.0.1", 1, 1, true);

	assert_non_null(node);
	node->protocol = STEER_PROTOCOL;
	node->state = NODE_UP;
}

struct sim_cluster *sim_cluster_new(void)
{
	struct sim_cluster *c = calloc(1, sizeof(*c));
	int i, k;

	c->clock = clock_simulated_new();
	for (i = 0; i < SIM_NODES; i++)
		make_node(c, i);
	for (i = 0; i < SIM_NODES; i++)
		for (k = 0; k < SIM_NODES; k++)
			if (i != k)
				introduce(c, i, k);
	/* 0 would be no time */
	sim_cluster_run(c, 1000);
	return c;
}

void sim_cluster_lead(struct sim_cluster *c, unsigned int node)
{
	struct sim_node *n;
	unsigned int i;

	for (i = 0; i < SIM_NODES; i++) {
		n = &c->nodes[i];
		if (i != node && (n->d.steer || n->d.config.controller[0])) {
			steer_free(n->d.steer);
			n->d.steer = NULL;
			leases_free(n->d.leases);
			n->d.config.controller[0] = '\0';
			n->d.leases = leases_new(&n->d);
		}
	}
	n = &c->nodes[node];
	leases_free(n->d.leases);
	strcpy(n->d.config.controller, n->name);
	n->d.leases = leases_new(&n->d);
	n->d.steer = steer_new(&n->d, &n->transport);
	assert_non_null(n->d.steer);
}

void sim_cluster_run(struct sim_cluster *c, double seconds)
{
	clock_run_until(c->clock, clock_now(c->clock) + seconds * US_PER_S);
}

void sim_cluster_function(struct sim_cluster *c, unsigned int leader, const char *name,
			  const char *text)
{
	json_t *body = json_loads(text, 0, NULL);
	struct spec spec = { 0 };
	char error[SPEC_ERROR];

	assert_non_null(body);
	json_object_set_new(body, "name", json_string(name));
	json_object_set_new(body, "command", json_pack("[s]", "/bin/true"));
	if (spec_parse(&spec, body, error))
		fail_msg("%s", error);
	json_decref(body);
	assert_int_equal(sync_put(&c->nodes[leader].d, "test", &spec), 0);
}

struct function *sim_cluster_find(struct sim_cluster *c, unsigned int node, const char *name)
{
	return function_find(c->nodes[node].d.control, "test", name);
}

static void free_node(struct sim_node *n)
{
	struct node *node, *next;
	char command[64];

	obey_free(n->d.obey);
	leases_free(n->d.leases);
	HASH_ITER(hh, n->d.nodes->all, node, next)
		nodes_remove(n->d.nodes, node);
	free(n->d.nodes);
	sim_free(n->sim);
	catalogue_free(n->d.catalogue);
	snprintf(command, sizeof(command), "rm -r %s", n->state);
	assert_int_equal(system(command), 0);
}

void sim_cluster_free(struct sim_cluster *c)
{
	int i;

	for (i = 0; i < SIM_NODES; i++)
		steer_free(c->nodes[i].d.steer);
	assert_int_equal(c->n_messages, 0);
	for (i = 0; i < SIM_NODES; i++)
		free_node(&c->nodes[i]);
	clock_free(c->clock);
	free(c);
}
