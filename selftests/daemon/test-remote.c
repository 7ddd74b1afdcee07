// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry in a cluster of real Valkey servers: three primaries, three replicas. Two
 * engines stand for two nodes: what the first one enters, the second one finds, or does without,
 * whatever happens to the servers. Every look-up must be answered, with the bases of its own node
 * at least.
 */
#include "engines.h"

static void one_node_finds_what_another_enters(void **state)
{
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	assert_true(is_state(&b, "up"));
	/* nobody finds bases of another domain, and a node not its own among the others' */
	look_up(&b, "e");
	assert_int_equal(b.ours + b.theirs, 0);
	look_up(&a, "d");
	assert_int_equal(a.ours, PAGES);
	assert_int_equal(a.theirs, 0);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void entering_twice_changes_nothing(void **state)
{
	unsigned long entered;
	struct node a, b;
	uint32_t number;

	(void)state;
	open_node(&a, "a");
	enter_all(&a);
	entered = of(&a)->counts.entered;
	number = of(&a)->own->number;
	assert_true(entered > PAGES * 8);
	/* the daemon was killed, and starts anew */
	engine_free(a.engine);
	open_node(&a, "a");
	enter_all(&a);
	assert_int_equal(of(&a)->own->number, number);
	assert_int_equal(of(&a)->counts.entered, 0);
	open_node(&b, "b");
	until(theirs(&b) == PAGES);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void a_dropped_base_disappears(void **state)
{
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	assert_true(keys_left("{*}*") > 100);
	engine_remove(a.engine, THEIR_BASE);
	until(theirs(&b) == 0);
	/* and what it took: all but the directory and who swept it */
	until(keys_left("{*}*") <= 2);
	engine_free(a.engine);

	/* a base that went while the daemon did not run */
	open_node(&a, "a");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	engine_free(a.engine);
	open_node(&a, "a");
	engine_keep(a.engine, NULL, NULL);
	until(theirs(&b) == 0);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void a_wrong_password_leaves_the_own_bases(void **state)
{
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	enter_all(&a);
	open_with(&b, "b", servers.servers, "guessed");
	enter(&b, 6);
	until(is_state(&b, "down"));
	look_up(&b, "d");
	assert_int_equal(b.ours, PAGES);
	assert_int_equal(b.theirs, 0);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void slow_servers_are_not_waited_for(void **state)
{
	unsigned int i;
	struct node a, b;
	long late;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	/* longer than all that waits for them */
	on_all_primaries("CLIENT PAUSE 6000 ALL");
	for (i = 0; i < 3; i++)
		look_up(&b, "d");
	assert_int_equal(b.theirs, 0);
	late = number(&b, "timeouts");
	assert_true(late > 0);
	assert_int_equal(number(&b, "breakers_open"), 3);
	/* open breakers: nothing is sent, nothing is waited for */
	for (i = 0; i < 3; i++)
		look_up(&b, "d");
	assert_true(is_state(&b, "degraded"));
	until(theirs(&b) == PAGES);
	until(number(&b, "breakers_open") == 0);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void a_flushed_registry_fills_again(void **state)
{
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	on_all_primaries("FLUSHALL");
	look_up(&b, "d");
	assert_true(!b.theirs || of(&a)->counts.lost);
	until(of(&a)->counts.lost && all_entered(&a));
	until(theirs(&b) == PAGES);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void full_servers_still_answer(void **state)
{
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	on_all("CONFIG SET maxmemory 1");
	pages[0].hash++;
	enter(&b, 6);
	until(of(&b)->own->number && number(&b, "failures"));
	look_up(&b, "d");
	/* it prefers its own; those of the other node are still told */
	assert_int_equal(b.ours, PAGES);
	assert_int_equal(of(&b)->counts.missed, 0);
	on_all("CONFIG SET maxmemory 0");
	until(all_entered(&b));
	until(theirs(&a) == 0);
	engine_free(a.engine);
	engine_free(b.engine);
}

/* All keys of a slot, from one primary to another; between the two halves, ASK; then MOVED. */
static void slots_may_move(void **state)
{
	unsigned int slot = slot_of("{5}", 3), from = valkeys_of_slot(&servers, slot);
	unsigned int to = (from + 1) % 3, i;
	redisReply *from_id, *to_id, *keys;
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	enter_all(&a);
	until(theirs(&b) == PAGES);
	from_id = valkeys_command(&servers, from, "CLUSTER MYID");
	to_id = valkeys_command(&servers, to, "CLUSTER MYID");
	freeReplyObject(valkeys_command(&servers, to, "CLUSTER SETSLOT %u IMPORTING %s", slot,
					from_id->str));
	freeReplyObject(valkeys_command(&servers, from, "CLUSTER SETSLOT %u MIGRATING %s", slot,
					to_id->str));
	keys = valkeys_command(&servers, from, "CLUSTER GETKEYSINSLOT %u 10000", slot);
	assert_true(keys->elements > 10);
	for (i = 0; i < keys->elements; i++)
		freeReplyObject(valkeys_command(&servers, from, "MIGRATE 127.0.0.1 %u %s 0 2000",
						servers.port[to], keys->element[i]->str));
	freeReplyObject(keys);
	until(theirs(&b) == PAGES);
	assert_true(number(&b, "redirected") > 0);
	freeReplyObject(valkeys_command(&servers, to, "CLUSTER SETSLOT %u NODE %s", slot, to_id->str));
	freeReplyObject(valkeys_command(&servers, from, "CLUSTER SETSLOT %u NODE %s", slot, to_id->str));
	until(theirs(&b) == PAGES);
	freeReplyObject(from_id);
	freeReplyObject(to_id);
	engine_free(a.engine);
	engine_free(b.engine);
}

static unsigned int with_directory(void)
{
	return valkeys_of_slot(&servers, slot_of("{bases}", 7));
}

/* Its replica has heard of the directory. */
static bool is_replicated(unsigned int replica)
{
	redisReply *reply = valkeys_command(&servers, replica, "KEYS medes:%s:{bases}", cluster);
	bool is = reply && reply->elements;

	freeReplyObject(reply);
	return is;
}

/* The replica of the server that dies has not got the last write. */
static void a_failover_may_lose_the_last_write(void **state)
{
	unsigned int primary = with_directory(), replica = primary + servers.primaries;
	struct node a, b;

	(void)state;
	open_node(&a, "a");
	open_node(&b, "b");
	until(of(&a)->version[0] && of(&b)->version[0]);
	until(is_replicated(replica));
	valkeys_signal(&servers, replica, SIGSTOP);
	freeReplyObject(valkeys_command(&servers, primary, "CLIENT KILL TYPE replica"));
	enter_all(&a);
	until(theirs(&b) == PAGES);
	valkeys_signal(&servers, primary, SIGKILL);
	valkeys_signal(&servers, replica, SIGCONT);
	/* until it has taken over, and after that, look-ups are answered */
	until((look_up(&b, "d"), of(&a)->counts.lost));
	until(all_entered(&a));
	until(theirs(&b) == PAGES);
	engine_free(a.engine);
	engine_free(b.engine);
}

static void without_any_server_the_own_bases_remain(void **state)
{
	unsigned int i;
	struct node a;

	(void)state;
	open_node(&a, "a");
	enter_all(&a);
	for (i = 0; i < servers.n; i++)
		valkeys_signal(&servers, i, SIGKILL);
	for (i = 0; i < 20; i++) {
		look_up(&a, "d");
		assert_int_equal(a.ours, PAGES);
	}
	look_up(&a, "e");
	engine_remove(a.engine, THEIR_BASE);
	look_up(&a, "d");
	assert_int_equal(a.ours, 0);
	assert_int_not_equal(number(&a, "servers_ready"), 3);
	engine_free(a.engine);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_node_finds_what_another_enters, next_cluster),
		cmocka_unit_test_setup(entering_twice_changes_nothing, next_cluster),
		cmocka_unit_test_setup(a_dropped_base_disappears, next_cluster),
		cmocka_unit_test_setup(a_wrong_password_leaves_the_own_bases, next_cluster),
		cmocka_unit_test_setup(slow_servers_are_not_waited_for, next_cluster),
		cmocka_unit_test_setup(a_flushed_registry_fills_again, next_cluster),
		cmocka_unit_test_setup(full_servers_still_answer, next_cluster),
		cmocka_unit_test_setup(slots_may_move, next_cluster),
		cmocka_unit_test_setup(a_failover_may_lose_the_last_write, next_cluster),
		cmocka_unit_test_setup(without_any_server_the_own_bases_remain, next_cluster),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("remote", tests, start, stop);
}
