// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every page comes back as it was, from a record of the encoding and of about
 * the length that its kind of page deserves.
 */
#include "codec.h"
#include "pages.h"

static u64 *page, *base, *out;
static void *ws_memory, *scratch_memory;
static struct medes_workspace *ws;
static struct medes_scratch *scratch;
static enum medes_mode mode;

static int group_start(void **state)
{
	(void)state;
	page = guarded(MEDES_PAGE_SIZE);
	base = guarded(MEDES_PAGE_SIZE);
	out = guarded(MEDES_PAGE_SIZE);
	ws_memory = guarded(medes_workspace_size());
	ws = medes_workspace_init(ws_memory);
	assert_non_null(ws);
	scratch_memory = guarded(medes_scratch_size());
	scratch = medes_scratch_init(scratch_memory);
	assert_non_null(scratch);
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	guarded_free(page, MEDES_PAGE_SIZE);
	guarded_free(base, MEDES_PAGE_SIZE);
	guarded_free(out, MEDES_PAGE_SIZE);
	guarded_free(ws_memory, medes_workspace_size());
	guarded_free(scratch_memory, medes_scratch_size());
	return 0;
}

static int start(void **state)
{
	(void)state;
	mode = MEDES_MODE_FAST;
	ws->debt = 0;
	random_start(2);
	memset(page, 0, MEDES_PAGE_SIZE);
	memset(base, 0, MEDES_PAGE_SIZE);
	return 0;
}

/*
 * Encodes page against with, decodes the record from a place where it ends at
 * the end of memory, and compares. Returns the record's length, or what
 * medes_encode() said if it refused.
 */
static int round_trip(const u64 *with, u8 *encoding)
{
	struct medes_coded coded;
	u8 *record;
	int len;

	len = medes_encode(ws, mode, page, MEDES_ALONE(with), &coded);
	assert_int_equal(coded.len, len);
	*encoding = coded.encoding;
	if (len < 0)
		return len;
	assert_in_range(len, 0, MEDES_PATCH_MAX);
	record = guarded(len);
	memcpy(record, coded.data, len);
	memset(out, 0xa5, MEDES_PAGE_SIZE);
	memset(scratch->patch, 0x5a, sizeof(scratch->patch));
	memset(scratch->table, 0x5a, sizeof(scratch->table));
	assert_int_equal(medes_decode(scratch, *encoding, record, len,
				      MEDES_ALONE(with), out), 0);
	assert_memory_equal(out, page, MEDES_PAGE_SIZE);
	guarded_free(record, len);
	return len;
}

static void assert_encodes(const u64 *with, u8 encoding, int shortest,
			   int longest)
{
	u8 got;
	int len = round_trip(with, &got);

	assert_int_equal(got, encoding);
	assert_in_range(len, shortest, longest);
}

static void assert_refused(const u64 *with)
{
	u8 encoding;

	assert_int_equal(round_trip(with, &encoding), -E2BIG);
}

static void zero_page(void **state)
{
	(void)state;
	assert_encodes(NULL, MEDES_ENCODING_ZERO, 0, 0);
	assert_encodes(base, MEDES_ENCODING_ZERO, 0, 0);
	page_random(base);
	assert_encodes(base, MEDES_ENCODING_ZERO, 0, 0);
}

static void same_page(void **state)
{
	(void)state;
	page_random(page);
	memcpy(base, page, MEDES_PAGE_SIZE);
	assert_encodes(base, MEDES_ENCODING_SAME, 0, 0);
	assert_encodes(page, MEDES_ENCODING_SAME, 0, 0);
	page[511] ^= 1ULL << 63;
	assert_encodes(base, MEDES_ENCODING_WORDS, 1, 24);
}

static void random_page_stays(void **state)
{
	(void)state;
	page_random(page);
	assert_refused(NULL);
	assert_refused(base);
	page_random(base);
	assert_refused(base);
}

static void text_is_compressed(void **state)
{
	u8 encoding;

	(void)state;
	page_text(page);
	assert_encodes(NULL, MEDES_ENCODING_SELF, 100, 2400);
	page_random(base);
	assert_in_range(round_trip(base, &encoding), 100, 2400);
	assert_int_not_equal(encoding, MEDES_ENCODING_WORDS);
}

