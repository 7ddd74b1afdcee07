// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page hash and sketch: what they are blind to, what they are not, and that
 * they are what they have been since the first registry entry was written.
 */
#include <stdlib.h>

#include <xxhash.h>

#include "fingerprint.h"
#include "pages.h"

#define WINDOW 3
#define WINDOWS (MEDES_PAGE_WORDS - WINDOW + 1)

static page_words page, other;
static u64 sketch[MEDES_SKETCH], sketch2[MEDES_SKETCH];

static unsigned int used(const u64 of[MEDES_SKETCH])
{
	unsigned int n = 0;

	while (n < MEDES_SKETCH && of[n])
		n++;
	return n;
}

static unsigned int shared(const u64 a[MEDES_SKETCH],
			   const u64 b[MEDES_SKETCH])
{
	unsigned int i, j, n = 0;

	for (i = 0; i < used(a); i++)
		for (j = 0; j < used(b); j++)
			n += a[i] == b[j];
	return n;
}

static int start(void **state)
{
	(void)state;
	random_start(1);
	memset(page, 0, sizeof(page));
	return 0;
}

static void page_hash_is_xxh64(void **state)
{
	int i;

	(void)state;
	/* the tool xxhsum says so of 4096 zeros */
	assert_int_equal(medes_page_hash(page, 0), 0xac869b6f32d8bbdbULL);
	for (i = 0; i < 100; i++) {
		u64 seed = random_word();

		page_random(page);
		assert_int_equal(medes_page_hash(page, seed),
				 XXH64(page, sizeof(page), seed));
		assert_int_not_equal(medes_page_hash(page, seed),
				     medes_page_hash(page, seed + 1));
	}
}

static void zero_page_is_seen(void **state)
{
	u8 *bytes = (u8 *)page;
	int i;

	(void)state;
	assert_true(medes_page_is_zero(page));
	for (i = 0; i < MEDES_PAGE_SIZE; i++) {
		bytes[i] = 1 << i % 8;
		assert_false(medes_page_is_zero(page));
		bytes[i] = 0;
	}
	assert_true(medes_page_is_zero(page));
}

static void golden_sketch(void **state)
{
	static const u64 objects[MEDES_SKETCH] = {
		0x00258e325e446f36ULL, 0x017ab5375f939831ULL,
		0x01ab7cc33fa1d137ULL, 0x02341bc1fadb6e96ULL,
		0x030cf36748f6612dULL, 0x03356983d5701dc6ULL,
		0x03bd15eccb56eb33ULL, 0x052a82c3fe3befb4ULL,
	};
	static const u64 text[MEDES_SKETCH] = {
		0x002a454b12895b6aULL, 0x0044810bf836d60eULL,
		0x028ef7cbd0b78162ULL, 0x0313144685a843c4ULL,
		0x032048210c660efbULL, 0x03938086bf28bb85ULL,
		0x03b0f73394de4354ULL, 0x03e5676f578ab356ULL,
	};

	(void)state;
	page_objects(page);
	medes_fingerprint(page, 0x0123456789abcdefULL, sketch);
	assert_memory_equal(sketch, objects, sizeof(sketch));
	page_text(page);
	medes_fingerprint(page, 0, sketch);
	assert_memory_equal(sketch, text, sizeof(sketch));
}

static u64 reference_mix(u64 v)
{
	v *= 0x9e3779b185ebca87ULL;
	return v ^ (v >> 32);
}

