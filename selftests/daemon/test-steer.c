// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cluster's controller and its nodes, hours in milliseconds: what the policy decides over
 * all nodes, and what becomes of it when either side, or what is between them, fails at any
 * step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "catalogue.h"
#include "nodes.h"
#include "obey.h"
#include "simcluster.h"

static struct sim_cluster *c;

static int setup(void **state)
{
	(void)state;
	c = sim_cluster_new();
	sim_cluster_lead(c, 0);
	sim_cluster_run(c, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_cluster_free(c);
	return 0;
}

/* A request of a client of that node, served by it. */
static enum start_kind ask(unsigned int node, const char *name)
{
	struct sim_call *call = sim_ask(c->nodes[node].sim, sim_cluster_find(c, node, name));
	enum start_kind start;

	call->call.steered = true;
	sim_cluster_run(c, 5);
	assert_true(call->answered);
	start = call->start;
	free(call);
	return start;
}

static unsigned int in(unsigned int node, const char *name, enum box_state state)
{
	return sim_cluster_find(c, node, name)->in[state];
}

static unsigned int all(unsigned int (*count)(const struct sim *sim))
{
	unsigned int n = 0, i;

	for (i = 0; i < SIM_NODES; i++)
		n += count(c->nodes[i].sim);
	return n;
}

static unsigned int demarcated(const struct sim *sim)
{
	return sim->demarcated;
}

static unsigned int deduped(const struct sim *sim)
{
	return sim->deduped;
}

static unsigned int started(const struct sim *sim)
{
	return sim->started;
}

/* ---- functions ---- */

static void functions_reach_all_nodes(void **state)
{
	unsigned int i;

	(void)state;
	sim_cluster_function(c, 0, "f", "{}");
	sim_cluster_run(c, 1);
	for (i = 0; i < SIM_NODES; i++)
		assert_non_null(sim_cluster_find(c, i, "f"));
	assert_int_equal(sync_remove(&c->nodes[0].d, "test", "f"), 0);
	sim_cluster_run(c, 1);
	for (i = 0; i < SIM_NODES; i++)
		assert_null(sim_cluster_find(c, i, "f"));
}

/* A controller that was away does not undo what another one has changed. */
static void the_higher_revision_is_right_whoever_leads(void **state)
{
	(void)state;
	sim_cluster_function(c, 0, "changed", "{\"pids\":1}");
	sim_cluster_function(c, 0, "removed", "{}");
	sim_cluster_run(c, 2);
	c->nodes[0].dead = true;
	sim_cluster_lead(c, 1);
	sim_cluster_run(c, 20);
	sim_cluster_function(c, 1, "changed", "{\"pids\":2}");
	assert_int_equal(sync_remove(&c->nodes[1].d, "test", "removed"), 0);
	sim_cluster_function(c, 1, "added", "{}");
	sim_cluster_run(c, 2);
	assert_int_equal(sim_cluster_find(c, 0, "changed")->spec.pids, 1);
	c->nodes[0].dead = false;
	sim_cluster_lead(c, 0);
	sim_cluster_run(c, 20);
	assert_int_equal(sim_cluster_find(c, 0, "changed")->spec.pids, 2);
	assert_null(sim_cluster_find(c, 0, "removed"));
	assert_non_null(sim_cluster_find(c, 0, "added"));
	assert_int_equal(sim_cluster_find(c, 2, "changed")->spec.pids, 2);
}

static void what_a_node_brings_along_becomes_the_clusters(void **state)
{
	struct known entry;

	(void)state;
	c->nodes[2].deaf = true;
	sim_cluster_run(c, 30);
	sim_function(c->nodes[2].sim, "brought", "{}");
	sim_function(c->nodes[0].sim, "own", "{}");
	c->nodes[2].deaf = false;
	sim_cluster_run(c, 20);
	assert_non_null(sim_cluster_find(c, 1, "brought"));
	assert_non_null(sim_cluster_find(c, 2, "own"));
	assert_true(catalogue_find(&c->nodes[1].d, "test", "own", &entry) && entry.revision);
}

/* ---- policy ---- */

/* One sandbox on each of two nodes: none would make a base for itself, the cluster does, once. */
static void the_first_base_is_made_for_the_cluster(void **state)
{
	(void)state;
	sim_cluster_function(c, 0, "f", "{\"policy\":{\"first_base\":\"2\",\"idle\":\"60s\",\"keep_dedup\":\"1h\"}}");
	sim_cluster_run(c, 2);
	ask(1, "f");
	ask(2, "f");
	sim_cluster_run(c, 900);
	assert_int_equal(all(demarcated), 1);
	assert_int_equal(all(deduped), 2);
}

/* D/B > T: the third base when there are more than 2 T deduplicated, wherever they are. */
static void one_more_base_by_the_clusters_counts(void **state)
{
	struct sim_call *calls[12];
	unsigned int i;

	(void)state;
	sim_cluster_function(c, 0, "f", "{\"policy\":{\"first_base\":\"2\",\"base_threshold\":\"4\",\"keep_dedup\":\"2h\"}}");
	sim_cluster_run(c, 2);
	for (i = 0; i < 12; i++)
		calls[i] = sim_ask(c->nodes[i % 3].sim, sim_cluster_find(c, i % 3, "f"));
	sim_cluster_run(c, 1800);
	for (i = 0; i < 12; i++)
		free(calls[i]);
	assert_int_equal(all(started), 12);
	assert_int_equal(all(deduped), 12);
	assert_in_range(all(demarcated), 2, 3);
}

static void the_keep_dedup_period_holds_for_every_node(void **state)
{
	unsigned int i;

	(void)state;
	sim_cluster_function(c, 0, "f", "{\"policy\":{\"keep_dedup\":\"900s\"}}");
	sim_cluster_run(c, 2);
	for (i = 0; i < SIM_NODES; i++)
		ask(i, "f");
	sim_cluster_run(c, 2400);
	for (i = 0; i < SIM_NODES; i++)
		assert_int_equal(sim_cluster_find(c, i, "f")->n_boxes, 0);
}

static void a_node_short_of_memory_does_not_wait_for_the_controller(void **state)
{
	(void)state;
	sim_cluster_function(c, 0, "f", "{}");
	sim_cluster_run(c, 2);
	ask(1, "f");
	c->nodes[1].d.config.floor = 64;
	c->nodes[1].d.control->limits.floor = 64 << 20;
	c->nodes[1].sim->total = 100 << 20;
	c->nodes[1].deaf = true;
	sim_cluster_run(c, 8);
	assert_int_equal(in(1, "f", BOX_IDLE), 0);
}

/* ---- what breaks ---- */

/* Nobody commands it any more: it decides for itself again, when it has been told to wait no longer. */
static void a_node_without_a_controller_goes_on_by_itself(void **state)
{
	(void)state;
	sim_cluster_function(c, 0, "f", "{}");
	sim_cluster_run(c, 2);
	ask(1, "f");
	assert_string_equal(obey_controller(c->nodes[1].d.obey), "n1");
	c->nodes[1].deaf = true;
	sim_cluster_run(c, 12);
	assert_null(obey_controller(c->nodes[1].d.obey));
	assert_null(steer_find(c->nodes[0].d.steer, "n2")->view);
	assert_int_equal(c->nodes[1].lost, 1);
	sim_cluster_run(c, 900);
	assert_int_equal(in(1, "f", BOX_DEDUP), 1);
	c->nodes[1].deaf = false;
	sim_cluster_run(c, 10);
	assert_int_equal(steer_find(c->nodes[0].d.steer, "n2")->view->in[POLICY_DEDUP], 1);
}

/* The node has done it, the controller has not heard: the same act again, and it is done once. */
static void an_act_whose_answer_is_lost_is_done_once(void **state)
{
	struct steer_node *sn = steer_find(c->nodes[0].d.steer, "n2");
	unsigned int heard;

	(void)state;
	sim_cluster_function(c, 0, "f", "{}");
	sim_cluster_run(c, 2.5);
	heard = c->nodes[1].heard;
	c->nodes[1].mute = true;
	steer_act(sn, json_pack("{s:s,s:s,s:s,s:i}", "do", "start", "domain", "test", "name", "f", "n", 1));
	sim_cluster_run(c, 7);
	assert_int_equal(c->nodes[1].sim->started, 1);
	assert_int_equal(json_array_size(sn->acts), 1);
	assert_true(c->nodes[1].heard > heard + 1);
	c->nodes[1].mute = false;
	sim_cluster_run(c, 10);
	assert_int_equal(c->nodes[1].sim->started, 1);
	assert_int_equal(json_array_size(sn->acts), 0);
}

enum step { BEFORE_IT_IS_SENT, ON_ITS_WAY, BEGUN, ANSWERED, DONE, TOLD, STEPS };

/* Until the sandbox of n2 is to be deduplicated, and as far into it as the step says. */
static void go_to(enum step step)
{
	struct function *f = sim_cluster_find(c, 1, "f");
	unsigned int heard;

	while (in(1, "f", BOX_IDLE) && clock_now(c->clock) - TAILQ_FIRST(&f->boxes)->idle_since < 599 * US_PER_S)
		sim_cluster_run(c, 0.5);
	if (step == BEFORE_IT_IS_SENT)
		return;
	c->nodes[1].deaf = step == ON_ITS_WAY;
	c->nodes[1].mute = step == BEGUN;
	for (heard = 0; step != ON_ITS_WAY && in(1, "f", BOX_IDLE) && heard < 40000; heard++)
		sim_cluster_run(c, 0.001);
	if (step == ON_ITS_WAY)
		sim_cluster_run(c, 3);
	if (step >= ANSWERED)
		sim_cluster_run(c, 0.01);
	while (step >= DONE && in(1, "f", BOX_DEDUPING))
		sim_cluster_run(c, 0.001);
	if (step == TOLD)
		sim_cluster_run(c, 2);
}

/* Whatever the step: deduplicated once, known to the next controller, and woken by a request. */
static void the_controller_dies_at_every_step_of_a_deduplication(void **state)
{
	enum step step;

	for (step = 0; step < STEPS; step++) {
		sim_cluster_function(c, 0, "f", "{\"policy\":{\"keep_dedup\":\"2h\",\"alpha\":\"0\"}}");
		sim_cluster_run(c, 2);
		ask(1, "f");
		go_to(step);
		c->nodes[0].dead = true;
		sim_cluster_lead(c, 2);
		c->nodes[1].deaf = c->nodes[1].mute = false;
		sim_cluster_run(c, 700);
		assert_int_equal(c->nodes[1].sim->deduped, 1);
		assert_int_equal(in(1, "f", BOX_DEDUP), 1);
		assert_int_equal(steer_find(c->nodes[2].d.steer, "n2")->view->in[POLICY_DEDUP], 1);
		assert_string_equal(obey_controller(c->nodes[1].d.obey), "n3");
		assert_int_equal(ask(1, "f"), START_DEDUP);
		assert_int_equal(c->nodes[1].sim->ended, 0);
		teardown(state);
		setup(state);
	}
}

/* It was cut off, not dead, and still thinks that it leads: nobody obeys it. */
static void an_old_controller_that_comes_back_is_refused(void **state)
{
	json_t *body = json_pack("{s:i,s:i,s:s,s:[]}", "epoch", 1, "hold_ms", 1000, "life", "", "acts");
	json_t *answer = NULL;

	(void)state;
	sim_cluster_lead(c, 1);
	sim_cluster_run(c, 5);
	assert_int_equal(obey_command(c->nodes[2].d.obey, "n1", body, &answer), OBEY_SUPERSEDED);
	json_decref(answer);
	assert_int_equal(obey_command(c->nodes[2].d.obey, "n2", body, &answer), OBEY_SUPERSEDED);
	json_decref(answer);
	json_decref(body);
	assert_string_equal(obey_controller(c->nodes[2].d.obey), "n2");
}

static void a_drained_node_is_emptied_when_others_serve(void **state)
{
	(void)state;
	sim_cluster_function(c, 0, "f", "{}");
	sim_cluster_run(c, 2);
	ask(1, "f");
	c->nodes[1].d.nodes->cordoned = true;
	c->nodes[1].d.nodes->draining = true;
	sim_cluster_run(c, 1.5);
	/* the other one is on its way, and this one serves */
	assert_int_equal(in(1, "f", BOX_IDLE), 1);
	assert_int_equal(all(started), 2);
	sim_cluster_run(c, 10);
	assert_int_equal(sim_cluster_find(c, 1, "f")->n_boxes, 0);
	assert_int_equal(in(0, "f", BOX_IDLE) + in(2, "f", BOX_IDLE), 1);
	assert_int_equal(all(started), 2);
}

/* What nobody can serve from is no reason to send a request there. */
static void a_stranded_sandbox_is_given_nothing(void **state)
{
	struct steer *s = c->nodes[0].d.steer;
	const struct view_function *vf;
	struct box *box;

	(void)state;
	sim_cluster_function(c, 0, "f", "{}");
	sim_cluster_run(c, 2);
	ask(1, "f");
	assert_ptr_equal(steer_choose(s, sim_cluster_find(c, 0, "f"), NULL, NULL), steer_find(s, "n2"));
	box = TAILQ_FIRST(&sim_cluster_find(c, 1, "f")->boxes);
	box->stranded = true;
	c->nodes[1].d.control->limits.max_boxes = 1;
	sim_cluster_run(c, 3);
	vf = view_find(steer_find(s, "n2")->view, "test", "f");
	assert_int_equal(vf->warm + vf->asleep, 0);
	assert_int_equal(vf->stranded, 1);
	assert_ptr_not_equal(steer_choose(s, sim_cluster_find(c, 0, "f"), NULL, NULL),
			     steer_find(s, "n2"));
	box->stranded = false;
	sim_cluster_run(c, 3);
	assert_ptr_equal(steer_choose(s, sim_cluster_find(c, 0, "f"), NULL, NULL), steer_find(s, "n2"));
}

/* MaxSandboxes= of each node, and max_sandboxes of the function on each. */
static void new_ones_start_where_there_may_be_more(void **state)
{
	struct steer *s = c->nodes[0].d.steer;
	struct function *f, *g;

	(void)state;
	sim_cluster_function(c, 0, "f", "{\"max_sandboxes\":1}");
	sim_cluster_function(c, 0, "g", "{}");
	c->nodes[0].d.control->limits.max_boxes = 0;
	c->nodes[1].d.control->limits.max_boxes = 2;
	c->nodes[2].d.control->limits.max_boxes = 0;
	sim_cluster_run(c, 2);
	f = sim_cluster_find(c, 0, "f");
	g = sim_cluster_find(c, 0, "g");
	assert_ptr_equal(steer_start_at(s, f), steer_find(s, "n2"));
	ask(1, "f");
	assert_null(steer_start_at(s, f));
	assert_ptr_equal(steer_start_at(s, g), steer_find(s, "n2"));
	ask(1, "g");
	assert_null(steer_start_at(s, g));
	c->nodes[2].d.control->limits.max_boxes = 1;
	sim_cluster_run(c, 2);
	assert_ptr_equal(steer_start_at(s, f), steer_find(s, "n3"));
}

#define STEER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEER_TEST(functions_reach_all_nodes),
		STEER_TEST(the_higher_revision_is_right_whoever_leads),
		STEER_TEST(what_a_node_brings_along_becomes_the_clusters),
		STEER_TEST(the_first_base_is_made_for_the_cluster),
		STEER_TEST(one_more_base_by_the_clusters_counts),
		STEER_TEST(the_keep_dedup_period_holds_for_every_node),
		STEER_TEST(a_node_short_of_memory_does_not_wait_for_the_controller),
		STEER_TEST(a_node_without_a_controller_goes_on_by_itself),
		STEER_TEST(an_act_whose_answer_is_lost_is_done_once),
		STEER_TEST(the_controller_dies_at_every_step_of_a_deduplication),
		STEER_TEST(an_old_controller_that_comes_back_is_refused),
		STEER_TEST(a_drained_node_is_emptied_when_others_serve),
		STEER_TEST(a_stranded_sandbox_is_given_nothing),
		STEER_TEST(new_ones_start_where_there_may_be_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
