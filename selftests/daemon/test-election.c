// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Membership, election and epochs: controllers and nodes in one process, on one real Valkey
 * server and then on a pair of which one is lost with its last write.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "election.h"
#include "epoch.h"
#include "roster.h"
#include "slots.h"
#include "turns.h"
#include "valkey.h"
#include "valkeys.h"

#define LEASE 1200			/* ms; a stall of half of it would lose it */

static struct valkeys servers;
static struct valkey *valkey[2];	/* a connection for each of two machines */

/* One of each machine, so that one of them can be kept out. */
static void add_users(void)
{
	unsigned int i, k;

	for (i = 0; i < servers.n; i++)
		for (k = 0; k < 2; k++)
			freeReplyObject(valkeys_command(&servers, i,
				"ACL SETUSER m%u on >pw ~medes:* -@all +ping +cluster|slots +eval +get +set +del +incr +hset +hdel +hgetall",
				k));
}

static void open_valkey(void)
{
	struct valkey_settings settings = {
		.servers = servers.servers, .password = "pw", .ca = "", .cert = "",
		.key = "", .name = "", .timeout = 500,
	};
	char error[256];
	int i;

	add_users();
	for (i = 0; i < 2; i++) {
		settings.user = i ? "m1" : "m0";
		valkey[i] = valkey_new(events, &settings, error, sizeof(error));
		assert_non_null(valkey[i]);
	}
}

static void close_valkey(void)
{
	valkey_free(valkey[0]);
	valkey_free(valkey[1]);
}

static void on_change(void *arg)
{
	++*(unsigned int *)arg;
}

static unsigned int changes[2];

static struct election *stand(int machine, const char *cluster, uint64_t floor)
{
	const struct election_settings settings = {
		.cluster = cluster, .id = machine ? "b" : "a", .lease = LEASE, .floor = floor,
		.changed = on_change, .arg = &changes[machine],
	};
	struct election *e = election_new(events, valkey[machine], &settings);

	changes[machine] = 0;
	assert_non_null(e);
	return e;
}

static uint64_t epoch_of(const struct election *e)
{
	uint64_t epoch;

	return election_leads(e, &epoch) ? epoch : 0;
}

static void one_leads_and_the_other_takes_over(void **state)
{
	struct election *a, *b;
	uint64_t first, start, epoch;

	(void)state;
	a = stand(0, "one", 0);
	until(epoch_of(a));
	first = epoch_of(a);
	assert_int_equal(first, 1);
	b = stand(1, "one", 0);
	spend(2 * LEASE);
	assert_int_equal(epoch_of(a), first);
	assert_int_equal(epoch_of(b), 0);
	assert_string_equal(election_leader(b, &epoch), "a");
	assert_int_equal(changes[0], 1);

	/* one that is killed says nothing: the lease has to end */
	election_free(a);
	start = valkey_now();
	until(epoch_of(b));
	assert_true(valkey_now() - start > LEASE / 4 * 1000);
	assert_int_equal(epoch_of(b), first + 1);

	/* it comes back and follows; one that ends makes room at once */
	a = stand(0, "one", 0);
	until(!strcmp(election_leader(a, &epoch), "b"));
	election_resign(b);
	assert_int_equal(epoch_of(b), 0);
	start = valkey_now();
	until(epoch_of(a));
	assert_int_equal(epoch_of(a), first + 2);
	election_free(a);
	election_free(b);
}

static void an_earlier_life_is_another_epoch(void **state)
{
	struct election *a;
	uint64_t first;

	(void)state;
	a = stand(0, "life", 0);
	until(epoch_of(a));
	first = epoch_of(a);
	election_free(a);
	a = stand(0, "life", 0);
	until(epoch_of(a) > first);
	/* nodes obeyed a higher one, which Valkey knows nothing of */
	election_outbid(a, 41);
	assert_int_equal(epoch_of(a), 0);
	until(epoch_of(a));
	assert_int_equal(epoch_of(a), 42);
	election_free(a);
	a = stand(0, "life", 99);
	until(epoch_of(a));
	assert_int_equal(epoch_of(a), 100);
	election_free(a);
}

