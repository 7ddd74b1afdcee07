// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oom_score_adj lowered and put back, of real processes; and what an earlier
 * medesd has left.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "badness.h"
#include "oom.h"
#include "proc.h"

static char dir[] = "/tmp/test-oom.XXXXXX";
static struct medes_process process;
static bool able;			/* a value may be lowered here */

static int value(void)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/%u/oom_score_adj", process.pid);
	assert_true(medes_file_read(path, text, sizeof(text)) > 0);
	return atoi(text);
}

static int set_value(int n)
{
	char path[64];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "/proc/%u/oom_score_adj", process.pid);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fprintf(f, "%d", n);
	err = fclose(f);
	return err;
}

static unsigned int files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Containers may not let anybody lower it. */
static void need_it(void)
{
	if (!able)
		skip();
}

static void round_of(struct oom *oom, int less)
{
	oom_begin(oom);
	if (less >= 0)
		oom_lower(oom, &process, less);
	oom_end(oom);
}

/* A process with 200. */
static int begin(void **state)
{
	(void)state;
	process.pid = fork();
	if (!process.pid) {
		pause();
		_exit(0);
	}
	if (medes_process_start_time(process.pid, &process.start_time) || set_value(200))
		return -1;
	able = !set_value(100) && !set_value(200);
	return 0;
}

static int end(void **state)
{
	(void)state;
	kill(process.pid, SIGKILL);
	waitpid(process.pid, NULL, 0);
	return 0;
}

static void lowered_and_put_back(void **state)
{
	struct oom *oom;

	(void)state;
	need_it();
	oom = oom_new(dir);
	round_of(oom, 30);
	assert_int_equal(value(), 170);
	assert_int_equal(files(), 1);
	round_of(oom, 50);
	assert_int_equal(value(), 150);
	round_of(oom, 0);
	assert_int_equal(value(), 200);
	assert_int_equal(files(), 0);
	round_of(oom, 30);
	round_of(oom, -1);
	assert_int_equal(value(), 200);
	oom_free(oom);
}

static void never_below_the_lowest(void **state)
{
	struct oom *oom;

	(void)state;
	if (set_value(-900))
		skip();
	oom = oom_new(dir);
	round_of(oom, 500);
	assert_int_equal(value(), -999);
	oom_free(oom);
	assert_int_equal(value(), -900);
	assert_int_equal(set_value(-1000), 0);
	oom = oom_new(dir);
	round_of(oom, 500);
	assert_int_equal(value(), -1000);
	oom_free(oom);
	assert_int_equal(value(), -1000);
}

/* Killed: nothing is put back, and the next one knows. */
static void after_a_kill(void **state)
{
	struct oom *oom;
	pid_t pid;

	(void)state;
	need_it();
	pid = fork();
	if (!pid) {
		round_of(oom_new(dir), 30);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	assert_int_equal(value(), 170);
	oom = oom_new(dir);
	round_of(oom, 60);
	assert_int_equal(value(), 140);
	oom_free(oom);
	assert_int_equal(value(), 200);
	assert_int_equal(files(), 0);
}

static void leave(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void leave(const char *format, ...)
{
	char path[300];
	va_list args;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u", dir, process.pid);
	f = fopen(path, "w");
	assert_non_null(f);
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
}

/* Between the file and the process: both values are ours. */
static void killed_between_file_and_process(void **state)
{
	(void)state;
	need_it();
	leave("%llu 300 200 250\n", (unsigned long long)process.start_time);
	oom_free(oom_new(dir));
	assert_int_equal(value(), 300);
}

static void what_is_not_ours_stays(void **state)
{
	struct oom *oom;

	(void)state;
	need_it();
	/* another process of that pid */
	leave("%llu 300 200 200\n", (unsigned long long)process.start_time + 1);
	oom_free(oom_new(dir));
	assert_int_equal(value(), 200);
	/* somebody else's value */
	leave("%llu 300 100 110\n", (unsigned long long)process.start_time);
	oom = oom_new(dir);
	round_of(oom, 10);
	assert_int_equal(value(), 190);
	assert_int_equal(set_value(400), 0);
	round_of(oom, 10);
	assert_int_equal(value(), 390);
	oom_free(oom);
	assert_int_equal(value(), 400);
	leave("nonsense\n");
	oom_free(oom_new(dir));
	assert_int_equal(value(), 400);
	assert_int_equal(files(), 0);
}

static void of_a_process_that_went(void **state)
{
	struct oom *oom;

	need_it();
	oom = oom_new(dir);
	round_of(oom, 30);
	end(state);
	round_of(oom, 40);
	assert_int_equal(files(), 0);
	oom_free(oom);
	begin(state);
}

static void thousandths(void **state)
{
	(void)state;
	assert_int_equal(badness_less(0, 1000), 0);
	assert_int_equal(badness_less(1000, 0), 0);
	assert_int_equal(badness_less(499, 1000000), 0);
	assert_int_equal(badness_less(500, 1000000), 1);
	assert_int_equal(badness_less(250 << 20, 1000ULL << 20), 250);
	assert_int_equal(badness_less(2000, 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousandths),
		cmocka_unit_test_setup_teardown(lowered_and_put_back, begin, end),
		cmocka_unit_test_setup_teardown(never_below_the_lowest, begin, end),
		cmocka_unit_test_setup_teardown(after_a_kill, begin, end),
		cmocka_unit_test_setup_teardown(killed_between_file_and_process, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_ours_stays, begin, end),
		cmocka_unit_test_setup_teardown(of_a_process_that_went, begin, end),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests_name("oom", tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