static void pointers_without_base_beat_lz4(void **state)
{
	static char packed[LZ4_COMPRESSBOUND(MEDES_PAGE_SIZE)];
	int lz4;

	(void)state;
	page_objects(page);
	lz4 = LZ4_compress_default((char *)page, packed, MEDES_PAGE_SIZE,
				   sizeof(packed));
	assert_encodes(NULL, MEDES_ENCODING_SELF, 100, lz4 * 9 / 10);
}

static void few_words_cost_few_bytes(void **state)
{
	int n;

	(void)state;
	page_random(base);
	for (n = 1; n <= 8; n++) {
		memcpy(page, base, MEDES_PAGE_SIZE);
		for (int i = 0; i < n; i++)
			page[i * 60 + 7] += 1 + i;
		assert_encodes(base, MEDES_ENCODING_WORDS, n, 14 + 3 * n);
	}
}

static void slid_pages_are_small(void **state)
{
	static const u64 slides[] = {
		0x2b3c4d5000, -0x123456000ULL, 0x7000, 0x1f0000000,
		0x3333333000, -0x7777000ULL, 0x10000, 0x5544332211000,
	};
	unsigned int count;

	(void)state;
	page_objects(base);
	for (count = 1; count <= ARRAY_SIZE(slides); count++) {
		page_slide_regions(page, base, count, slides);
		assert_memory_not_equal(page, base, MEDES_PAGE_SIZE);
		/* 256 pointers into 17 regions: a list of those, and nothing of each pointer */
		assert_encodes(base, MEDES_ENCODING_WORDS, 8, 16 + 12 + count * 8);
	}
}

static void mixed_slides_take_a_code_a_word(void **state)
{
	static const u64 slides[] = {
		0x2b3c4d5000, -0x123456000ULL, 0x7000, 0x1f0000000,
		0x3333333000, -0x7777000ULL, 0x10000, 0x5544332211000,
	};
	unsigned int count;

	(void)state;
	page_objects(base);
	for (count = 1; count <= ARRAY_SIZE(slides); count++) {
		page_slide(page, base, count, slides);
		/* what a region did last time is no help here */
		ws = medes_workspace_init(ws_memory);
		/* 256 pointers: a map of them all and half an octet for each */
		assert_encodes(base, MEDES_ENCODING_WORDS, 8, 220 + count * 12);
	}
}

static void slides_serve_dictionaries(void **state)
{
	static const u64 slides[] = { 0x2b3c4d5000, -0x123456000ULL };
	u64 *slid = guarded(MEDES_PAGE_SIZE);
	int with, without, i;
	u8 encoding;

	(void)state;
	mode = MEDES_MODE_DENSE;
	page_objects(base);
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		if (!medes_is_address(base[i]))
			base[i] = random_word() >> 40;
	/* a page with everything in its place says what slides there are */
	page_slide_regions(slid, base, 2, slides);
	memcpy(page, slid, MEDES_PAGE_SIZE);
	round_trip(base, &encoding);
	/* halves of objects, each somewhere else: too many moves for a list */
	for (i = 0; i < MEDES_PAGE_WORDS; i += 2)
		memcpy(page + i, slid + i * 205 % MEDES_PAGE_WORDS / 2 * 2, 16);
	with = round_trip(base, &encoding);
	assert_int_equal(encoding, MEDES_ENCODING_DICT);
	/* of other slides nothing is known */
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		if (medes_is_address(page[i]))
			page[i] += 0x11111000;
	without = round_trip(base, &encoding);
	assert_in_range(with, 1, without - 100);
	guarded_free(slid, MEDES_PAGE_SIZE);
}

static void more_slides_than_codes(void **state)
{
	u64 slides[60];
	unsigned int i;

	(void)state;
	page_objects(base);
	for (i = 0; i < ARRAY_SIZE(slides); i++)
		slides[i] = (random_word() >> 20) << 12;
	page_slide(page, base, 17, slides);
	assert_encodes(base, MEDES_ENCODING_WORDS, 100, 700);
	page_slide(page, base, 60, slides);
	assert_encodes(base, MEDES_ENCODING_WORDS, 100, 1600);
}