static void a_leader_that_is_cut_off_stops_before_another_begins(void **state)
{
	struct election *a, *b;

	(void)state;
	a = stand(0, "cut", 0);
	until(epoch_of(a));
	b = stand(1, "cut", 0);
	spend(LEASE);
	/* the first machine does not reach the servers any more, and has to notice itself */
	freeReplyObject(valkeys_command(&servers, 0, "ACL DELUSER m0"));
	until(!epoch_of(a));
	assert_int_equal(epoch_of(b), 0);
	until(epoch_of(b));
	assert_int_equal(epoch_of(b), 2);
	assert_int_equal(epoch_of(a), 0);
	/* back again, it follows */
	add_users();
	spend(2 * LEASE);
	assert_int_equal(epoch_of(a), 0);
	assert_int_equal(epoch_of(b), 2);
	election_free(a);
	election_free(b);
}

static unsigned int came, went;

/* The clocks that can be set, as medesd sees them: the linker puts these between. */
static long step;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __real_gettimeofday(struct timeval *tv, void *zone);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int err = __real_clock_gettime(clock, ts);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ts->tv_sec += step;
	return err;
}

int __wrap_gettimeofday(struct timeval *tv, void *zone)
{
	int err = __real_gettimeofday(tv, zone);

	tv->tv_sec += step;
	return err;
}

time_t __wrap_time(time_t *out)
{
	struct timespec ts;

	__wrap_clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

static void a_clock_that_steps_changes_no_leader(void **state)
{
	static const long steps[] = { 7200, -7200, 0 };
	struct election *a, *b;
	uint64_t first;
	size_t i;

	(void)state;
	a = stand(0, "step", 0);
	until(epoch_of(a));
	first = epoch_of(a);
	b = stand(1, "step", 0);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		step = steps[i];
		spend(LEASE + LEASE / 2);
		assert_int_equal(epoch_of(a), first);
		assert_int_equal(epoch_of(b), 0);
	}
	assert_int_equal(changes[0], 1);
	/* nor does it keep one that has died */
	election_free(a);
	step = -7200;
	until(epoch_of(b) == first + 1);
	step = 0;
	election_free(b);
}

static void on_node(const char *node, bool alive, void *arg)
{
	(void)arg;
	if (strcmp(node, "n2"))
		return;
	came += alive;
	went += !alive;
}

static struct roster *appear(int machine, const char *node, const char *about)
{
	const struct roster_settings settings = {
		.cluster = "one", .node = node, .about = about, .lease = LEASE,
		.changed = machine ? NULL : on_node,
	};
	struct roster *r = roster_new(events, valkey[machine], &settings);

	assert_non_null(r);
	return r;
}

static bool alive(const struct roster *r, const char *node)
{
	const struct roster_node *n = roster_find(r, node);

	return n && n->alive;
}

static void nodes_come_and_go(void **state)
{
	struct roster *first = appear(0, "n1", "10.0.0.1:8180"), *second, *looks;

	(void)state;
	until(alive(first, "n1"));
	second = appear(1, "n2", "10.0.0.2:8180 up");
	until(alive(first, "n2"));
	assert_string_equal(roster_find(first, "n2")->about, "10.0.0.2:8180 up");
	assert_int_equal(came, 1);
	spend(2 * LEASE);
	assert_int_equal(went, 0);
	roster_free(second);
	until(!alive(first, "n2"));
	assert_int_equal(went, 1);
	/* who only looks is no node, and does not take the dead for living */
	looks = appear(1, "", "");
	until(alive(looks, "n1"));
	assert_false(alive(looks, "n2"));
	roster_forget(looks, "n2");
	until(!roster_find(first, "n2"));
	roster_free(looks);
	roster_free(first);
}

static void silence_of_the_servers_kills_nobody(void **state)
{
	struct roster *first = appear(0, "n1", "x"), *second = appear(1, "n2", "y");

	(void)state;
	until(alive(first, "n2") && alive(second, "n1"));
	came = 0;
	went = 0;
	freeReplyObject(valkeys_command(&servers, 0, "CLIENT PAUSE %d ALL", 2 * LEASE));
	spend(LEASE + LEASE / 2);
	assert_int_equal(went, 0);
	spend(2 * LEASE);
	assert_true(alive(first, "n2"));
	assert_int_equal(went, 0);
	roster_free(first);
	roster_free(second);
}

