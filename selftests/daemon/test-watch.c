// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sandboxes that are used without being acquired: cpu.stat of a directory made by hand, and
 * what a box does that is seen to run and to rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "activity.h"
#include "simtest.h"

static char dir[] = "/tmp/test-watch.XXXXXX";

static void put_usage(unsigned int us)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cpu.stat", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "usage_usec %u\nuser_usec 1\nsystem_usec 2\n", us);
	fclose(file);
}

static void cpu_stat_says_when_a_cgroup_ran(void **state)
{
	struct activity *activity = activity_new(false);
	struct activity_cgroup cg;
	char error[CGROUP_ERROR], path[128];
	struct cgroup cgroup;
	const char *why;

	(void)state;
	strcpy(cgroup.path, dir);
	assert_null(activity_name(activity, &why));
	assert_int_not_equal(activity_add(activity, &cgroup, 1000, &cg, error), 0);
	assert_non_null(strstr(error, "has no cpu.stat"));
	assert_null(cg.source);

	put_usage(500);
	assert_int_equal(activity_add(activity, &cgroup, 1000, &cg, error), 0);
	assert_string_equal(activity_name(activity, &why), "cpu.stat");
	assert_string_equal(why, "Ebpf=no");
	/* what it ran before is no activity */
	assert_true(activity_look(activity, &cg, 2000));
	assert_int_equal(cg.sum.last, 1000);
	put_usage(501);
	assert_true(activity_look(activity, &cg, 3000));
	assert_int_equal(cg.sum.last, 3000);
	assert_int_equal(cg.sum.ran, 501);
	assert_true(activity_look(activity, &cg, 4000));
	assert_int_equal(cg.sum.last, 3000);

	snprintf(path, sizeof(path), "%s/cpu.stat", dir);
	unlink(path);
	assert_false(activity_look(activity, &cg, 5000));
	activity_remove(activity, &cg);
	assert_null(cg.source);
	activity_free(activity);
}

/* A box that idles, as if a platform had it. */
static struct box *watched(struct function *f)
{
	struct sim_call *c = sim_ask(sim, f);
	struct box *box;

	sim_run(sim, 2);
	assert_true(c->answered);
	free(c);
	box = first(f);
	assert_int_equal(box->state, BOX_IDLE);
	box->adopted = true;
	box->watched = true;
	return box;
}

static void idles_since_it_was_last_seen_running(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct box *box = watched(f);
	uint64_t arrivals = f->measure.total, now;

	(void)state;
	box_runs(box, clock_now(sim->clock));
	assert_int_equal(box->state, BOX_RUNNING);
	sim_run(sim, 100);
	assert_int_equal(box->state, BOX_RUNNING);
	/* a time that it runs is one request, however often it is seen */
	box_runs(box, clock_now(sim->clock));
	assert_int_equal(f->measure.total, arrivals + 1);
	now = clock_now(sim->clock);
	box_rests(box, now - 5 * US_PER_S);
	assert_int_equal(box->state, BOX_IDLE);
	assert_int_equal(box->idle_since, now - 5 * US_PER_S);
	box_rests(box, now - 5 * US_PER_S);
	sim_run(sim, 53);
	assert_int_equal(box->state, BOX_IDLE);
	sim_run(sim, 10);
	assert_int_equal(box->state, BOX_DEDUP);
	box_rests(box, now);
	assert_int_equal(box->state, BOX_DEDUP);
	assert_int_equal(f->measure.running, 0);
}

static void comes_back_by_running(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct box *box = watched(f);

	(void)state;
	sim_run(sim, 70);
	assert_int_equal(box->state, BOX_DEDUP);
	box_runs(box, clock_now(sim->clock));
	assert_int_equal(box->state, BOX_RUNNING);
	assert_int_equal(sim->control->n_restoring, 1);
	box_restored(box);
	assert_int_equal(sim->control->n_restoring, 0);
	assert_int_equal(f->measure.starts[START_DEDUP], 1);
	box_rests(box, clock_now(sim->clock));
	sim_run(sim, 70);
	assert_int_equal(box->state, BOX_DEDUP);
}

static void acquired_while_it_runs_by_itself(void **state)
{
	struct function *f = sim_function(sim, "f", "{}");
	struct box *box = watched(f);
	struct sim_call *lease, *second;

	(void)state;
	box_runs(box, clock_now(sim->clock));
	lease = sim_lease(sim, f, box);
	assert_int_equal(lease->status, 0);
	assert_int_equal(box->in_flight, 1);
	second = sim_lease(sim, f, box);
	assert_int_equal(second->status, 409);
	/* the call says that it is in use, whatever is seen */
	box_rests(box, clock_now(sim->clock));
	assert_int_equal(box->state, BOX_RUNNING);
	call_done(&lease->call);
	assert_int_equal(box->state, BOX_IDLE);
	assert_int_equal(f->measure.running, 1);
	box_rests(box, clock_now(sim->clock));
	assert_int_equal(f->measure.running, 0);
	free(lease);
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_stat_says_when_a_cgroup_ran),
		SIM_TEST(idles_since_it_was_last_seen_running),
		SIM_TEST(comes_back_by_running),
		SIM_TEST(acquired_while_it_runs_by_itself),
	};
	int failed;

	assert_non_null(mkdtemp(dir));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) || failed;
}