static void every_delta_different(void **state)
{
	int i;
	u8 encoding;

	(void)state;
	page_random(base);
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		page[i] = base[i] + ((u64)(i + 1) << 40) + i;
	round_trip(base, &encoding);
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		page[i] = base[i] + i - 256;
	assert_encodes(base, MEDES_ENCODING_WORDS, 512, 1000);
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		page[i] = base[i] + (u64)i * i * i * 16 + i;
	assert_encodes(base, MEDES_ENCODING_WORDS, 1024, 2400);
}

static void alternating_words(void **state)
{
	int i;

	(void)state;
	page_random(base);
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		page[i] = i % 2 ? base[i] : base[i] + 0x1000;
	assert_encodes(base, MEDES_ENCODING_WORDS, 10, 64);
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		page[i] = i % 2 ? 0x1111222233334444 : 0x5555666677778888;
	assert_encodes(base, MEDES_ENCODING_WORDS, 10, 64);
	assert_encodes(NULL, MEDES_ENCODING_SELF, 10, 64);
}

/* A step or number just inside and just outside what each literal carries. */
static void literals_at_their_limits(void **state)
{
	unsigned int bits, i;
	int off;

	(void)state;
	for (bits = 1; bits < 64; bits++) {
		for (off = -2; off <= 2; off++) {
			page_random(base);
			memcpy(page, base, MEDES_PAGE_SIZE);
			for (i = 0; i < 32; i++) {
				u64 step = (1ULL << bits) + off;

				/* 8 of each, distinct enough to be literals */
				page[i * 16 + 1] = base[i * 16 + 1] + step;
				page[i * 16 + 2] = base[i * 16 + 2] - step;
				page[i * 16 + 3] = step;
				page[i * 16 + 4] = -step;
				page[i * 16 + 5] = base[i * 16 + 5] + step - i;
				page[i * 16 + 6] = base[i * 16 + 6] - step - i;
				page[i * 16 + 7] = step - i;
			}
			assert_encodes(base, MEDES_ENCODING_WORDS, 20, 2200);
		}
	}
}

/*
 * Addends of every length, in bytes and in pages. A slide of seven octets of
 * pages was once written as if it were the bias of a step.
 */
static void slides_of_every_length(void **state)
{
	unsigned int bits, i;
	int sign;

	(void)state;
	page_random(base);
	for (bits = 0; bits < 64; bits++) {
		for (sign = -1; sign <= 1; sign += 2) {
			u64 slide = (1ULL << bits) * sign;

			for (i = 0; i < MEDES_PAGE_WORDS; i++)
				page[i] = base[i] + (i % 5 ? 0 : slide);
			assert_encodes(base, MEDES_ENCODING_WORDS, 10, 200);
			slide += 0x5000;
			for (i = 0; i < MEDES_PAGE_WORDS; i++)
				page[i] = base[i] + (i % 5 ? 0 : slide);
			assert_encodes(base, MEDES_ENCODING_WORDS, 10, 200);
		}
	}
}

static void any_page_comes_back(void **state)
{
	unsigned int words = 0, self = 0, dict = 0, refused = 0;
	u8 encoding;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		mode = i % 3 ? MEDES_MODE_FAST : MEDES_MODE_DENSE;
		page_by_turns(base, i);
		page_mutate(page, base, random_below(2) ? random_below(40) :
						       random_below(1500));
		if (i % 16 == 1)
			memmove((u8 *)page + 21, page, MEDES_PAGE_SIZE - 21);
		if (round_trip(i % 5 ? base : NULL, &encoding) < 0)
			refused++;
		words += encoding == MEDES_ENCODING_WORDS;
		self += encoding == MEDES_ENCODING_SELF;
		dict += encoding == MEDES_ENCODING_DICT;
	}
	/* else the loop has not seen what it is for */
	assert_true(words > 5000);
	assert_true(self > 1000);
	assert_true(dict > 100);
	assert_true(refused > 100);
}

