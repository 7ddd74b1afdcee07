// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copies of a base, sent to nodes made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "nodes.h"
#include "steer.h"

#define N 3
#define DIGEST 77
#define GIB (1024.0 * 1024 * 1024)

struct made {
	struct steer_node sn;
	struct view view;
	struct view_function function;
	struct view_box boxes[N];
	struct view_base base;
};

static struct daemon d;
static struct nodes nodes;
static struct offer offer;
static struct steer s;
static struct made made[N];

/* Node 0 has a base that others read; node 1 has more sandboxes of the function than node 2. */
static int setup(void **state)
{
	struct made *m;
	size_t i;

	(void)state;
	memset(&s, 0, sizeof(s));
	d = (struct daemon){ .clock = clock_simulated_new(), .nodes = &nodes, .config.replicas = 2 };
	offer = (struct offer){ .digest = DIGEST, .pages = 100 };
	nodes = (struct nodes){ .daemon = &d, .offers = &offer, .n_offers = 1 };
	s.daemon = &d;
	for (i = 0; i < N; i++) {
		m = &made[i];
		memset(m, 0, sizeof(*m));
		snprintf(m->sn.name, sizeof(m->sn.name), "n%zu", i + 1);
		m->sn.steer = &s;
		m->sn.self = i == 0;
		m->sn.view = &m->view;
		m->sn.acts = json_array();
		m->view = (struct view){ .serves = true, .dedups = true, .memory_known = true,
					 .available = GIB, .capacity = GIB };
		strcpy(m->function.known.domain, "d");
		strcpy(m->function.known.name, "f");
		strcpy(m->function.known.key, "d/f");
		m->function.boxes = m->boxes;
		m->function.n_boxes = N - i;
		HASH_ADD_STR(m->view.functions, known.key, &m->function);
		HASH_ADD_STR(s.nodes, name, &m->sn);
	}
	made[0].base = (struct view_base){ .id = 1, .digest = DIGEST, .leases = 1 };
	made[0].function.bases = &made[0].base;
	made[0].function.n_bases = 1;
	clock_run_until(d.clock, 100 * US_PER_S);
	return 0;
}

static int teardown(void **state)
{
	size_t i;

	(void)state;
	HASH_CLEAR(hh, s.nodes);
	for (i = 0; i < N; i++) {
		HASH_CLEAR(hh, made[i].view.functions);
		json_decref(made[i].sn.acts);
	}
	clock_free(d.clock);
	return 0;
}

static void after(double seconds)
{
	clock_run_until(d.clock, clock_now(d.clock) + seconds * US_PER_S);
	spread(&s);
}

static void sent(size_t n1, size_t n2, size_t n3)
{
	assert_int_equal(json_array_size(made[0].sn.acts), n1);
	assert_int_equal(json_array_size(made[1].sn.acts), n2);
	assert_int_equal(json_array_size(made[2].sn.acts), n3);
}

/* The copy has arrived, and the node says so. */
static void arrived(struct made *m)
{
	m->base = (struct view_base){ .id = 2, .digest = DIGEST };
	m->function.bases = &m->base;
	m->function.n_bases = 1;
}

static void a_copy_goes_where_most_sandboxes_are(void **state)
{
	(void)state;
	spread(&s);
	sent(0, 1, 0);
}

/* The next look came before the copy was reported, and sent one more, to the next node. */
static void more_copies_than_replicas(void **state)
{
	(void)state;
	spread(&s);
	after(1);
	after(12);
	sent(0, 1, 0);
	arrived(&made[1]);
	after(60);
	sent(0, 1, 0);
}

static void as_many_as_the_configuration_says(void **state)
{
	(void)state;
	d.config.replicas = 3;
	spread(&s);
	after(1);
	sent(0, 1, 1);
	arrived(&made[1]);
	arrived(&made[2]);
	after(60);
	sent(0, 1, 1);
}

static void what_does_not_arrive_is_sent_elsewhere(void **state)
{
	(void)state;
	spread(&s);
	after(31);
	sent(0, 1, 1);
	after(31);
	sent(0, 2, 1);
}

static void a_node_that_goes_is_replaced(void **state)
{
	(void)state;
	spread(&s);
	arrived(&made[1]);
	after(1);
	sent(0, 1, 0);
	made[1].sn.view = NULL;
	after(1);
	sent(0, 1, 1);
}

static void what_nobody_else_reads_is_not_copied(void **state)
{
	(void)state;
	made[0].base.leases = 0;
	after(60);
	sent(0, 0, 0);
}

#define SPREAD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPREAD_TEST(a_copy_goes_where_most_sandboxes_are),
		SPREAD_TEST(more_copies_than_replicas),
		SPREAD_TEST(as_many_as_the_configuration_says),
		SPREAD_TEST(what_does_not_arrive_is_sent_elsewhere),
		SPREAD_TEST(a_node_that_goes_is_replaced),
		SPREAD_TEST(what_nobody_else_reads_is_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
