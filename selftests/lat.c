// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medes-lat: its counts are those of the module.
 */
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 256
#define OUT "/tmp/selftest-lat.json"
#define ERR "/tmp/selftest-lat.err"

static bool says(const char *path, const char *text)
{
	char log[4096];

	return sys_read(path, log, sizeof(log)) > 0 && strstr(log, text);
}

/* Start it, and wait until it counts. */
static pid_t start(const char *sandbox)
{
	pid_t pid;

	if (access("/sys/kernel/btf/medes", F_OK))
		SKIP("the module has no BTF here");
	unlink(ERR);
	pid = fork();
	if (!pid) {
		if (!freopen(OUT, "w", stdout) || !freopen(ERR, "w", stderr))
			_exit(126);
		execlp("medes-lat", "medes-lat", "-j", "-s", sandbox, NULL);
		_exit(127);
	}
	REQUIRE(pid > 0, "fork: %s", strerror(errno));
	REQUIRE(SOON(says(ERR, "tracing")), "medes-lat does not begin");
	return pid;
}

static json_t *end(pid_t pid)
{
	json_t *found;
	int status;

	kill(pid, SIGINT);
	REQUIRE(waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
	REQUIRE(WIFEXITED(status) && !WEXITSTATUS(status), "status %#x", status);
	found = json_load_file(OUT, 0, NULL);
	REQUIRE(found, "no JSON");
	unlink(OUT);
	unlink(ERR);
	return found;
}

static long long field(const json_t *entry, const char *key)
{
	return json_integer_value(json_object_get(entry, key));
}

/* The sum of a field over entries, of one encoding and base, or of all. */
static long long sum(json_t *found, const char *key, const char *encoding, const char *base)
{
	json_t *entry;
	long long all = 0;
	size_t i;

	json_array_foreach(json_object_get(found, "latencies"), i, entry) {
		if (encoding && strcmp(json_string_value(json_object_get(entry, "encoding")), encoding))
			continue;
		if (base && strcmp(json_string_value(json_object_get(entry, "base")), base))
			continue;
		all += field(entry, key);
	}
	return all;
}

static void check_histograms(json_t *found)
{
	json_t *entry, *slot;
	size_t i, k;

	json_array_foreach(json_object_get(found, "latencies"), i, entry) {
		long long faults = 0;

		json_array_foreach(json_object_get(entry, "histogram"), k, slot) {
			CHECK_GE(field(slot, "to_ns"), field(slot, "from_ns"));
			faults += field(slot, "faults");
		}
		CHECK_EQ(faults, field(entry, "faults"));
		CHECK_GE(field(entry, "ns"), field(entry, "faults"));
	}
}

static void counts(void)
{
	long long same, words, self;
	struct setting t;
	json_t *found;
	pid_t pid;

	setting_stored(&t, PAGES, MIX_STORED);
	sys_set("/sys/kernel/medes/fault_around_pages", "1");
	same = of_sandbox(&t.s, MEDES_A_STATS_PAGES_SAME);
	words = of_sandbox(&t.s, MEDES_A_STATS_PAGES_WORDS);
	self = of_sandbox(&t.s, MEDES_A_STATS_PAGES_SELF);
	pid = start(t.s.name);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	found = end(pid);
	sys_set("/sys/kernel/medes/fault_around_pages", "16");

	CHECK_EQ(sum(found, "faults", NULL, NULL), of_sandbox(&t.s, MEDES_A_STATS_FAULTS));
	CHECK_EQ(sum(found, "faults", NULL, NULL), PAGES);
	CHECK_EQ(sum(found, "faults", "same", "local"), same);
	CHECK_EQ(sum(found, "faults", "words", "local"), words);
	CHECK_EQ(sum(found, "faults", "self", "none"), self);
	CHECK_EQ(sum(found, "faults", NULL, "remote"), 0);
	CHECK_EQ(sum(found, "failed", NULL, NULL), 0);
	CHECK_LE(sum(found, "ns", NULL, NULL), of_sandbox(&t.s, MEDES_A_STATS_FAULT_NS));
	check_histograms(found);
	json_decref(found);
	setting_end(&t);
}

/* With neighbours, and only those of the sandbox that was asked for. */
static void counts_of_one_sandbox(void)
{
	struct setting t, other;
	json_t *found;
	pid_t pid;

	setting_stored(&t, PAGES, MIX_STORED);
	setting_stored(&other, PAGES, MIX_STORED);
	pid = start(t.s.name);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(victim_wrong(&other.v, &other.a), 0);
	found = end(pid);
	CHECK_EQ(sum(found, "faults", NULL, NULL), of_sandbox(&t.s, MEDES_A_STATS_FAULTS));
	CHECK_EQ(sum(found, "pages", NULL, NULL), PAGES);
	CHECK_EQ(sum(found, "pages", NULL, NULL), of_sandbox(&t.s, MEDES_A_STATS_FAULTS) +
		 of_sandbox(&t.s, MEDES_A_STATS_FAULT_AROUND));
	json_decref(found);
	victim_end(&t.v);
	victim_end(&other.v);
	base_del(&t.b);
	base_del(&other.b);
}

static void refusals(void)
{
	CHECK_EQ(sys_run("medes-lat -x >/dev/null 2>&1"), 2);
	CHECK_EQ(sys_run("medes-lat 0 >/dev/null 2>&1"), 2);
	CHECK_EQ(sys_run("medes-lat many >/dev/null 2>&1"), 2);
	CHECK_EQ(sys_run("medes-lat -s nobody 1 >/dev/null 2>" ERR), 1);
	CHECK(says(ERR, "nobody"), "the unknown sandbox is not named");
	unlink(ERR);
}

const struct test lat_tests[] = {
	{ "medes-lat: counts are those of the module", counts },
	{ "medes-lat: counts of one sandbox, with fault-around", counts_of_one_sandbox },
	{ "medes-lat: refusals", refusals },
	{ NULL, NULL },
};