/* The patch itself keeps to its bound, where a record would be refused. */
static void patches_keep_to_their_bound(void **state)
{
	unsigned int codes;
	int i, len, longest = 0;

	(void)state;
	for (i = 0; i < 3000; i++) {
		page_random(base);
		page_mutate(page, base, random_below(5000));
		medes_words_compare(&ws->words, page, base);
		len = medes_words_diff(&ws->words, page, base, ws->patch,
				       &codes);
		assert_in_range(len, 0, MEDES_WORDS_MAX);
		assert_in_range(codes, 0, MEDES_WORDS_CODES);
		longest = max(longest, len);
		memset(ws->patch + len, 0xff, MEDES_WORDS_SLACK);
		memcpy(out, base, MEDES_PAGE_SIZE);
		assert_int_equal(medes_words_apply(scratch->table, ws->patch,
						   len, codes, out), 0);
		assert_memory_equal(out, page, MEDES_PAGE_SIZE);
	}
	page_random(page);
	medes_words_compare(&ws->words, page, base);
	len = medes_words_diff(&ws->words, page, base, ws->patch, &codes);
	assert_in_range(len, MEDES_PAGE_SIZE, MEDES_WORDS_MAX);
	assert_true(longest > 2000);
}

/*
 * As long as the limit is stored, longer is not. Words of random kinds, so that
 * LZ4 finds nothing and records grow by a byte or two.
 */
static void records_end_at_the_limit(void **state)
{
	int round, i, len, longest = 0;
	u8 encoding;

	(void)state;
	for (round = 0; round < 100; round++) {
		page_random(base);
		memcpy(page, base, MEDES_PAGE_SIZE);
		i = 0;
		do {
			if (random_below(8))
				page[i] = random_word() >> 16 * random_below(2);
			assert_true(++i < MEDES_PAGE_WORDS);
			len = i < 330 ? 0 : round_trip(base, &encoding);
			longest = max(longest, len);
		} while (len >= 0);
		assert_int_equal(len, -E2BIG);
		assert_true(i > 330);
	}
	assert_int_equal(longest, MEDES_PATCH_MAX);
}

/* The same text, begun elsewhere: no word is like its counterpart. */
static void moved_text_is_found_in_its_base(void **state)
{
	unsigned int by;

	(void)state;
	for (mode = MEDES_MODE_FAST; mode <= MEDES_MODE_DENSE; mode++) {
		for (by = 1; by < 400; by += 14) {
			page_text(base);
			memmove((u8 *)page, (u8 *)base + by,
				MEDES_PAGE_SIZE - by);
			memcpy((u8 *)page + MEDES_PAGE_SIZE - by, base, by);
			assert_encodes(base, MEDES_ENCODING_DICT, 10, 260);
		}
	}
}

/* Objects in pieces, each somewhere else, and every pointer slid. */
static void moved_objects_are_found_in_their_base(void **state)
{
	static const u64 slides[] = { 0x7000, 0x12345000, -0x99999000ULL };
	unsigned int round, at, n;
	u8 encoding;
	int len;

	(void)state;
	for (mode = MEDES_MODE_FAST; mode <= MEDES_MODE_DENSE; mode++) {
		for (round = 0; round < 100; round++) {
			page_objects(base);
			page_slide(out, base, 3, slides);
			for (at = 0; at < MEDES_PAGE_WORDS; at += n) {
				n = 40 + random_below(80);
				n = min(n, MEDES_PAGE_WORDS - at);
				memcpy(page + at, out + random_below(MEDES_PAGE_WORDS + 1 - n),
				       n * sizeof(*page));
			}
			/* whatever came before takes to decode */
			ws->debt = 0;
			len = round_trip(base, &encoding);
			/* zstd finds them, too, and faster than they are guessed */
			assert_true(encoding == MEDES_ENCODING_WORDS ||
				    (mode == MEDES_MODE_DENSE && encoding == MEDES_ENCODING_DICT));
			assert_in_range(len, 20, 480);
		}
	}
}

