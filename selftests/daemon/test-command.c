// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands that the daemon runs: how each of them ends, and that none is left behind. And what
 * became of a process that is no child of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "command.h"
#include "ended.h"

#define PATIENCE_MS 60000
#define NOT_YET 12345

static struct event_base *events;
static char error[CGROUP_ERROR];

static void on_done(int status, void *arg)
{
	*(int *)arg = status;
}

static struct command *start(const char *script, unsigned int timeout, int output, int *status)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct command_order order = { .argv = argv, .output = output, .timeout = timeout };

	*status = NOT_YET;
	return command_start(events, &order, on_done, status, error);
}

static int result(const char *script, unsigned int timeout)
{
	int status;

	assert_non_null(start(script, timeout, STDERR_FILENO, &status));
	while (status == NOT_YET)
		event_base_loop(events, EVLOOP_ONCE);
	return status;
}

static bool has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

static void says_how_it_ended(void **state)
{
	(void)state;
	assert_int_equal(result("exit 0", PATIENCE_MS), 0);
	assert_int_equal(result("exit 3", PATIENCE_MS), 3);
	assert_int_equal(result("kill -TERM $$", PATIENCE_MS), -SIGTERM);
	assert_true(result("exec sleep 1000", 50) < 0);
	assert_false(has_children());
}

static void output_goes_where_it_is_told(void **state)
{
	char text[64];
	int pipe[2], status;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(pipe, O_CLOEXEC), 0);
	assert_non_null(start("echo out; echo err >&2; read x || echo \"no input\"", PATIENCE_MS, pipe[1],
			      &status));
	close(pipe[1]);
	while (status == NOT_YET)
		event_base_loop(events, EVLOOP_ONCE);
	n = read(pipe[0], text, sizeof(text) - 1);
	text[n] = '\0';
	assert_string_equal(text, "out\nerr\nno input\n");
	close(pipe[0]);
}

static void what_is_missing_is_named(void **state)
{
	const char *const argv[] = { "no-such-program", NULL };
	const struct cgroup nowhere = { .path = "/no/cgroup" };
	struct command_order order = { .argv = argv, .output = STDERR_FILENO, .timeout = 1000 };

	(void)state;
	assert_null(command_start(events, &order, on_done, NULL, error));
	assert_string_equal(error, "cannot run no-such-program: No such file or directory; is it installed?");
	assert_int_equal(command_run(&order), -ENOENT);
	order.cell = &nowhere;
	assert_null(command_start(events, &order, on_done, NULL, error));
	assert_false(has_children());
}

static void freed_while_it_runs(void **state)
{
	int status;

	(void)state;
	command_free(start("exec sleep 1000", PATIENCE_MS, STDERR_FILENO, &status));
	assert_int_equal(status, NOT_YET);
	assert_false(has_children());
	command_free(NULL);
}

static void waited_for(void **state)
{
	const char *const argv[] = { "sh", "-c", "exit 4", NULL };
	const char *const slow[] = { "sleep", "1000", NULL };
	const struct command_order quick = {
		.argv = argv, .output = STDERR_FILENO, .timeout = PATIENCE_MS,
	};
	const struct command_order late = {
		.argv = slow, .output = STDERR_FILENO, .timeout = 50,
	};

	(void)state;
	assert_int_equal(command_run(&quick), 4);
	assert_int_equal(command_run(&late), -ETIMEDOUT);
	assert_false(has_children());
}

static void status_of_a_child(void **state)
{
	siginfo_t info;
	int status, fd;
	pid_t pid;

	(void)state;
	assert_false(ended_status(-1, &status));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	fd = pidfd_open(pid, 0);
	assert_false(ended_status(fd, &status));
	kill(pid, SIGKILL);
	waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT);
	assert_true(ended_status(fd, &status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(fd);
	assert_false(has_children());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_how_it_ended),
		cmocka_unit_test(output_goes_where_it_is_told),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(freed_while_it_runs),
		cmocka_unit_test(waited_for),
		cmocka_unit_test(status_of_a_child),
	};
	int failed;

	events = event_base_new();
	assert_non_null(events);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	event_base_free(events);
	return failed;
}
