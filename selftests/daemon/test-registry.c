// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry: what is entered is found, what is removed is not, against a
 * plain array that is searched from end to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pages.h"
#include "registry.h"
#include "table.h"

#define MAX_PAGES 4

static void look(struct registry *r, const char *domain, struct medes_page page,
		 struct candidates *out)
{
	registry_lookup(r, domain, &page, 1, out);
}

static void empty_finds_nothing(void **state)
{
	struct registry *r = registry_new(MAX_PAGES);
	struct candidates found;
	uint64_t seed = 1;
	struct medes_base_page base = random_base_page(&seed, 0);
	uint32_t pages, next;

	(void)state;
	look(r, "d", page_like(&seed, &base, 8, true), &found);
	assert_int_equal(found.n, 0);
	assert_false(registry_has(r, 1, &pages, &next));
	assert_int_equal(pages + next, 0);
	registry_remove(r, 1);
	registry_free(r);
}

static void finds_equal_and_alike(void **state)
{
	struct registry *r = registry_new(MAX_PAGES);
	struct medes_base_page pages[64];
	struct candidates found;
	uint64_t seed = 2;
	uint32_t i, known, next;

	(void)state;
	for (i = 0; i < 64; i++)
		pages[i] = random_base_page(&seed, 2 * i);	/* with holes */
	assert_int_equal(registry_add(r, "d", 7, pages, 64), 0);
	assert_true(registry_has(r, 7, &known, &next));
	assert_int_equal(known, 64);
	assert_int_equal(next, 127);
	for (i = 0; i < 64; i++) {
		look(r, "d", page_like(&seed, &pages[i], 3, false), &found);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.v[0].base, 7);
		assert_int_equal(found.v[0].index, 2 * i);
		assert_int_equal(found.v[0].shared, 3);
		assert_false(found.v[0].equal);
		look(r, "d", page_like(&seed, &pages[i], 0, true), &found);
		assert_int_equal(found.n, 1);
		assert_true(found.v[0].equal);
		assert_int_equal(found.v[0].shared, 0);
		look(r, "d", page_like(&seed, &pages[i], 0, false), &found);
		assert_int_equal(found.n, 0);
	}
	registry_free(r);
}

/* Equal first, then by share. */
static void best_first(void **state)
{
	struct registry *r = registry_new(MAX_PAGES);
	struct medes_base_page pages[3];
	struct candidates found;
	struct medes_page page;
	uint64_t seed = 3;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		pages[i] = random_base_page(&seed, i);
	registry_add(r, "d", 1, pages, 3);
	page = page_like(&seed, &pages[0], 2, false);
	memcpy(page.sketch + 2, pages[1].sketch, 5 * sizeof(uint64_t));
	page.hash = pages[2].hash;
	look(r, "d", page, &found);
	assert_int_equal(found.n, 3);
	assert_int_equal(found.v[0].index, 2);
	assert_true(found.v[0].equal);
	assert_int_equal(found.v[1].index, 1);
	assert_int_equal(found.v[1].shared, 5);
	assert_int_equal(found.v[2].index, 0);
	assert_int_equal(found.v[2].shared, 2);
	registry_free(r);
}

static void domains_are_apart(void **state)
{
	struct registry *r = registry_new(MAX_PAGES);
	struct medes_base_page page;
	struct candidates found;
	uint64_t seed = 4;

	(void)state;
	page = random_base_page(&seed, 0);
	registry_add(r, "a", 1, &page, 1);
	registry_add(r, "b", 2, NULL, 0);
	look(r, "b", page_like(&seed, &page, 8, true), &found);
	assert_int_equal(found.n, 0);
	look(r, "a", page_like(&seed, &page, 8, true), &found);
	assert_int_equal(found.n, 1);
	registry_free(r);
}

