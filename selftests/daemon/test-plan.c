// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Choice of base pages, and from scans to messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "choose.h"
#include "pages.h"
#include "plan.h"

#define STRONG 3
#define HUGE_BYTES (2ULL << 20)

static const struct candidate *pick(struct usage *usage, const struct candidate *v, unsigned int n)
{
	static struct candidates from;

	from.n = n;
	memcpy(from.v, v, n * sizeof(*v));
	return choose(usage, &from, true);
}

static void none_of_none(void **state)
{
	struct usage usage = { 0 };

	(void)state;
	assert_null(pick(&usage, (struct candidate[1]){ { 0 } }, 0));
	usage_clear(&usage);
}

static void equal_wins_then_share(void **state)
{
	struct usage usage = { 0 };
	struct candidate v[] = {
		{ .base = 1, .index = 5, .shared = 8 },
		{ .base = 2, .index = 6, .shared = 0, .equal = true },
		{ .base = 3, .index = 7, .shared = 7 },
	};

	(void)state;
	assert_int_equal(pick(&usage, v, 3)->base, 2);
	v[1].equal = false;
	assert_int_equal(pick(&usage, v, 3)->base, 1);
	v[2].shared = 9;
	assert_int_equal(pick(&usage, v, 3)->base, 3);
	usage_clear(&usage);
}

static void ties_go_to_the_most_used_then_the_lowest(void **state)
{
	struct usage usage = { 0 };
	struct candidate tie[] = {
		{ .base = 9, .index = 1, .shared = 2 }, { .base = 4, .index = 8, .shared = 2 },
		{ .base = 4, .index = 3, .shared = 2 },
	};
	struct candidate nine = { .base = 9, .shared = 1 };

	(void)state;
	assert_int_equal(pick(&usage, tie, 3)->base, 4);
	assert_int_equal(pick(&usage, tie, 3)->index, 3);
	pick(&usage, &nine, 1);
	pick(&usage, &nine, 1);
	pick(&usage, &nine, 1);
	assert_int_equal(pick(&usage, tie, 3)->base, 9);
	usage_clear(&usage);
}

static void the_page_behind_the_last_choice(void **state)
{
	struct usage usage = { 0 };
	struct candidate first = { .base = 7, .index = 40, .shared = 3 };
	struct candidate v[] = {
		{ .base = 7, .index = 90, .shared = 6 }, { .base = 7, .index = 41, .shared = 4 },
	};
	const struct candidate *got;

	(void)state;
	/* as good as two hashes more: of equals the lowest */
	pick(&usage, &first, 1);
	assert_int_equal(pick(&usage, v, 2)->index, 41);
	pick(&usage, &first, 1);
	v[0].shared++;
	assert_int_equal(pick(&usage, v, 2)->index, 90);
	/* another base's is not behind it */
	pick(&usage, &first, 1);
	v[0].shared = 5;
	v[1].base = 8;
	assert_int_equal(pick(&usage, v, 2)->index, 90);
	/* and what shares nothing is tried there, page after page */
	got = pick(&usage, v, 0);
	assert_int_equal(got->base, 7);
	assert_int_equal(got->index, 91);
	assert_int_equal(got->shared, 0);
	assert_int_equal(pick(&usage, v, 0)->index, 92);
	/* unless the base ends there, or lost a page somewhere */
	assert_true(usage_goes_on(&usage, 94, 94));
	assert_false(usage_goes_on(&usage, 93, 93));
	assert_false(usage_goes_on(&usage, 93, 94));
	assert_null(choose(&usage, &(struct candidates){ .n = 0 }, false));
	/* but not on another node */
	first.remote = true;
	pick(&usage, &first, 1);
	assert_null(pick(&usage, v, 0));
	usage_clear(&usage);
	assert_null(pick(&usage, v, 0));
}

/* Of the pages that are added. */
static bool lonely;

static void add(struct plan *plan, uint32_t mm, uint64_t address, uint64_t hash, bool huge,
		const struct candidate *best)
{
	struct medes_page page = {
		.mm = mm, .address = address, .hash = hash, .huge = huge, .sketch = { 1 },
	};

	assert_int_equal(plan_add(plan, &page, best, STRONG, lonely), 0);
}

