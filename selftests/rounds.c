// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deduplicating again and again: what stayed away is neither scanned nor stored
 * a second time, and writes in between are kept.
 */
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 256
#define ROUNDS 100
#define WRITES 6

struct marks {
	struct area area;
	uint64_t seed;
};

/* Where marks are put: the same for the writer and the checker. */
static uint64_t *mark(const struct marks *m, size_t i)
{
	uint64_t r = mix64(m->seed + i);

	return (uint64_t *)area_page(&m->area, r % PAGES) + (r >> 32) % WORDS;
}

/* Write some words and keep what was there, so that the next call can undo it. */
static long do_write_marks(const void *arg)
{
	static uint64_t was[WRITES];
	static struct marks last;
	const struct marks *m = arg;
	size_t i, wrong = 0;

	for (i = WRITES; last.seed && i--;) {
		uint64_t *at = mark(&last, i);

		wrong += *at != mix64(last.seed ^ i);
		*at = was[i];
	}
	wrong += area_wrong(&m->area);
	for (i = 0; m->seed && i < WRITES; i++) {
		uint64_t *at = mark(m, i);

		was[i] = *at;
		*at = mix64(m->seed ^ i);
	}
	last = *m;
	return wrong;
}

/* Cheaper: only the marks, so that most pages stay away. */
static long do_touch_marks(const void *arg)
{
	const struct marks *m = arg;
	size_t i;

	for (i = 0; i < WRITES; i++) {
		volatile uint64_t *at = mark(m, i);

		*at ^= m->seed;
		*at ^= m->seed;
	}
	return 0;
}

/* A round's scan shows exactly what is in memory, and its dedup stores that. */
static void hundred_rounds(void)
{
	struct setting t;
	size_t back, shown;
	struct marks m;
	int round;

	setting_new(&t, PAGES, MIX_STORED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	m.area = t.a;
	for (round = 1; round <= ROUNDS; round++) {
		m.seed = round;
		CALL(&t.v, do_touch_marks, m);
		back = present(&t.v, &t.a);
		CHECK(back > 0 && back < PAGES, "round %d: %zu pages came back", round, back);
		shown = scan(&t.s, &t.a, NULL, 0);
		CHECK(shown == back, "round %d: %zu pages came back, a scan shows %zu", round, back,
		      shown);
		CHECK_EQ(dedup(&t.s, &t.a, &t.b), back);
		CHECK_EQ(live(), PAGES);
		if (failures())
			break;
	}
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	setting_end(&t);
}

/* The same with all pages compared, and bytes that differ in every round. */
static void rounds_with_writes(void)
{
	struct setting t;
	struct marks m;
	int round;

	setting_new(&t, PAGES, MIX_STORED);
	m.area = t.a;
	for (round = 1; round <= ROUNDS / 4 && !failures(); round++) {
		m.seed = round * 1000;
		CHECK_EQ(CALL(&t.v, do_write_marks, m), 0);
		CHECK_GE(dedup(&t.s, &t.a, &t.b), PAGES - WRITES);
		if (round % 5 == 0)
			restore(&t.s);
	}
	m.seed = 0;
	CHECK_EQ(CALL(&t.v, do_write_marks, m), 0);
	setting_end(&t);
}

/* After a bulk restore everything is scanned again, once. */
static void restore_then_again(void)
{
	struct area half;
	struct setting t;

	setting_new(&t, PAGES, MIX_STORED);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES);
	half = t.a;
	half.pages = PAGES / 2;
	CHECK_EQ(dedup(&t.s, &half, &t.b), PAGES / 2);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES / 2);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES / 2);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	setting_end(&t);
}

/* Fault-around: a walk through the area takes fewer faults than pages. */
static void fault_around(void)
{
	uint64_t faults, around;
	struct setting t;

	setting_new(&t, PAGES, MIX_STORED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	faults = STAT(FAULTS);
	around = STAT(FAULT_AROUND);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	faults = STAT(FAULTS) - faults;
	around = STAT(FAULT_AROUND) - around;
	CHECK_EQ(faults + around, PAGES);
	CHECK_LE(faults, PAGES / 2);
	CHECK_EQ(of_sandbox(&t.s, MEDES_A_STATS_FAULTS) +
		 of_sandbox(&t.s, MEDES_A_STATS_FAULT_AROUND), PAGES);
	note("%" PRIu64 " faults for %d pages in order", faults, PAGES);
	setting_end(&t);
}

/* Switched off, it brings nothing back that was not touched. */
static void no_fault_around(void)
{
	uint64_t around;
	struct setting t;

	setting_new(&t, PAGES, MIX_STORED);
	sys_set("/sys/kernel/medes/fault_around_pages", "1");
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	around = STAT(FAULT_AROUND);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(STAT(FAULT_AROUND), around);
	CHECK_EQ(of_sandbox(&t.s, MEDES_A_STATS_FAULTS), PAGES);
	sys_set("/sys/kernel/medes/fault_around_pages", "16");
	setting_end(&t);
}

/* A sandbox that is forgotten and made anew. */
static void forget_and_take_again(void)
{
	struct setting t;

	setting_new(&t, PAGES, MIX_STORED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	sandbox_del(&t.s);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	sandbox_new(&t.s, &t.v);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	sandbox_del(&t.s);
	setting_end(&t);
}

const struct test rounds_tests[] = {
	{ "rounds: a hundred, each scans and stores what came back", hundred_rounds },
	{ "rounds: with writes, all bytes compared in each", rounds_with_writes },
	{ "rounds: bulk restore and again", restore_then_again },
	{ "rounds: fault-around", fault_around },
	{ "rounds: without fault-around", no_fault_around },
	{ "rounds: a sandbox forgotten and made anew", forget_and_take_again },
	{ NULL, NULL },
};