static void common_windows_are_bounded(void **state)
{
	struct registry *r = registry_new(MAX_PAGES);
	struct medes_base_page page;
	struct registry_stats stats;
	struct candidates found;
	uint64_t seed = 5;
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		page = random_base_page(&seed, i);
		page.sketch[0] = 42;
		registry_add(r, "d", 1, &page, 1);
	}
	memset(page.sketch, 0, sizeof(page.sketch));
	page.sketch[0] = 42;
	look(r, "d", page_like(&seed, &page, 1, false), &found);
	assert_int_equal(found.n, MAX_PAGES);
	registry_stats(r, &stats);
	assert_int_equal(stats.pages, 1000);
	assert_int_equal(stats.entries, 1000 * 8 + MAX_PAGES);
	registry_free(r);
}

/* Sketches of nearly empty pages end early. */
static void short_sketches(void **state)
{
	struct registry *r = registry_new(MAX_PAGES);
	struct medes_base_page page = { .hash = 9, .sketch = { 1, 2 } };
	struct medes_page zero = { .hash = 10 };
	struct registry_stats stats;
	struct candidates found;

	(void)state;
	registry_add(r, "d", 1, &page, 1);
	registry_stats(r, &stats);
	assert_int_equal(stats.entries, 3);
	look(r, "d", zero, &found);
	assert_int_equal(found.n, 0);
	registry_free(r);
}

static bool is_odd(uint64_t base, void *arg)
{
	(void)arg;
	return base & 1;
}

static void found_is(const struct candidates *found, uint64_t base, uint32_t index)
{
	assert_true(found->n >= 1);
	assert_true(found->v[0].equal);
	assert_in_range(found->v[0].shared, 4, 5);
	assert_int_equal(found->v[0].base, base);
	assert_int_equal(found->v[0].index, index);
}

/*
 * Tables keep 32 bits of a hash: of these 160,000 look-ups in 13,500 entries one
 * may find something. It is of a base that is there, and shares one hash.
 */
static void found_by_chance_only(const struct candidates *found)
{
	assert_in_range(found->n, 0, 1);
	if (!found->n)
		return;
	assert_false(found->v[0].equal);
	assert_int_equal(found->v[0].shared, 1);
	assert_true(is_odd(found->v[0].base, NULL) && found->v[0].base != 3);
}

static void removal_removes_all_and_only(void **state)
{
	enum { BASES = 8, PAGES = 500 };
	static struct medes_base_page pages[BASES][PAGES];
	struct registry *r = registry_new(MAX_PAGES);
	struct registry_stats stats;
	struct candidates found;
	uint64_t seed = 6;
	uint32_t b, i, round;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (b = 0; b < BASES; b++) {
			for (i = 0; i < PAGES; i++)
				pages[b][i] = random_base_page(&seed, i);
			assert_int_equal(registry_add(r, "d", b + 1, pages[b], PAGES), 0);
		}
		registry_remove(r, 3);
		registry_keep(r, is_odd, NULL);
		for (b = 0; b < BASES; b++)
			for (i = 0; i < PAGES; i++) {
				look(r, "d", page_like(&seed, &pages[b][i], 4, true), &found);
				if (is_odd(b + 1, NULL) && b + 1 != 3)
					found_is(&found, b + 1, i);
				else
					found_by_chance_only(&found);
			}
		registry_stats(r, &stats);
		assert_int_equal(stats.bases, 3);
		assert_int_equal(stats.entries, 3 * PAGES * 9);
		registry_keep(r, NULL, NULL);
		registry_stats(r, &stats);
		assert_int_equal(stats.bases, 0);
		assert_int_equal(stats.domains, 0);
		assert_int_equal(stats.bytes, 0);
	}
	registry_free(r);
}