static void batches_are_full_sorted_and_of_one_mm(void **state)
{
	enum { PER_MM = 1300, MMS = 3 };
	struct plan plan = { 0 };
	struct plan_batch batch;
	size_t cursor = 0, seen = 0, messages = 0, i;
	uint64_t seed = 1, last = 0;
	uint32_t mm = 0;

	(void)state;
	/* every page once, in no order */
	for (i = 0; i < PER_MM * MMS; i++) {
		uint64_t n = i * 7919 % (PER_MM * MMS);

		add(&plan, n % MMS, (n / MMS + 1) << 12, next_random(&seed), false, NULL);
	}
	plan_sort(&plan);
	while (plan_next(&plan, &cursor, PLAN_STORE, &batch)) {
		messages++;
		assert_in_range(batch.n, 1, MEDES_TARGETS_MAX);
		if (batch.mm != mm) {
			assert_int_equal(batch.mm, mm + 1);
			mm = batch.mm;
			last = 0;
		}
		for (i = 0; i < batch.n; i++) {
			assert_int_equal(batch.targets[i].address, last + 4096);
			last = batch.targets[i].address;
		}
		seen += batch.n;
	}
	assert_int_equal(seen, PER_MM * MMS);
	assert_int_equal(messages, MMS * 3);	/* 512 + 512 + 276 */
	plan_clear(&plan);
}

static void empty_plan(void **state)
{
	struct plan plan = { 0 };
	struct plan_batch batch;
	size_t cursor = 0;

	(void)state;
	plan_sort(&plan);
	assert_int_equal(plan_split(&plan), 0);
	assert_int_equal(plan_spare_huge(&plan, 64), 0);
	assert_false(plan_next(&plan, &cursor, PLAN_STORE, &batch));
	plan_clear(&plan);
}

static void targets_carry_the_base(void **state)
{
	struct candidate best = { .base = UINT64_MAX, .index = 77, .shared = 8 };
	struct plan plan = { 0 };
	struct plan_batch batch;
	size_t cursor = 0;

	(void)state;
	add(&plan, 0, 0x1000, 1, false, &best);
	add(&plan, 0, 0x2000, 2, false, NULL);
	plan_sort(&plan);
	assert_true(plan_next(&plan, &cursor, PLAN_STORE, &batch));
	assert_true(batch.targets[0].base == UINT64_MAX);
	assert_int_equal(batch.targets[0].index, 77);
	assert_int_equal(batch.targets[1].base, 0);
	plan_clear(&plan);
}

static enum plan_action action_at(const struct plan *plan, uint64_t address)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		if (plan->pages[i].address == address)
			return plan->pages[i].action;
	return -1;
}

static void split_demarcates_each_content_once(void **state)
{
	struct candidate weak = { .base = 1, .shared = STRONG - 1 };
	struct candidate strong = { .base = 1, .shared = STRONG };
	struct candidate equal = { .base = 1, .equal = true };
	struct medes_page zero = { .address = 0x7000, .hash = 70 };
	struct plan plan = { 0 };
	struct plan_batch batch;
	size_t cursor = 0;

	(void)state;
	add(&plan, 1, 0x6000, 10, false, NULL);		/* same content as the next, other mm */
	add(&plan, 0, 0x1000, 10, false, NULL);
	add(&plan, 0, 0x2000, 10, false, &weak);
	add(&plan, 0, 0x3000, 30, false, &weak);
	add(&plan, 0, 0x4000, 40, false, &strong);
	add(&plan, 0, 0x5000, 50, false, &equal);
	assert_int_equal(plan_add(&plan, &zero, NULL, STRONG, true), 0);
	plan_sort(&plan);
	assert_int_equal(plan_split(&plan), 0);
	assert_int_equal(action_at(&plan, 0x1000), PLAN_DEMARCATE);
	assert_int_equal(action_at(&plan, 0x2000), PLAN_LATER);
	assert_int_equal(action_at(&plan, 0x6000), PLAN_LATER);
	assert_int_equal(action_at(&plan, 0x3000), PLAN_DEMARCATE);
	assert_int_equal(action_at(&plan, 0x4000), PLAN_STORE);
	assert_int_equal(action_at(&plan, 0x5000), PLAN_STORE);
	assert_int_equal(action_at(&plan, 0x7000), PLAN_STORE);
	/* demarcation names no base page */
	assert_true(plan_next(&plan, &cursor, PLAN_DEMARCATE, &batch));
	assert_int_equal(batch.n, 2);
	assert_int_equal(batch.targets[1].base, 0);
	plan_clear(&plan);
}