/* The election names one epoch twice; the node obeys whoever came first. */
static void a_lost_write_makes_two_leaders_and_nodes_obey_one(void **state)
{
	struct epoch node = { 0 };
	struct election *a, *b;
	char error[256];
	unsigned int primary, replica;
	uint64_t epoch;

	(void)state;
	close_valkey();
	valkeys_stop(&servers);
	assert_int_equal(valkeys_start(&servers, 3, 3, NULL), 0);
	open_valkey();
	primary = valkeys_of_slot(&servers, slot_of("{lead}", 6));
	replica = primary + 3;
	valkeys_signal(&servers, replica, SIGSTOP);
	freeReplyObject(valkeys_command(&servers, primary, "CLIENT KILL TYPE replica"));
	a = stand(0, "two", 0);
	until(epoch_of(a));
	epoch = epoch_of(a);
	assert_int_equal(epoch_accept(&node, epoch, "a", error, sizeof(error)), 0);
	/* the servers forget that a was elected */
	election_free(a);
	valkeys_signal(&servers, primary, SIGKILL);
	valkeys_signal(&servers, replica, SIGCONT);
	b = stand(1, "two", 0);
	until(epoch_of(b));
	assert_int_equal(epoch_of(b), epoch);
	assert_int_equal(epoch_accept(&node, epoch_of(b), "b", error, sizeof(error)), -ESTALE);
	assert_non_null(strstr(error, "controller a"));
	/* it is told, and stands again */
	election_outbid(b, node.number);
	until(epoch_of(b));
	assert_true(epoch_of(b) > epoch);
	assert_int_equal(epoch_accept(&node, epoch_of(b), "b", error, sizeof(error)), 0);
	assert_int_equal(epoch_accept(&node, epoch, "a", error, sizeof(error)), -ESTALE);
	election_free(b);
}

static void epochs_survive_the_daemon(void **state)
{
	char directory[] = "/tmp/medes-epoch-XXXXXX", path[64], error[256];
	struct epoch e;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(epoch_load(&e, directory, error, sizeof(error)), 0);
	assert_int_equal(e.number, 0);
	assert_int_equal(epoch_accept(&e, 0, "a", error, sizeof(error)), -ESTALE);
	assert_int_equal(epoch_accept(&e, 7, "a", error, sizeof(error)), 0);
	assert_int_equal(epoch_accept(&e, 7, "a", error, sizeof(error)), 0);
	assert_int_equal(epoch_load(&e, directory, error, sizeof(error)), 0);
	assert_int_equal(e.number, 7);
	assert_string_equal(e.controller, "a");
	assert_int_equal(epoch_accept(&e, 7, "b", error, sizeof(error)), -ESTALE);
	assert_int_equal(epoch_accept(&e, 6, "a", error, sizeof(error)), -ESTALE);
	assert_int_equal(epoch_accept(&e, UINT64_MAX, "b", error, sizeof(error)), 0);
	assert_int_equal(epoch_load(&e, directory, error, sizeof(error)), 0);
	assert_true(e.number == UINT64_MAX);

	snprintf(path, sizeof(path), "%s/epoch", directory);
	file = fopen(path, "w");
	fputs("nonsense", file);
	fclose(file);
	assert_int_equal(epoch_load(&e, directory, error, sizeof(error)), -EINVAL);
	unlink(path);
	/* its directory may be made by whoever obeys first */
	assert_int_equal(epoch_load(&e, directory, error, sizeof(error)), 0);
	rmdir(directory);
	assert_int_equal(epoch_accept(&e, 1, "a", error, sizeof(error)), 0);
	unlink(path);
	rmdir(directory);
	/* what cannot be written down is not obeyed */
	file = fopen(directory, "w");
	fclose(file);
	assert_int_equal(epoch_accept(&e, 2, "a", error, sizeof(error)), -ENOTDIR);
	assert_int_equal(e.number, 1);
	unlink(directory);
}

static int start(void **state)
{
	(void)state;
	/* as medesd has it: servers die while they are written to */
	signal(SIGPIPE, SIG_IGN);
	events = event_base_new();
	if (!events || valkeys_start(&servers, 0, 0, NULL))
		return -1;
	open_valkey();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	close_valkey();
	valkeys_stop(&servers);
	event_base_free(events);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epochs_survive_the_daemon),
		cmocka_unit_test(one_leads_and_the_other_takes_over),
		cmocka_unit_test(an_earlier_life_is_another_epoch),
		cmocka_unit_test(a_leader_that_is_cut_off_stops_before_another_begins),
		cmocka_unit_test(a_clock_that_steps_changes_no_leader),
		cmocka_unit_test(nodes_come_and_go),
		cmocka_unit_test(silence_of_the_servers_kills_nobody),
		cmocka_unit_test(a_lost_write_makes_two_leaders_and_nodes_obey_one),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("election", tests, start, stop);
}