/* Removal walked all entries for each base: minutes, with thousands of them. */
static void ten_thousand_bases_leave_at_once(void **state)
{
	enum { BASES = 10000, PAGES = 4 };
	struct registry *r = registry_new(MAX_PAGES);
	struct medes_base_page pages[PAGES], kept[PAGES];
	struct registry_stats stats;
	struct candidates found;
	uint64_t seed = 8;
	uint32_t b, i;

	(void)state;
	for (b = 1; b <= BASES; b++) {
		for (i = 0; i < PAGES; i++)
			pages[i] = random_base_page(&seed, i);
		assert_int_equal(registry_add(r, "d", b, pages, PAGES), 0);
		if (b == BASES - 1)
			memcpy(kept, pages, sizeof(kept));
	}
	registry_keep(r, is_odd, NULL);
	registry_stats(r, &stats);
	assert_int_equal(stats.bases, BASES / 2);
	assert_int_equal(stats.entries, BASES / 2 * PAGES * 9);
	for (i = 0; i < PAGES; i++) {
		look(r, "d", page_like(&seed, &kept[i], 4, true), &found);
		found_is(&found, BASES - 1, i);
		look(r, "d", page_like(&seed, &pages[i], 4, true), &found);
		found_by_chance_only(&found);
	}
	registry_free(r);
}

static bool always(uint32_t ref, const void *arg)
{
	(void)ref, (void)arg;
	return true;
}

/* Dead entries are cleared away: the table does not grow without bound. */
static void churn_does_not_grow(void **state)
{
	struct table t = { 0 };
	uint64_t seed = 7, hash;
	uint32_t refs[8], size = 0, i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		hash = next_random(&seed);
		assert_int_equal(table_add(&t, hash, i, 8), 0);
		if (i % 100 == 99) {
			assert_int_equal(table_get(&t, hash, refs, 8), 1);
			assert_int_equal(refs[0], i);
			table_remove(&t, always, NULL);
			assert_int_equal(t.live, 0);
			assert_int_equal(table_get(&t, hash, refs, 8), 0);
		}
		size = t.size > size ? t.size : size;
	}
	assert_int_equal(size, 1024);
	table_free(&t);
}

/* Colliding hashes, against a plain array. */
static void table_agrees_with_array(void **state)
{
	enum { N = 3000, VALUES = 700, MAX = 5 };
	static struct {
		uint64_t hash;
		uint32_t ref;
	} array[N];
	struct table t = { 0 };
	uint32_t refs[MAX];
	uint64_t seed = 8;
	unsigned int i, k, n, kept = 0;

	(void)state;
	for (i = 0; i < N; i++) {
		/* few values, that share all their low and high bits */
		uint64_t hash = (next_random(&seed) % VALUES) << 20;

		for (k = 0, n = 0; k < kept; k++)
			n += array[k].hash == hash;
		if (n < MAX) {
			array[kept].hash = hash;
			array[kept++].ref = i;
		}
		assert_int_equal(table_add(&t, hash, i, MAX), 0);
	}
	assert_int_equal(t.live, kept);
	for (i = 0; i < VALUES + 10; i++) {
		n = table_get(&t, (uint64_t)i << 20, refs, MAX);
		while (n--) {
			for (k = 0; k < kept; k++)
				if (array[k].ref == refs[n])
					break;
			assert_true(k < kept);
			assert_true(array[k].hash == (uint64_t)i << 20);
			array[k].hash = UINT64_MAX;	/* found once */
		}
	}
	for (k = 0; k < kept; k++)
		assert_true(array[k].hash == UINT64_MAX);
	table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_finds_nothing),
		cmocka_unit_test(finds_equal_and_alike),
		cmocka_unit_test(best_first),
		cmocka_unit_test(domains_are_apart),
		cmocka_unit_test(common_windows_are_bounded),
		cmocka_unit_test(short_sketches),
		cmocka_unit_test(removal_removes_all_and_only),
		cmocka_unit_test(ten_thousand_bases_leave_at_once),
		cmocka_unit_test(churn_does_not_grow),
		cmocka_unit_test(table_agrees_with_array),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
