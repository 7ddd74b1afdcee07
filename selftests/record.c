// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking: the record of an address, and what debugfs shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 48
#define DEBUG "/sys/kernel/debug/medes/"

static struct medes_record look(struct setting *t, size_t i)
{
	struct medes_record found;

	/* any byte of the page will do */
	CHECK(!medes_record_get(&nl, t->s.id, t->s.mm, (uintptr_t)area_page(&t->a, i) + 99, &found),
	      "%s", nl.error);
	return found;
}

static void check_record(struct setting *t, size_t i)
{
	struct medes_record r = look(t, i);
	char kind = page_kind(&t->a, i);

	CHECK_EQ(r.place, MEDES_PLACE_RECORD);
	CHECK(!r.lost, "page %zu is lost", i);
	switch (kind) {
	case 'z':
		CHECK_EQ(r.encoding, MEDES_ENCODING_ZERO);
		CHECK_EQ(r.len, 0);
		CHECK_EQ(r.base, 0);
		break;
	case 's':
		CHECK_EQ(r.encoding, MEDES_ENCODING_SAME);
		CHECK_EQ(r.len, 0);
		break;
	case 'w':
		CHECK_EQ(r.encoding, MEDES_ENCODING_WORDS);
		CHECK_GE(r.len, 1);
		break;
	default:
		CHECK_GE(r.len, 1);
	}
	if (kind != 's' && kind != 'w')
		return;
	CHECK_EQ(r.base, t->b.id);
	CHECK_EQ(r.index, t->b.index[i % FAMILY]);
}

static void of_each_kind(void)
{
	struct setting t;
	size_t i;

	setting_new(&t, PAGES, MIX_STORED);
	CHECK_EQ(look(&t, 0).place, MEDES_PLACE_MEMORY);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	for (i = 0; i < PAGES; i++)
		check_record(&t, i);
	/* looking has brought nothing back */
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(look(&t, 1).place, MEDES_PLACE_MEMORY);
	setting_check_end(&t);
}

static long do_map_empty(const void *arg)
{
	(void)arg;
	return (long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void refusals(void)
{
	struct medes_record found;
	struct setting t;
	uint64_t empty;

	setting_new(&t, PAGES, MIX_STORED);
	empty = CALL0(&t.v, do_map_empty);
	CHECK(!medes_record_get(&nl, t.s.id, 0, empty, &found), "%s", nl.error);
	CHECK_EQ(found.place, MEDES_PLACE_NOWHERE);
	CHECK_EQ(medes_record_get(&nl, t.s.id, 0, 0, &found), -EFAULT);
	CHECK(strstr(nl.error, "nothing is mapped"), "it says: %s", nl.error);
	CHECK_EQ(medes_record_get(&nl, t.s.id, 0, UINT64_MAX, &found), -EFAULT);
	CHECK_EQ(medes_record_get(&nl, t.s.id, t.s.mm + 1, empty, &found), -ESRCH);
	CHECK_EQ(medes_record_get(&nl, 999999, 0, empty, &found), -ENOENT);
	setting_check_end(&t);
}

static char *show(const char *name)
{
	static char text[1 << 20];
	char path[100];

	snprintf(path, sizeof(path), DEBUG "%s", name);
	REQUIRE(sys_read(path, text, sizeof(text)) > 0, "%s can't be read", path);
	return text;
}

/* Lines of a file, without its head. */
static long long lines(const char *name)
{
	const char *at = show(name);
	long long n = -1;

	while ((at = strchr(at, '\n')) && at++)
		n++;
	return n;
}

/* Sum of all columns but the first, without the head. */
static long long sum(const char *name)
{
	char *line, *rest, *number;
	long long total = 0;

	strtok_r(show(name), "\n", &rest);
	while ((line = strtok_r(NULL, "\n", &rest)))
		for (number = strchr(line, ' '); number; number = strchr(number, ' '))
			total += strtoll(number, &number, 10);
	return total;
}

static void debugfs(void)
{
	static const char *const files[] = {
		"sandboxes", "bases", "operations", "records", "latency", "lengths",
	};
	uint64_t faults = STAT(FAULTS);
	long long known, timed;
	struct setting t;
	struct stat st;
	char path[100];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), DEBUG "%s", files[i]);
		REQUIRE(!stat(path, &st), "%s: %s", path, strerror(errno));
		CHECK_EQ(st.st_mode & 0777, 0400);
	}
	setting_new(&t, PAGES, MIX_STORED);
	known = lines("records");
	timed = sum("latency");
	CHECK_EQ(known, 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(lines("records"), PAGES);
	CHECK_EQ(sum("lengths"), PAGES);
	/* that of the base may linger */
	CHECK_GE(lines("sandboxes"), 1);
	CHECK_EQ(lines("bases"), 1);
	CHECK_GE(lines("operations"), 1);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(sum("latency") - timed, (long long)(STAT(FAULTS) - faults));
	CHECK_EQ(lines("records"), 0);
	CHECK_EQ(sum("lengths"), 0);
	setting_check_end(&t);
}

const struct test record_tests[] = {
	{ "record: of each kind of page", of_each_kind },
	{ "record: refusals", refusals },
	{ "debugfs: what it shows", debugfs },
	{ NULL, NULL },
};