/* Objects of the base page and both its neighbours, as they drift over page borders. */
static void neighbours_are_reached_into(void **state)
{
	static u64 before[MEDES_PAGE_WORDS], after[MEDES_PAGE_WORDS];
	const struct medes_bases near = { { before, base, after } };
	struct medes_bases needed;
	struct medes_coded coded;
	unsigned int i, by;

	(void)state;
	for (mode = MEDES_MODE_FAST; mode <= MEDES_MODE_DENSE; mode++) {
		for (by = 2; by < 500; by += 20) {
			page_objects(before);
			page_objects(base);
			page_objects(after);
			/* the end of the page before, or the begin of that behind */
			if (by % 40 == 2) {
				memcpy(page, before + MEDES_PAGE_WORDS - by, 8 * by);
				memcpy(page + by, base, MEDES_PAGE_SIZE - 8 * by);
			} else {
				memcpy(page, base + by, MEDES_PAGE_SIZE - 8 * by);
				memcpy(page + MEDES_PAGE_WORDS - by, after, 8 * by);
			}
			assert_true(medes_encode(ws, mode, page, &near, &coded) > 0);
			if (by > 100) {
				assert_int_equal(coded.encoding, MEDES_ENCODING_WORDS);
				assert_in_range(coded.len, 8, 80);
				assert_int_equal(coded.reach, 1 << MEDES_ITSELF |
						 1 << (by % 40 == 2 ? MEDES_BEFORE : MEDES_AFTER));
			}
			/* no more is needed than is said */
			needed = near;
			for (i = 0; i < MEDES_NEAR; i++)
				if (!(coded.reach >> i & 1))
					needed.page[i] = NULL;
			assert_int_equal(medes_decode(scratch, coded.encoding, coded.data, coded.len,
						      &needed, out), 0);
			assert_memory_equal(out, page, MEDES_PAGE_SIZE);
		}
	}
}

/* Each word from somewhere else: more moves than a list can hold. */
static void too_many_moves_are_not_made(void **state)
{
	unsigned int i;
	u8 encoding;

	(void)state;
	for (mode = MEDES_MODE_FAST; mode <= MEDES_MODE_DENSE; mode++) {
		page_random(base);
		for (i = 0; i < MEDES_PAGE_WORDS; i += 2)
			memcpy(page + i, base + 2 * (i * 37 / 2 % 256), 16);
		round_trip(base, &encoding);
	}
}

static void dense_is_shorter(void **state)
{
	static const u64 slides[] = { 0x7000, 0x12345000, -0x99999000ULL };
	static u64 slid[MEDES_PAGE_WORDS];
	unsigned int fast[2] = { 0 }, dense[2] = { 0 };
	u8 encoding;
	int i, with;

	(void)state;
	for (i = 0; i < 200; i++) {
		page_objects(base);
		page_slide_regions(slid, base, 3, slides);
		for (with = 0; with < 2; with++) {
			/* of words that become just anything nothing can be guessed */
			page_mutate(page, slid, with ? i / 100 : i / 2);
			mode = MEDES_MODE_FAST;
			fast[with] += round_trip(with ? base : NULL, &encoding);
			mode = MEDES_MODE_DENSE;
			dense[with] += round_trip(with ? base : NULL, &encoding);
		}
	}
	assert_true(dense[0] < fast[0] * 9 / 10);
	assert_true(dense[1] < fast[1]);
}

/* Records that take long to decode have to be worth it, the more of them there were. */
static void guesses_are_paid_for(void **state)
{
	unsigned int guessed[2] = { 0 }, i, k;
	struct medes_coded coded;

	(void)state;
	for (k = 0; k < 2; k++) {
		random_start(3);
		for (i = 0; i < 200; i++) {
			page_objects(base);
			page_mutate(page, base, 150);
			if (!k)
				ws->debt = 0;
			medes_encode(ws, MEDES_MODE_DENSE, page, MEDES_ALONE(base), &coded);
			guessed[k] += coded.encoding == MEDES_ENCODING_WORDS;
		}
	}
	assert_in_range(guessed[0], 150, 200);
	assert_true(guessed[1] > 0 && guessed[1] < guessed[0] / 2);
}

