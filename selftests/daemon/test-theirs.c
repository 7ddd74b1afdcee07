// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What look-ups make of the bases of other nodes: those at hand are candidates, others are wanted,
 * and those of a node that was forgotten disappear.
 */
/* a look-up that is given up would miss what is counted here */
#define TIMEOUT 3000
#include "engines.h"

static bool wanted(struct node *n, uint64_t generation)
{
	struct engine_import what = their_import;

	what.generation = generation;
	return engine_wants(n->engine, &what);
}

static void open_pair(struct node *a, struct node *b)
{
	open_node(a, "a");
	open_node(b, "b");
	enter_all(a);
	until(theirs(b) == PAGES);
}

static void a_base_that_is_not_at_hand_is_wanted(void **state)
{
	struct node a, b;

	(void)state;
	open_pair(&a, &b);
	assert_int_equal(b.wants, 0);
	engine_imports(b.engine, NULL, 0);
	assert_int_equal(theirs(&b), 0);
	assert_int_equal(of(&b)->counts.foreign, PAGES);
	/* not often enough yet */
	assert_int_equal(b.wants, 0);
	assert_false(wanted(&b, GENERATION));
	assert_int_equal(theirs(&b), 0);
	assert_true(wanted(&b, GENERATION));
	assert_false(wanted(&b, GENERATION + 1));
	/* told once, however often it is missed from then on */
	look_up(&b, "d");
	look_up(&b, "d");
	assert_int_equal(b.wants, 1);
	/* a look-up of another domain misses nothing */
	look_up(&b, "e");
	assert_int_equal(of(&b)->counts.foreign, 4 * PAGES);
	engine_imports(b.engine, &their_import, 1);
	assert_int_equal(theirs(&b), PAGES);
	assert_false(wanted(&b, GENERATION));
	engine_free(a.engine);
	engine_free(b.engine);
}

static void an_import_of_another_generation_is_another_base(void **state)
{
	struct engine_import old = their_import;
	struct node a, b;

	(void)state;
	open_pair(&a, &b);
	old.generation--;
	engine_imports(b.engine, &old, 1);
	assert_int_equal(theirs(&b), 0);
	/* the same id on another node is another one, too */
	old = their_import;
	old.node = "c";
	engine_imports(b.engine, &old, 1);
	assert_int_equal(theirs(&b), 0);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void what_is_at_hand_stays_so_when_the_directory_is_read_again(void **state)
{
	struct node a, b;
	uint64_t read;

	(void)state;
	open_pair(&a, &b);
	read = of(&b)->read;
	strcpy(of(&b)->version, "changed");
	until(of(&b)->read > read);
	assert_int_equal(theirs(&b), PAGES);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void on_two(const struct medes_page *p, size_t n, const struct candidates *found, void *arg)
{
	struct node *node = arg;
	size_t i;

	(void)p;
	node->found = true;
	for (i = 0; i < n; i++) {
		assert_int_equal(found[i].n, 1);
		assert_int_equal(found[i].v[0].base, their_import.import);
		assert_true(found[i].v[0].remote);
	}
}

static void what_two_nodes_have_is_one_candidate(void **state)
{
	struct engine_import both[] = { their_import, their_import };
	struct medes_page like[PAGES];
	struct node a, b, c;
	uint64_t seed = 5;
	size_t i;

	(void)state;
	open_pair(&a, &b);
	open_node(&c, "c");
	enter_all(&c);
	until(HASH_COUNT(of(&b)->bases) == 2);
	both[1].node = "c";
	engine_imports(b.engine, both, 2);
	for (i = 0; i < PAGES; i++)
		like[i] = page_like(&seed, &pages[i], 4, false);
	b.found = false;
	engine_lookup(b.engine, "d", like, PAGES, on_two, &b);
	until(b.found);
	engine_free(a.engine);
	engine_free(b.engine);
	engine_free(c.engine);
}

static void a_forgotten_node_has_no_bases(void **state)
{
	struct node a, b;

	(void)state;
	open_pair(&a, &b);
	engine_free(a.engine);
	engine_forget_node(b.engine, "a");
	engine_forget_node(b.engine, "nobody");
	until(theirs(&b) == 0);
	until(!of(&b)->forgotten);
	/* all but the directory and who swept it */
	until(keys_left("{*}*") <= 2);
	/* it comes back after all */
	open_node(&a, "a");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void a_node_is_forgotten_as_soon_as_the_servers_answer(void **state)
{
	struct node a, b;

	(void)state;
	open_pair(&a, &b);
	engine_free(a.engine);
	on_all_primaries("CLIENT PAUSE 5000 ALL");
	engine_forget_node(b.engine, "a");
	spend(300);
	assert_non_null(of(&b)->forgotten);
	until(!of(&b)->forgotten);
	until(theirs(&b) == 0 && keys_left("{*}*") <= 2);
	engine_free(b.engine);
}

static void the_engine_of_a_node_alone_imports_whatever_there_is(void **state)
{
	struct engine *e = engine_local_new(16);

	(void)state;
	assert_false(engine_finds_imports(e));
	engine_imports(e, &their_import, 1);
	engine_forget_node(e, "a");
	assert_true(engine_wants(e, &their_import));
	engine_free(e);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_base_that_is_not_at_hand_is_wanted, next_cluster),
		cmocka_unit_test_setup(an_import_of_another_generation_is_another_base, next_cluster),
		cmocka_unit_test_setup(what_is_at_hand_stays_so_when_the_directory_is_read_again,
				       next_cluster),
		cmocka_unit_test_setup(what_two_nodes_have_is_one_candidate, next_cluster),
		cmocka_unit_test_setup(a_forgotten_node_has_no_bases, next_cluster),
		cmocka_unit_test_setup(a_node_is_forgotten_as_soon_as_the_servers_answer, next_cluster),
		cmocka_unit_test(the_engine_of_a_node_alone_imports_whatever_there_is),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("theirs", tests, start, stop);
}
