// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each page is kept in the way that its bytes deserve, counted there and nowhere
 * else; what a hint says about it can be wrong, its bytes can't.
 */
#include "harness.h"
#include "setting.h"
#include "tests.h"

#define PAGES 64

/* Reading all brings all back, at once. */
static void tear_down(struct setting *t)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	CHECK_EQ(live(), 0);
	setting_end(t);
}

static void check_counts(struct setting *t, size_t zero, size_t same, size_t words, size_t self)
{
	CHECK_EQ(STAT(PAGES_ZERO), zero);
	CHECK_EQ(STAT(PAGES_SAME), same);
	CHECK_EQ(STAT(PAGES_WORDS), words);
	CHECK_EQ(STAT(PAGES_SELF), self);
	CHECK_EQ(of_sandbox(&t->s, MEDES_A_STATS_PAGES_ZERO), zero);
	CHECK_EQ(of_sandbox(&t->s, MEDES_A_STATS_PAGES_SAME), same);
	CHECK_EQ(of_sandbox(&t->s, MEDES_A_STATS_PAGES_WORDS), words);
	CHECK_EQ(of_sandbox(&t->s, MEDES_A_STATS_PAGES_SELF), self);
	CHECK_EQ(!STAT(BYTES_WORDS), !words);
	CHECK_EQ(!STAT(BYTES_SELF), !self);
	CHECK_LE(STAT(BYTES_WORDS), words * PAGE / 2);
	CHECK_LE(STAT(BYTES_SELF), self * PAGE / 2);
	CHECK_EQ(of_sandbox(&t->s, MEDES_A_STATS_BYTES_WORDS), STAT(BYTES_WORDS));
	CHECK_EQ(of_sandbox(&t->s, MEDES_A_STATS_BYTES_SELF), STAT(BYTES_SELF));
	CHECK_GE(STAT(RECORD_BYTES), STAT(BYTES_WORDS) + STAT(BYTES_SELF));
}

static void all_of(const char *mix, size_t zero, size_t same, size_t words, size_t self)
{
	struct setting t;

	setting_new(&t, PAGES, mix);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	check_counts(&t, zero, same, words, self);
	tear_down(&t);
}

static void zero(void)
{
	all_of("z", PAGES, 0, 0, 0);
}

static void same(void)
{
	all_of("s", 0, PAGES, 0, 0);
}

static void words(void)
{
	all_of("w", 0, 0, PAGES, 0);
}

static void self(void)
{
	all_of("c", 0, 0, 0, PAGES);
}

/* No encoding pays: the pages stay where they are. */
static void random_pages(void)
{
	uint64_t size, stored;
	struct setting t;

	setting_new(&t, PAGES, "r");
	size = STAT(REFUSED_SIZE);
	stored = STAT(STORED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
	check_counts(&t, 0, 0, 0, 0);
	CHECK_EQ(STAT(REFUSED_SIZE) - size, PAGES);
	CHECK_EQ(STAT(STORED), stored);
	CHECK_EQ(away(&t.v, &t.a), 0);
	CHECK_EQ(present(&t.v, &t.a), PAGES);
	CHECK_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_WARM);
	tear_down(&t);
}

/* All kinds in one message; what stays is the random ones. */
static void mixed(void)
{
	uint64_t stored, faults;
	struct setting t;
	size_t n;

	setting_new(&t, PAGES, MIX_ALL);
	stored = STAT(STORED);
	faults = STAT(FAULTS) + STAT(FAULT_AROUND);
	n = area_count(&t.a, "zswc");
	CHECK_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_WARM);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), n);
	CHECK_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEDUP);
	check_counts(&t, area_count(&t.a, "z"), area_count(&t.a, "s"), area_count(&t.a, "w"),
		     area_count(&t.a, "c"));
	CHECK_EQ(STAT(STORED) - stored, n);
	CHECK_EQ(away(&t.v, &t.a), n);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES - n);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(STAT(FAULTS) + STAT(FAULT_AROUND) - faults, n);
	check_counts(&t, 0, 0, 0, 0);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_WARM);
	tear_down(&t);
}

static void bulk(void)
{
	uint64_t restored = STAT(RESTORED), faults = STAT(FAULTS);
	struct setting t;
	size_t n;

	setting_new(&t, PAGES, MIX_ALL);
	n = dedup(&t.s, &t.a, &t.b);
	CHECK_EQ(restore(&t.s), n);
	CHECK_EQ(live(), 0);
	CHECK_EQ(away(&t.v, &t.a), 0);
	CHECK_EQ(present(&t.v, &t.a), PAGES);
	CHECK_EQ(STAT(RESTORED) - restored, n);
	CHECK_EQ(STAT(FAULTS), faults);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_WARM);
	/* nothing is left to bring back */
	CHECK_EQ(restore(&t.s), 0);
	tear_down(&t);
}

/* Hints that name the wrong page of the base, for every kind of page. */
static void wrong_hints(void)
{
	struct medes_target targets[PAGES];
	struct medes_op op;
	struct setting t;
	size_t i;

	setting_new(&t, PAGES, MIX_ALL);
	for (i = 0; i < PAGES; i++)
		targets[i] = (struct medes_target){
			.address = (uintptr_t)area_page(&t.a, i), .base = t.b.id,
			.index = t.b.index[(i + 5) % FAMILY],
		};
	CHECK_EQ(try_dedup(&t.s, targets, PAGES, &op), 0);
	CHECK_EQ(op.error, 0);
	CHECK_EQ(STAT(PAGES_SAME), 0);
	CHECK_EQ(STAT(PAGES_ZERO), area_count(&t.a, "z"));
	CHECK_EQ(away(&t.v, &t.a), op.stored);
	note("with wrong hints %" PRIu64 " of %u pages stored", op.stored, PAGES);
	tear_down(&t);
}

/* No hint at all: pages that only a base explains stay. */
static void no_hints(void)
{
	struct setting t;

	setting_new(&t, PAGES, MIX_ALL);
	CHECK_EQ(dedup(&t.s, &t.a, NULL), area_count(&t.a, "zc"));
	check_counts(&t, area_count(&t.a, "z"), 0, 0, area_count(&t.a, "c"));
	tear_down(&t);
}

/* A page named twice is a mistake; one that is stored already is not. */
static void twice(void)
{
	struct medes_target targets[2];
	struct medes_op op;
	struct setting t;

	setting_new(&t, PAGES, "w");
	targets[0] = area_target(&t.a, 3, &t.b);
	targets[1] = targets[0];
	CHECK_EQ(try_dedup(&t.s, targets, 2, &op), -EINVAL);
	CHECK_EQ(live(), 0);
	CHECK_EQ(try_dedup(&t.s, targets, 1, &op), 0);
	CHECK_EQ(op.stored, 1);
	CHECK_EQ(try_dedup(&t.s, targets, 1, &op), 0);
	CHECK_EQ(op.stored, 0);
	CHECK_EQ(op.error, 0);
	CHECK_EQ(live(), 1);
	tear_down(&t);
}

const struct test encoding_tests[] = {
	{ "encoding: zero", zero },
	{ "encoding: same", same },
	{ "encoding: words", words },
	{ "encoding: self", self },
	{ "encoding: none that pays", random_pages },
	{ "encoding: all kinds, back on touch", mixed },
	{ "encoding: all kinds, back in bulk", bulk },
	{ "encoding: wrong hints", wrong_hints },
	{ "encoding: no hints", no_hints },
	{ "encoding: a page named twice", twice },
	{ NULL, NULL },
};