/* What nobody else has is no base page, unless the sandbox has it twice. */
static void lonely_pages_are_not_demarcated(void **state)
{
	struct plan plan = { 0 };

	(void)state;
	add(&plan, 0, 0x1000, 10, false, NULL);
	lonely = true;
	add(&plan, 0, 0x2000, 20, false, NULL);
	add(&plan, 0, 0x3000, 30, false, NULL);
	add(&plan, 0, 0x4000, 30, false, NULL);
	add(&plan, 0, 0x5000, 50, false, NULL);
	lonely = false;
	plan_sort(&plan);
	assert_int_equal(plan_split(&plan), 0);
	assert_int_equal(action_at(&plan, 0x1000), PLAN_DEMARCATE);
	assert_int_equal(action_at(&plan, 0x2000), PLAN_STORE);
	assert_int_equal(action_at(&plan, 0x3000), PLAN_DEMARCATE);
	assert_int_equal(action_at(&plan, 0x4000), PLAN_LATER);
	assert_int_equal(action_at(&plan, 0x5000), PLAN_STORE);
	plan_clear(&plan);
}

/* Fill a range; huge[i] says whether its page i is part of a huge page. */
static void add_range(struct plan *plan, uint32_t mm, uint64_t start, unsigned int n, bool huge)
{
	static uint64_t hash;
	unsigned int i;

	for (i = 0; i < n; i++)
		add(plan, mm, start + i * 4096ULL, ++hash, huge, NULL);
}

static void huge_ranges_go_by_more_than_64_or_not_at_all(void **state)
{
	struct plan plan = { 0 };

	(void)state;
	add_range(&plan, 0, 10 * HUGE_BYTES, 64, true);		/* too few */
	add_range(&plan, 0, 11 * HUGE_BYTES, 65, true);		/* enough */
	add_range(&plan, 0, 12 * HUGE_BYTES, 5, false);		/* no huge page */
	add_range(&plan, 1, 10 * HUGE_BYTES, 3, true);		/* another mm, same address */
	plan_sort(&plan);
	assert_int_equal(plan_spare_huge(&plan, 64), 64 + 3);
	assert_int_equal(plan_count(&plan, PLAN_STORE), 65 + 5);
	assert_int_equal(plan_count(&plan, PLAN_LEAVE), 64 + 3);
	assert_int_equal(action_at(&plan, 11 * HUGE_BYTES), PLAN_STORE);
	assert_int_equal(action_at(&plan, 12 * HUGE_BYTES), PLAN_STORE);
	plan_clear(&plan);
}

/* Base pages and stored pages of a range count together. */
static void huge_ranges_count_all_that_goes(void **state)
{
	struct candidate equal = { .base = 1, .equal = true };
	struct plan plan = { 0 };
	unsigned int i;

	(void)state;
	add_range(&plan, 0, 0, 40, true);
	for (i = 40; i < 80; i++)
		add(&plan, 0, i * 4096ULL, 1000000 + i, true, &equal);
	plan_sort(&plan);
	assert_int_equal(plan_split(&plan), 0);
	assert_int_equal(plan_spare_huge(&plan, 64), 0);
	assert_int_equal(plan_count(&plan, PLAN_DEMARCATE), 40);
	assert_int_equal(plan_count(&plan, PLAN_STORE), 40);
	plan_clear(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_of_none),
		cmocka_unit_test(equal_wins_then_share),
		cmocka_unit_test(ties_go_to_the_most_used_then_the_lowest),
		cmocka_unit_test(the_page_behind_the_last_choice),
		cmocka_unit_test(empty_plan),
		cmocka_unit_test(batches_are_full_sorted_and_of_one_mm),
		cmocka_unit_test(targets_carry_the_base),
		cmocka_unit_test(split_demarcates_each_content_once),
		cmocka_unit_test(lonely_pages_are_not_demarcated),
		cmocka_unit_test(huge_ranges_go_by_more_than_64_or_not_at_all),
		cmocka_unit_test(huge_ranges_count_all_that_goes),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