static int ascending(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 reference_turn(u64 v, unsigned int by)
{
	return v << by | v >> (64 - by);
}

static u64 reference_blind(u64 word)
{
	return word >= 1ULL << 32 && word < 1ULL << 47 ? word % 4096 : word;
}

/* What a window's words come to before the seed joins. */
static u64 reference_sum(const u64 *window)
{
	return reference_mix(reference_blind(window[0])) +
	       reference_turn(reference_mix(reference_blind(window[1])), 21) +
	       reference_turn(reference_mix(reference_blind(window[2])), 42);
}

/* All window hashes, sorted, without repeats: the definition, told plainly. */
static void reference_sketch(const page_words of, u64 seed,
			     u64 out[MEDES_SKETCH])
{
	u64 all[WINDOWS];
	unsigned int i, j, n = 0, kept = 0;

	for (i = 0; i < WINDOWS; i++) {
		u64 hash = (reference_sum(of + i) ^ seed) *
			   0xbf58476d1ce4e5b9ULL;
		unsigned int some = 0;

		for (j = 0; j < WINDOW; j++)
			some += reference_blind(of[i + j]) != 0;
		if (some > 1)
			all[n++] = hash ^ hash >> 32;
	}
	qsort(all, n, sizeof(*all), ascending);
	memset(out, 0, sizeof(*out) * MEDES_SKETCH);
	for (i = 0; i < n && kept < MEDES_SKETCH; i++)
		if (all[i] && (!kept || all[i] != out[kept - 1]))
			out[kept++] = all[i];
}

static void sketch_is_the_smallest_hashes(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		u64 seed = random_word();

		page_objects(page);
		page_mutate(page, page, random_below(600));
		/* from nearly empty pages to full ones */
		if (i % 3 == 0)
			memset(page, 0, random_below(sizeof(page) + 1));
		medes_fingerprint(page, seed, sketch);
		reference_sketch(page, seed, sketch2);
		assert_memory_equal(sketch, sketch2, sizeof(sketch));
	}
}

static void sketch_of_nothing_is_empty(void **state)
{
	(void)state;
	medes_fingerprint(page, 7, sketch);
	assert_int_equal(used(sketch), 0);
	/* pointers to the start of pages leave nothing either */
	page[5] = 0x7fff12345000ULL;
	page[6] = 0x7fff12346000ULL;
	medes_fingerprint(page, 7, sketch);
	assert_int_equal(used(sketch), 0);
	/* and a word among zeros says too little */
	page[100] = 0x1234;
	medes_fingerprint(page, 7, sketch);
	assert_int_equal(used(sketch), 0);
}

/* A seed that the windows' words make up for. */
static void hash_of_zero_is_left_out(void **state)
{
	(void)state;
	page[0] = 1;
	page[2] = 2;
	medes_fingerprint(page, reference_sum(page), sketch);
	assert_int_equal(used(sketch), 0);
	medes_fingerprint(page, reference_sum(page) + 1, sketch);
	assert_int_equal(used(sketch), 1);
}

static void equal_hashes_count_once(void **state)
{
	(void)state;
	page[10] = page[50] = 1;
	page[12] = page[52] = 2;
	medes_fingerprint(page, 7, sketch);
	assert_int_equal(used(sketch), 1);
	page[52]++;
	medes_fingerprint(page, 7, sketch);
	assert_int_equal(used(sketch), 2);
}

static void unused_slots_come_last_and_are_zero(void **state)
{
	unsigned int n, i;

	(void)state;
	for (n = 1; n <= MEDES_SKETCH + 2; n++) {
		page[n * 40] = n;
		page[n * 40 + 2] = n;
		medes_fingerprint(page, 7, sketch);
		assert_int_equal(used(sketch), min(n, MEDES_SKETCH));
		for (i = 1; i < used(sketch); i++)
			assert_true(sketch[i - 1] < sketch[i]);
		for (i = used(sketch); i < MEDES_SKETCH; i++)
			assert_int_equal(sketch[i], 0);
	}
}

static void slides_of_pointers_are_not_seen(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		u64 slides[3] = {
			random_below(1 << 20) << 12,
			random_below(1 << 24) << 12,
			-(random_below(1 << 20) << 12),
		};

		page_objects(page);
		page_slide(other, page, 3, slides);
		assert_memory_not_equal(page, other, sizeof(page));
		medes_fingerprint(page, 3, sketch);
		medes_fingerprint(other, 3, sketch2);
		assert_int_equal(used(sketch), MEDES_SKETCH);
		assert_memory_equal(sketch, sketch2, sizeof(sketch));
	}
}

