// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the tests of a suite one after the other and speaks KTAP.
 *
 * A test and all that it forks are one process group, which is killed when the
 * test ends or its time is over; so nothing of it disturbs the next. Failures are
 * counted in memory that the whole group shares, even over exec.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "harness.h"
#include "sys.h"
#include "world.h"

#define TEST_SECONDS 120
#define VERDICT_FD 200
#define DEBUG_FACTOR 5

struct verdict {
	unsigned int failures;
	char skipped[200];
};

static struct verdict *verdict;

static void write_line(const char *prefix, const char *format, va_list args)
{
	char text[1000];
	int len = snprintf(text, sizeof(text), "%s", prefix);

	len += vsnprintf(text + len, sizeof(text) - len - 1, format, args);
	if (len > (int)sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	/* one write a line: processes share the output */
	if (write(STDOUT_FILENO, text, len) != len)
		_exit(EXIT_FAILURE);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("", format, args);
	va_end(args);
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("# ", format, args);
	va_end(args);
}

void check_failed(const char *file, int line, const char *format, ...)
{
	char prefix[100];
	va_list args;

	snprintf(prefix, sizeof(prefix), "# %s:%d: ", file, line);
	va_start(args, format);
	write_line(prefix, format, args);
	va_end(args);
	__atomic_add_fetch(&verdict->failures, 1, __ATOMIC_RELAXED);
}

unsigned int failures(void)
{
	return __atomic_load_n(&verdict->failures, __ATOMIC_RELAXED);
}

void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->skipped, sizeof(verdict->skipped), format, args);
	va_end(args);
	_exit(EXIT_SKIP);
}

unsigned int slow(void)
{
	static unsigned int factor;

	if (!factor)
		factor = access("/sys/kernel/debug/kmemleak", F_OK) ? 1 : DEBUG_FACTOR;
	return factor;
}

/**
 * harness_attach() - find the verdict again in a program that was exec'ed
 */
void harness_attach(void)
{
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE, MAP_SHARED, VERDICT_FD, 0);
	if (verdict == MAP_FAILED)
		_exit(EXIT_FAILURE);
}

static int make_verdict(void)
{
	int fd = memfd_create("verdict", 0);

	if (fd < 0 || ftruncate(fd, sizeof(*verdict)) || dup2(fd, VERDICT_FD) < 0)
		return -1;
	close(fd);
	harness_attach();
	return 0;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void child(const struct test *test)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	world_open();
	test->run();
	_exit(EXIT_SUCCESS);
}

/* Where the processes of a test are, when it does not end. */
static void show_stacks(pid_t group)
{
	char command[256];
	char line[200];
	FILE *out;

	snprintf(command, sizeof(command),
		 "for p in $(pgrep -g %d); do for t in /proc/$p/task/*; do"
		 " echo \"$t $(cat $t/comm) $(cat $t/syscall)\"; cat $t/stack; done; done", group);
	out = popen(command, "r");
	while (out && fgets(line, sizeof(line), out)) {
		line[strcspn(line, "\n")] = '\0';
		note("%s", line);
	}
	if (out)
		pclose(out);
}

/* Wait for the test, then see to it that nothing of it is left running. */
static int await(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned int limit = TEST_SECONDS * slow();

	if (poll(&p, 1, limit * 1000) == 0) {
		check_failed(__FILE__, __LINE__, "not done after %u seconds", limit);
		show_stacks(pid);
	}
	close(fd);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* what it forked is ours now (subreaper) */
	while (waitpid(-1, NULL, 0) > 0)
		;
	return status;
}

static void run_test(const struct test *test, unsigned int number, bool last)
{
	double start = seconds();
	int status;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	kmsg_start();
	pid = fork();
	if (!pid)
		child(test);
	setpgid(pid, pid);
	status = await(pid);
	if (WIFSIGNALED(status) && !failures())
		check_failed(__FILE__, __LINE__, "the test died of signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) && !failures() && !*verdict->skipped)
		check_failed(__FILE__, __LINE__, "the test ended with %d", WEXITSTATUS(status));
	world_settle();
	if (last)
		world_end();
	if (kmsg_complaints())
		check_failed(__FILE__, __LINE__, "the kernel complained");
	note("%s: %.1f s", test->name, seconds() - start);
	if (failures())
		say("not ok %u %s", number, test->name);
	else if (*verdict->skipped)
		say("ok %u %s # SKIP %s", number, test->name, verdict->skipped);
	else
		say("ok %u %s", number, test->name);
}

/* A suite's tests, or those whose name was given; run: how many there will be. */
static unsigned int for_each(const struct suite *suites, const char *name, unsigned int run)
{
	const struct test *const *group, *test;
	const struct suite *suite;
	unsigned int n = 0;

	for (suite = suites; suite->name; suite++)
		for (group = suite->groups; *group; group++)
			for (test = *group; test->name; test++) {
				if (strcmp(name, suite->name) && strcmp(name, test->name))
					continue;
				n++;
				if (run)
					run_test(test, n, n == run);
			}
	return n;
}

/**
 * harness_main() - run a suite
 * @suites: all there are, ended by one without a name
 * @name: of a suite or of a single test
 *
 * Return: the exit code.
 */
int harness_main(const struct suite *suites, const char *name)
{
	unsigned int n = for_each(suites, name, 0);

	if (!n) {
		fprintf(stderr, "no suite and no test is named \"%s\"\n", name);
		return 2;
	}
	if (make_verdict()) {
		perror("memfd_create");
		return EXIT_FAILURE;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	say("KTAP version 1");
	say("1..%u", n);
	sys_bound_lists();
	if (world_load()) {
		say("Bail out! the module does not load");
		return EXIT_FAILURE;
	}
	for_each(suites, name, n);
	return EXIT_SUCCESS;
}