/* Pictures are new, but one pixel is much like the one before. */
static void pixels_are_found(void **state)
{
	unsigned int stride, i;
	u8 *octets = (u8 *)page, encoding;
	int plain, len;

	(void)state;
	for (stride = 1; stride <= 4; stride++) {
		for (i = 0; i < MEDES_PAGE_SIZE; i++)
			octets[i] = (i < stride ? 60 * i : octets[i - stride]) +
				    random_below(5) - 2;
		mode = MEDES_MODE_FAST;
		plain = round_trip(NULL, &encoding);
		mode = MEDES_MODE_DENSE;
		len = round_trip(NULL, &encoding);
		assert_int_equal(encoding, MEDES_ENCODING_SELF);
		/* 2.3 bits an octet are random, and fast mode finds nothing */
		assert_in_range(len, 1100, 1500);
		assert_true(plain < 0 || plain > 2 * len);
	}
	/* none: noise */
	page_random(page);
	assert_int_equal(medes_pixels_find(page), 0);
}

/* zstd would take a dictionary that begins like this for one with tables. */
static void base_that_looks_like_a_dictionary(void **state)
{
	u8 encoding;
	unsigned int by;

	(void)state;
	mode = MEDES_MODE_DENSE;
	for (by = 8; by < 400; by += 40) {
		page_text(base);
		memmove((u8 *)page, (u8 *)base + by, MEDES_PAGE_SIZE - by);
		put_unaligned_le32(0xec30a437, base);
		assert_true(round_trip(base, &encoding) > 0);
	}
}

static void encoding_changes_neither_page(void **state)
{
	static u64 page_was[MEDES_PAGE_WORDS], base_was[MEDES_PAGE_WORDS];
	u8 encoding;

	(void)state;
	page_objects(base);
	page_mutate(page, base, 100);
	memcpy(page_was, page, MEDES_PAGE_SIZE);
	memcpy(base_was, base, MEDES_PAGE_SIZE);
	assert_true(round_trip(base, &encoding) > 0);
	assert_true(round_trip(NULL, &encoding) > 0);
	assert_memory_equal(page, page_was, MEDES_PAGE_SIZE);
	assert_memory_equal(base, base_was, MEDES_PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(zero_page, start),
		cmocka_unit_test_setup(same_page, start),
		cmocka_unit_test_setup(random_page_stays, start),
		cmocka_unit_test_setup(text_is_compressed, start),
		cmocka_unit_test_setup(pointers_without_base_beat_lz4, start),
		cmocka_unit_test_setup(few_words_cost_few_bytes, start),
		cmocka_unit_test_setup(slid_pages_are_small, start),
		cmocka_unit_test_setup(mixed_slides_take_a_code_a_word, start),
		cmocka_unit_test_setup(slides_serve_dictionaries, start),
		cmocka_unit_test_setup(more_slides_than_codes, start),
		cmocka_unit_test_setup(every_delta_different, start),
		cmocka_unit_test_setup(alternating_words, start),
		cmocka_unit_test_setup(literals_at_their_limits, start),
		cmocka_unit_test_setup(slides_of_every_length, start),
		cmocka_unit_test_setup(any_page_comes_back, start),
		cmocka_unit_test_setup(patches_keep_to_their_bound, start),
		cmocka_unit_test_setup(records_end_at_the_limit, start),
		cmocka_unit_test_setup(moved_text_is_found_in_its_base, start),
		cmocka_unit_test_setup(moved_objects_are_found_in_their_base, start),
		cmocka_unit_test_setup(neighbours_are_reached_into, start),
		cmocka_unit_test_setup(too_many_moves_are_not_made, start),
		cmocka_unit_test_setup(dense_is_shorter, start),
		cmocka_unit_test_setup(guesses_are_paid_for, start),
		cmocka_unit_test_setup(pixels_are_found, start),
		cmocka_unit_test_setup(base_that_looks_like_a_dictionary,
				       start),
		cmocka_unit_test_setup(encoding_changes_neither_page, start),
	};

	return cmocka_run_group_tests_name("codec", tests, group_start,
					   group_end);
}