static bool same_alone(u64 a, u64 b)
{
	page[30] = a;
	page[32] = 1;
	medes_fingerprint(page, 3, sketch);
	page[30] = b;
	medes_fingerprint(page, 3, sketch2);
	assert_int_equal(used(sketch), 1);
	assert_int_equal(used(sketch2), 1);
	return sketch[0] == sketch2[0];
}

static void pointers_end_where_user_space_ends(void **state)
{
	(void)state;
	assert_true(same_alone(0x100000abcULL, 0x7ffffffffabcULL));
	assert_false(same_alone(0x0ffffffabcULL & 0xffffffff, 0x100000abcULL));
	assert_false(same_alone(0x7ffffffffabcULL, 0x800000000abcULL));
	assert_false(same_alone(0xffff800000000abcULL, 0xffff800000001abcULL));
	assert_false(same_alone(0x7f0000000abcULL, 0x7f0000000abdULL));
}

/* The same objects, somewhere else in the heap. */
static void place_in_page_is_not_seen(void **state)
{
	unsigned int by;

	(void)state;
	for (by = 1; by < 200; by++) {
		page_objects(page);
		memset(page + 300, 0, sizeof(page) - 300 * sizeof(*page));
		memset(other, 0, sizeof(other));
		memcpy(other + by, page, 300 * sizeof(*page));
		medes_fingerprint(page, 3, sketch);
		medes_fingerprint(other, 3, sketch2);
		assert_int_equal(used(sketch), MEDES_SKETCH);
		assert_true(shared(sketch, sketch2) >= MEDES_SKETCH - 1);
	}
}

static void order_of_words_is_seen(void **state)
{
	(void)state;
	page[10] = 1;
	page[11] = 2;
	page[12] = 3;
	medes_fingerprint(page, 3, sketch);
	page[10] = 2;
	page[11] = 1;
	medes_fingerprint(page, 3, sketch2);
	assert_int_equal(shared(sketch, sketch2), 0);
}

static void seed_changes_everything(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 500; i++) {
		u64 seed = random_word();

		page_objects(page);
		medes_fingerprint(page, seed, sketch);
		medes_fingerprint(page, seed ^ 1ULL << random_below(64),
				  sketch2);
		assert_int_equal(used(sketch), MEDES_SKETCH);
		assert_int_equal(shared(sketch, sketch2), 0);
	}
}

static void similar_pages_share_most_of_their_sketch(void **state)
{
	unsigned int sum = 0, strangers = 0;
	int i, j;

	(void)state;
	for (i = 0; i < 1000; i++) {
		page_random(page);
		memcpy(other, page, sizeof(page));
		for (j = 0; j < 10; j++)
			other[random_below(MEDES_PAGE_WORDS)] = random_word();
		medes_fingerprint(page, 3, sketch);
		medes_fingerprint(other, 3, sketch2);
		sum += shared(sketch, sketch2);
		page_random(other);
		medes_fingerprint(other, 3, sketch2);
		strangers += shared(sketch, sketch2);
	}
	/* about 481 of 539 windows in common, so 7.1 of 8 */
	assert_in_range(sum, 7000, 7400);
	assert_int_equal(strangers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(page_hash_is_xxh64, start),
		cmocka_unit_test_setup(zero_page_is_seen, start),
		cmocka_unit_test_setup(golden_sketch, start),
		cmocka_unit_test_setup(sketch_is_the_smallest_hashes, start),
		cmocka_unit_test_setup(sketch_of_nothing_is_empty, start),
		cmocka_unit_test_setup(hash_of_zero_is_left_out, start),
		cmocka_unit_test_setup(equal_hashes_count_once, start),
		cmocka_unit_test_setup(unused_slots_come_last_and_are_zero,
				       start),
		cmocka_unit_test_setup(slides_of_pointers_are_not_seen, start),
		cmocka_unit_test_setup(pointers_end_where_user_space_ends,
				       start),
		cmocka_unit_test_setup(place_in_page_is_not_seen, start),
		cmocka_unit_test_setup(order_of_words_is_seen, start),
		cmocka_unit_test_setup(seed_changes_everything, start),
		cmocka_unit_test_setup(similar_pages_share_most_of_their_sketch,
				       start),
	};

	return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
