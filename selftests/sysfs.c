// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/medes says what netlink says, to whom it may.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"
#include "text.h"

#define PAGES 128
#define TOP "/sys/kernel/medes/"
#define TRACING "/sys/kernel/tracing/"

static void set_up(struct setting *t)
{
	setting_new(t, PAGES, MIX_ALL);
	dedup(&t->s, &t->a, &t->b);
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	dedup(&t->s, &t->a, &t->b);
}

static void compare(const char *dir, const struct medes_stats *stats)
{
	char path[128];
	int i;

	for (i = 1; i <= MEDES_A_STATS_MAX; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, medes_stat_name(i));
		CHECK(sys_number(path) == (long long)stats->v[i], "%s is %lld, netlink says %" PRIu64,
		      path, sys_number(path), stats->v[i]);
	}
}

static void counters(void)
{
	struct medes_features features;
	struct medes_sandbox got;
	struct setting t;
	char dir[64];

	set_up(&t);
	REQUIRE(!medes_features_get(&nl, &features), "%s", nl.error);
	compare(TOP, &features.stats);
	CHECK_EQ(features.page_size, PAGE);
	CHECK_EQ(features.encodings, (1 << (MEDES_ENCODING_MAX + 1)) - 1);
	CHECK(features.instance, "no instance");
	CHECK_EQ(sys_number(TOP "max_device_pages"), features.max_device_pages);
	CHECK_EQ(sys_number(TOP "max_base_bytes"), features.max_base_bytes);
	CHECK_EQ(sys_number(TOP "max_record_bytes"), features.max_record_bytes);
	REQUIRE(!medes_sandbox_get(&nl, t.s.id, &got), "%s", nl.error);
	snprintf(dir, sizeof(dir), TOP "sandboxes/%u/", t.s.id);
	compare(dir, &got.stats);
	medes_sandbox_clear(&got);
	victim_end(&t.v);
}

static void check_text(const struct sandbox *s, const char *file, const char *want)
{
	char path[128], text[128];

	snprintf(path, sizeof(path), TOP "sandboxes/%u/%s", s->id, file);
	CHECK(sys_read(path, text, sizeof(text)) > 0, "%s can't be read", path);
	text[strcspn(text, "\n")] = '\0';
	CHECK(!strcmp(text, want), "%s is \"%s\", wanted \"%s\"", path, text, want);
}

static void identity(void)
{
	struct setting t;
	char dir[64];

	set_up(&t);
	check_text(&t.s, "name", t.s.name);
	check_text(&t.s, "domain", DOMAIN);
	check_text(&t.s, "function", "selftest");
	check_text(&t.s, "state", "dedup");
	restore(&t.s);
	check_text(&t.s, "state", "warm");
	snprintf(dir, sizeof(dir), TOP "sandboxes/%u", t.s.id);
	sandbox_del(&t.s);
	CHECK(access(dir, F_OK), "%s is left", dir);
	victim_end(&t.v);
}

/* Per-sandbox counters tell about a tenant; they are for root. */
static void permissions(void)
{
	struct stat st;
	struct setting t;
	char path[128];
	int i;

	set_up(&t);
	for (i = 1; i <= MEDES_A_STATS_MAX; i++) {
		snprintf(path, sizeof(path), TOP "%s", medes_stat_name(i));
		CHECK(!stat(path, &st) && (st.st_mode & 0777) == 0444, "%s: mode %o", path,
		      st.st_mode & 0777);
		CHECK(sys_write(path, "1") < 0, "%s can be written", path);
		snprintf(path, sizeof(path), TOP "sandboxes/%u/%s", t.s.id, medes_stat_name(i));
		CHECK(!stat(path, &st) && (st.st_mode & 0777) == 0400, "%s: mode %o", path,
		      st.st_mode & 0777);
	}
	victim_end(&t.v);
}

static void ceilings_refuse_nonsense(void)
{
	static const char *const files[] = {
		TOP "max_device_pages", TOP "max_base_bytes", TOP "max_record_bytes",
	};
	static const char *const nonsense[] = { "many", "-1", "1x", "99999999999999999999999" };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		long long was = sys_number(files[i]);

		for (k = 0; k < ARRAY_SIZE(nonsense); k++) {
			int err = sys_write(files[i], "%s", nonsense[k]);

			CHECK(err < 0, "%s takes \"%s\"", files[i], nonsense[k]);
			CHECK_EQ(sys_number(files[i]), was);
		}
		CHECK_EQ(sys_write(files[i], "%lld", was + 1), 0);
		CHECK_EQ(sys_number(files[i]), was + 1);
		CHECK_EQ(sys_write(files[i], "%lld", was), 0);
	}
}

/* Each event is seen when what it tells of has happened. */
static void tracepoints(void)
{
	static const char *const events[] = {
		"medes_sandbox_state", "medes_op_begin", "medes_op_end", "medes_store",
		"medes_fault", "medes_restore",
	};
	static char log[1 << 20];
	struct setting t;
	size_t i;

	set_up(&t);
	sys_set(TRACING "trace", "\n");
	sys_set(TRACING "events/medes/enable", "1");
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	dedup(&t.s, &t.a, &t.b);
	restore(&t.s);
	sys_set(TRACING "events/medes/enable", "0");
	REQUIRE(sys_read(TRACING "trace", log, sizeof(log)) > 0, "no trace");
	for (i = 0; i < ARRAY_SIZE(events); i++)
		CHECK(strstr(log, events[i]), "no event %s", events[i]);
	sys_set(TRACING "trace", "\n");
	victim_end(&t.v);
}

static void fault_around_has_bounds(void)
{
	static const char *const bad[] = { "0", "3", "32", "many", "-1" };
	const char *file = TOP "fault_around_pages";
	size_t i;

	CHECK_EQ(sys_number(file), 16);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int err = sys_write(file, "%s", bad[i]);

		CHECK(err < 0, "%s takes \"%s\"", file, bad[i]);
		CHECK_EQ(sys_number(file), 16);
	}
	CHECK_EQ(sys_write(file, "1"), 0);
	CHECK_EQ(sys_number(file), 1);
	CHECK_EQ(sys_write(file, "16"), 0);
}

const struct test sysfs_tests[] = {
	{ "sysfs: counters agree with netlink", counters },
	{ "sysfs: who a sandbox is", identity },
	{ "sysfs: permissions", permissions },
	{ "sysfs: ceilings refuse nonsense", ceilings_refuse_nonsense },
	{ "sysfs: tracepoints", tracepoints },
	{ "sysfs: fault-around has bounds", fault_around_has_bounds },
	{ NULL, NULL },
};
