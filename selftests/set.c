// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The working set: what was touched comes back unasked the next time, what was
 * brought for nothing does not. And bulk restores while others touch the pages.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 2048
#define STRIDE 64			/* beyond any fault-around */
#define USED (PAGES / STRIDE)
#define UNSEEN 4			/* touches that left no accessed bit: rare in a guest */

struct walk {
	struct area area;
	size_t first;
	size_t step;
};

/* Read a word of every step'th page. */
static long do_walk(const void *arg)
{
	const struct walk *w = arg;
	long sum = 0;
	size_t i;

	for (i = w->first; i < w->area.pages; i += w->step)
		sum += *(volatile char *)area_page(&w->area, i);
	return sum & 1;
}

static void touch(struct setting *t, size_t first, size_t step)
{
	const struct walk w = { .area = t->a, .first = first, .step = step };

	CALL(&t->v, do_walk, w);
}

static uint64_t in_set(struct setting *t)
{
	return of_sandbox(&t->s, MEDES_A_STATS_WORKING_SET);
}

static void set_comes_back(void)
{
	uint64_t faults;
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(restore_set(&t.s), 0);
	touch(&t, 7, STRIDE);
	CHECK_EQ(in_set(&t), USED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), USED);
	CHECK_EQ(live(), PAGES);

	CHECK_EQ(restore_set(&t.s), USED);
	CHECK_EQ(live(), PAGES - USED);
	CHECK_EQ(of_sandbox(&t.s, MEDES_A_STATS_PREFETCHED), USED);
	faults = STAT(FAULTS);
	touch(&t, 7, STRIDE);
	CHECK_EQ(STAT(FAULTS) - faults, 0);
	touch(&t, 8, STRIDE);
	CHECK_EQ(STAT(FAULTS) - faults, USED);
	setting_check_end(&t);
}

/* Used each time: it stays. Not used twice in succession: it goes, and no page else. */
static void unused_ages_out(void)
{
	struct setting t;
	int round;

	setting_stored(&t, PAGES, MIX_STORED);
	touch(&t, 7, STRIDE);
	touch(&t, 7 + STRIDE / 2, STRIDE);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 2 * USED);
	for (round = 1; round <= 4; round++) {
		size_t left = round <= 2 ? 2 * USED : USED;

		CHECK(restore_set(&t.s) == left, "round %d", round);
		touch(&t, 7, STRIDE);
		CHECK_EQ(dedup(&t.s, &t.a, &t.b), left);
		CHECK_EQ(live(), PAGES);
	}
	CHECK_EQ(in_set(&t), USED);
	CHECK_GE(of_sandbox(&t.s, MEDES_A_STATS_PREFETCH_UNUSED), 2 * USED);
	CHECK_LE(of_sandbox(&t.s, MEDES_A_STATS_PREFETCH_UNUSED), 2 * USED + UNSEEN);
	/* what left may come in again */
	touch(&t, 7 + STRIDE / 2, STRIDE);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), USED);
	CHECK_EQ(restore_set(&t.s), 2 * USED);
	setting_check_end(&t);
}

/* Neighbours that came along and were not used are not brought again. */
static void neighbours_prove_themselves(void)
{
	uint64_t faults, around;
	struct setting t;
	struct area all;
	size_t back;

	setting_stored(&t, PAGES, MIX_STORED);
	/* less than there is room for */
	all = t.a;
	t.a.pages = PAGES / 4;
	faults = STAT(FAULTS);
	around = STAT(FAULT_AROUND);
	/* every other page, in order: fault-around brings those between */
	touch(&t, 0, 2);
	faults = STAT(FAULTS) - faults;
	around = STAT(FAULT_AROUND) - around;
	CHECK_GE(around, PAGES / 16);
	back = faults + around;
	t.a = all;
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), back);
	CHECK_LE(in_set(&t), PAGES / 8);
	CHECK_GE(in_set(&t), PAGES / 8 - UNSEEN);
	back = restore_set(&t.s);
	CHECK_LE(back, PAGES / 8);
	CHECK_GE(back, PAGES / 8 - UNSEEN);
	CHECK_EQ(live(), PAGES - back);
	setting_check_end(&t);
}

/* Nothing but a sandbox has a working set. */
static void refusals(void)
{
	struct nl_msg *msg = medes_nl_message(&nl, MEDES_CMD_RESTORE, 0, 64);

	REQUIRE(msg && !nla_put_flag(msg, MEDES_A_OP_WORKING_SET), "no memory");
	CHECK_EQ(medes_nl_request(&nl, msg, NULL, NULL), -EINVAL);
	CHECK(strstr(nl.error, "name it"), "it says: %s", nl.error);
}

/* It is a cache: with no room there is no set, and all else goes on. */
static void ceiling(void)
{
	static const char file[] = "/sys/kernel/medes/max_cache_bytes";
	long long was = sys_number(file);
	struct setting t;

	sys_set(file, "0");
	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_SOON_EQ(sys_number("/sys/kernel/medes/cache_bytes"), 0);
	touch(&t, 7, STRIDE);
	CHECK_EQ(in_set(&t), 0);
	CHECK_EQ(restore_set(&t.s), 0);
	sys_set(file, "%lld", was);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), USED);
	CHECK_GE(sys_number("/sys/kernel/medes/cache_bytes"), USED * 8);
	touch(&t, 7, STRIDE);
	CHECK_EQ(in_set(&t), USED);
	setting_check_end(&t);
	CHECK_SOON_EQ(sys_number("/sys/kernel/medes/cache_bytes"), 0);
}

#define BIG 16384
#define TOUCHERS 3

struct toucher {
	pthread_t thread;
	struct area area;
	unsigned int number;
};

static void *run_toucher(void *arg)
{
	struct toucher *t = arg;
	size_t i;

	/* each starts somewhere else, one of them backwards */
	for (i = 0; i < t->area.pages; i++) {
		size_t at = (i + t->number * t->area.pages / TOUCHERS) % t->area.pages;

		if (t->number == 2)
			at = t->area.pages - 1 - at;
		(void)*(volatile char *)area_page(&t->area, at);
	}
	return NULL;
}

static long do_touch_by_threads(const void *arg)
{
	struct toucher t[TOUCHERS];
	unsigned int i;

	for (i = 0; i < TOUCHERS; i++) {
		t[i].area = *(const struct area *)arg;
		t[i].number = i;
		if (pthread_create(&t[i].thread, NULL, run_toucher, &t[i]))
			return 1;
	}
	for (i = 0; i < TOUCHERS; i++)
		pthread_join(t[i].thread, NULL);
	return 0;
}

/* Three threads touch what is being brought back: no page is rebuilt twice. */
static void race(bool everything)
{
	uint64_t rebuilt, faults, restored;
	struct setting t;
	struct medes_op op;
	uint32_t id;
	long result;

	setting_stored(&t, BIG, MIX_STORED);
	rebuilt = STAT(REBUILT);
	faults = STAT(FAULTS) + STAT(FAULT_AROUND);
	restored = STAT(RESTORED);
	victim_start(&t.v, do_touch_by_threads, &t.a, sizeof(t.a));
	REQUIRE(!medes_restore(&nl, everything ? 0 : t.s.id, &id), "%s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.error, 0);
	REQUIRE(victim_result(&t.v, &result), "the victim died");
	CHECK_EQ(result, 0);
	CHECK_EQ(live(), 0);
	rebuilt = STAT(REBUILT) - rebuilt;
	faults = STAT(FAULTS) + STAT(FAULT_AROUND) - faults;
	restored = STAT(RESTORED) - restored;
	note("%" PRIu64 " by touch, %" PRIu64 " in bulk, %" PRIu64 " rebuilt, %" PRIu64 " us", faults,
	     restored, rebuilt, op.elapsed_ns / 1000);
	CHECK_EQ(faults + restored, BIG);
	CHECK(restored > 0, "nothing came in bulk");
	/* a page that its rebuilder still holds at the moment of the touch is the exception */
	CHECK_GE(rebuilt, BIG);
	CHECK_LE(rebuilt, BIG + BIG / 100);
	setting_check_end(&t);
}

static void race_sandbox(void)
{
	race(false);
}

static void race_everything(void)
{
	race(true);
}

/* A ceiling below one batch still lets a restore go on, on one processor. */
static void restoring_pages(void)
{
	static const char file[] = "/sys/kernel/medes/max_restoring_pages";
	long long was = sys_number(file);
	struct setting t;

	sys_set(file, "1");
	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(restore_all(), PAGES);
	sys_set(file, "%lld", was);
	setting_check_end(&t);
}

const struct test set_tests[] = {
	{ "working set: what was touched comes back unasked", set_comes_back },
	{ "working set: what is not used ages out", unused_ages_out },
	{ "working set: neighbours prove themselves", neighbours_prove_themselves },
	{ "working set: refusals", refusals },
	{ "working set: a ceiling on its memory", ceiling },
	{ "restore: of a sandbox, while threads touch its pages", race_sandbox },
	{ "restore: of everything, while threads touch the pages", race_everything },
	{ "restore: a ceiling on pages in hand", restoring_pages },
	{ NULL, NULL },
};
