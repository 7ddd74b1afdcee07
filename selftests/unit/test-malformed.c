// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that no encoder wrote. Whatever the bytes are, decoding says 0 or
 * -EBADMSG and touches nothing that it was not given: each record ends where
 * memory ends, and so do the page, the base and the scratch space. That they
 * give the right page is not asked here; a checksum elsewhere sees to that.
 */
#include "codec.h"
#include "pages.h"

static u64 *page, *base;
static void *ws_memory, *scratch_memory;
static struct medes_workspace *ws;
static struct medes_scratch *scratch;
static u8 *end;		/* of the room for a record */

#define ROOM (2 * MEDES_PAGE_SIZE)

/* Records as the encoder writes them, to start from. */
static struct {
	u8 encoding;
	int len;
	u8 data[MEDES_PATCH_MAX];
} samples[64];
static unsigned int sample_count;

static u8 *room;

/* Decodes a copy of the record that ends at the end of memory. */
static int decode(u8 encoding, const u8 *data, size_t len, const u64 *with)
{
	int error;

	if (len)
		memmove(end - len, data, len);
	error = medes_decode(scratch, encoding, end - len, len, MEDES_ALONE(with), page);
	assert_true(error == 0 || error == -EBADMSG);
	return error;
}

static void sample_in(enum medes_mode mode, const u64 *with)
{
	struct medes_coded coded;
	int len = medes_encode(ws, mode, page, MEDES_ALONE(with), &coded);

	assert_true(len > 0);
	assert_true(sample_count < ARRAY_SIZE(samples));
	samples[sample_count].encoding = coded.encoding;
	samples[sample_count].len = len;
	memcpy(samples[sample_count++].data, coded.data, len);
}

static void sample(const u64 *with)
{
	sample_in(MEDES_MODE_FAST, with);
	sample_in(MEDES_MODE_DENSE, with);
}

static int group_start(void **state)
{
	static const u64 slides[] = { 0x4000, 0x12345000, -0x99999000ULL };
	static u64 slid[MEDES_PAGE_WORDS];
	unsigned int i;

	(void)state;
	page = guarded(MEDES_PAGE_SIZE);
	base = guarded(MEDES_PAGE_SIZE);
	ws_memory = guarded(medes_workspace_size());
	ws = medes_workspace_init(ws_memory);
	assert_non_null(ws);
	scratch_memory = guarded(medes_scratch_size());
	scratch = medes_scratch_init(scratch_memory);
	assert_non_null(scratch);
	room = guarded(ROOM);
	end = room + ROOM;

	random_start(3);
	page_objects(base);
	page_slide(page, base, 3, slides);
	sample(base);
	for (i = 1; i < 600; i *= 2) {
		page_mutate(page, base, i);
		sample(base);
	}
	sample(NULL);
	page_objects(page);
	sample(NULL);
	page_text(page);
	sample(NULL);
	/* a page that begins somewhere else in its base */
	page_random(base);
	memcpy(page, (u8 *)base + 797, MEDES_PAGE_SIZE - 800);
	for (i = 412; i < MEDES_PAGE_WORDS; i++)
		page[i] = random_word();
	sample(base);
	/* objects that lie elsewhere in their base: few, and more */
	for (i = 1; i < 100; i *= 4) {
		page_objects(base);
		page_slide(slid, base, 3, slides);
		memcpy(page, slid + 40, MEDES_PAGE_SIZE - 320);
		memcpy(page + 472, slid, 320);
		page_mutate(base, base, i);
		sample(base);
	}
	memcpy(page, base, MEDES_PAGE_SIZE);
	memcpy(page + 100, base + 60, 240);
	sample(base);
	/* the same in pieces too many for a list: a dictionary, its pointers moved */
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		if (!medes_is_address(base[i]))
			base[i] = random_word() >> 40;
	page_slide_regions(slid, base, 2, slides);
	memcpy(page, slid, MEDES_PAGE_SIZE);
	sample(base);
	for (i = 0; i < MEDES_PAGE_WORDS; i += 2)
		memcpy(page + i, slid + i * 205 % MEDES_PAGE_WORDS / 2 * 2, 16);
	sample(base);
	memset(page, 0, MEDES_PAGE_SIZE);
	page[100] = 1;
	sample(NULL);
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	guarded_free(page, MEDES_PAGE_SIZE);
	guarded_free(base, MEDES_PAGE_SIZE);
	guarded_free(ws_memory, medes_workspace_size());
	guarded_free(scratch_memory, medes_scratch_size());
	guarded_free(room, ROOM);
	return 0;
}

/*
 * Guesses have nothing to spare: a record of them that lost octets, or got some, may be one
 * of another page, as with any other damage. The page's hash tells.
 */
static bool are_guesses(unsigned int i)
{
	return samples[i].encoding != MEDES_ENCODING_DICT && (samples[i].data[0] & 0xd0) == 0x10;
}

/* Else what follows would miss a branch of the decoder. */
static void samples_are_of_every_form(void **state)
{
	static const struct {
		u8 encoding;
		u8 head;
	} forms[] = {
		{ MEDES_ENCODING_WORDS, 0x00 }, { MEDES_ENCODING_WORDS, 0x80 },
		{ MEDES_ENCODING_WORDS, 0x10 }, { MEDES_ENCODING_WORDS, 0x20 },
		{ MEDES_ENCODING_WORDS, 0xa0 }, { MEDES_ENCODING_WORDS, 0x30 },
		{ MEDES_ENCODING_SELF, 0x00 },
		{ MEDES_ENCODING_SELF, 0x80 }, { MEDES_ENCODING_SELF, 0x10 },
		{ MEDES_ENCODING_SELF, 0xc0 }, { MEDES_ENCODING_SELF, 0x50 },
		{ MEDES_ENCODING_DICT, 0xc0 }, { MEDES_ENCODING_DICT, 0x50 },
		{ MEDES_ENCODING_DICT, 0xe0 }, { MEDES_ENCODING_DICT, 0x70 },
	};
	unsigned int i, k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(forms); k++) {
		for (i = 0; i < sample_count; i++)
			if (samples[i].encoding == forms[k].encoding &&
			    (samples[i].data[0] & 0xf0) == forms[k].head)
				break;
		if (i == sample_count)
			fail_msg("no sample of encoding %u, head %#x",
				 forms[k].encoding, forms[k].head);
	}
	/* what is guessed from another page than it was is another record */
	for (i = 0; i < sample_count; i++)
		if (!are_guesses(i))
			assert_int_equal(decode(samples[i].encoding, samples[i].data,
						samples[i].len, base), 0);
}

static void arguments_that_do_not_fit(void **state)
{
	unsigned int encoding;
	u8 byte = 0;

	(void)state;
	assert_int_equal(decode(MEDES_ENCODING_ZERO, &byte, 1, NULL), -EBADMSG);
	assert_int_equal(decode(MEDES_ENCODING_SAME, &byte, 1, base), -EBADMSG);
	assert_int_equal(decode(MEDES_ENCODING_SAME, NULL, 0, NULL), -EBADMSG);
	assert_int_equal(decode(MEDES_ENCODING_WORDS, NULL, 0, base), -EBADMSG);
	assert_int_equal(decode(MEDES_ENCODING_SELF, NULL, 0, NULL), -EBADMSG);
	assert_int_equal(decode(MEDES_ENCODING_WORDS, samples[0].data,
				samples[0].len, NULL), -EBADMSG);
	for (encoding = MEDES_ENCODING_MAX + 1; encoding < 256; encoding++) {
		assert_int_equal(decode(encoding, NULL, 0, base), -EBADMSG);
		assert_int_equal(decode(encoding, samples[0].data,
					samples[0].len, base), -EBADMSG);
	}
}

static void records_that_are_too_long(void **state)
{
	size_t len;

	(void)state;
	/* well-formed but for its length: 0 codes, no groups, then nothing */
	memset(room, 0, ROOM);
	for (len = MEDES_PATCH_MAX + 1; len <= ROOM; len += 7) {
		assert_int_equal(decode(MEDES_ENCODING_WORDS, room, len, base),
				 -EBADMSG);
		assert_int_equal(decode(MEDES_ENCODING_SELF, room, len, NULL),
				 -EBADMSG);
	}
}

static void every_truncation_is_noticed(void **state)
{
	unsigned int i, unnoticed = 0, all = 0;
	int len;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		for (len = 0; len < samples[i].len; len++) {
			int error = decode(samples[i].encoding, samples[i].data, len, base);

			if (!are_guesses(i) || !len)
				assert_int_equal(error, -EBADMSG);
			unnoticed += !error;
			all++;
		}
	}
	/* if by nothing else, by the lengths of both of its parts */
	assert_in_range(unnoticed, 0, all / 10);
}

static void bytes_behind_a_record_are_noticed(void **state)
{
	static u8 longer[MEDES_PATCH_MAX + 16];
	unsigned int i;
	int more;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		if (are_guesses(i))
			continue;
		for (more = 1; more <= 16; more++) {
			memset(longer, 0, sizeof(longer));
			memcpy(longer, samples[i].data, samples[i].len);
			assert_int_equal(decode(samples[i].encoding, longer,
						samples[i].len + more, base),
					 -EBADMSG);
		}
	}
}

static void every_bit_flipped(void **state)
{
	static u8 copy[MEDES_PATCH_MAX];
	unsigned int i, bit, refused = 0;
	int at;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		memcpy(copy, samples[i].data, samples[i].len);
		for (at = 0; at < samples[i].len; at++) {
			for (bit = 0; bit < 8; bit++) {
				copy[at] ^= 1 << bit;
				refused += decode(samples[i].encoding, copy,
						  samples[i].len, base) < 0;
				copy[at] ^= 1 << bit;
			}
		}
	}
	assert_true(refused > 1000);
}

/* Each byte takes each value: lengths of LZ4, codes, masks, at their limits. */
static void every_byte_replaced(void **state)
{
	static u8 copy[MEDES_PATCH_MAX];
	unsigned int i, value;
	int at;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		memcpy(copy, samples[i].data, samples[i].len);
		for (at = 0; at < min(samples[i].len, 96); at++) {
			u8 was = copy[at];

			for (value = 0; value < 256; value++) {
				copy[at] = value;
				decode(samples[i].encoding, copy,
				       samples[i].len, base);
			}
			copy[at] = was;
		}
	}
}

/* What a head may say, but for how many codes there are. */
static bool has_meaning(u8 encoding, unsigned int head)
{
	bool pixels = encoding == MEDES_ENCODING_SELF && head >= 0x50 &&
		      head <= 0x50 + MEDES_PIXELS_MAX;
	bool page = head == 0xc0 || head == 0x50 || pixels ||
		    (encoding == MEDES_ENCODING_DICT && (head == 0xe0 || head == 0x70));
	bool patch = (head & 0xd0) == 0 || (head & 0xd0) == 0x80 ||
		     ((head & 0xd0) == 0x10 && (head & 0x0f) < MEDES_PRIORS);
	bool made = head & 0x20;

	return (page && encoding != MEDES_ENCODING_WORDS) ||
	       (patch && encoding != MEDES_ENCODING_DICT &&
		(!made || encoding == MEDES_ENCODING_WORDS));
}

static void bits_without_meaning_are_refused(void **state)
{
	static u8 copy[MEDES_PATCH_MAX];
	unsigned int i, head;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		memcpy(copy, samples[i].data, samples[i].len);
		for (head = 0; head < 256; head++) {
			if (has_meaning(samples[i].encoding, head))
				continue;
			copy[0] = head;
			assert_int_equal(decode(samples[i].encoding, copy,
						samples[i].len, base),
					 -EBADMSG);
		}
	}
}

static void random_bytes(void **state)
{
	static const u8 heads[] = { 0x00, 0x80, 0x10, 0xc0, 0x50 };
	static u8 data[MEDES_PATCH_MAX];
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 400000; i++) {
		size_t len = random_below(i % 16 ? 80 : MEDES_PATCH_MAX + 1);
		u64 sparse = i % 3 ? ~0ULL : random_word() & random_word();

		for (j = 0; j < len; j += 8)
			put_unaligned_le64(random_word() & sparse, data + j);
		/* a head that leads somewhere, most of the time */
		if (len && i % 8)
			data[0] = heads[random_below(ARRAY_SIZE(heads))] |
				  (data[0] & 0x0f);
		if (len && i % 8 == 1)
			data[0] &= 0xf0;
		if (len && (data[0] & 0xf0) == 0x10)
			data[0] = 0x10 | data[0] % MEDES_PRIORS;
		decode(i % (MEDES_ENCODING_MAX + 1), data, len,
		       i % 7 ? base : NULL);
	}
}

/* Pieces of true records, spliced: well-formed for longer than random bytes. */
static void spliced_records(void **state)
{
	static u8 data[MEDES_PATCH_MAX];
	unsigned int i, good = 0;

	(void)state;
	for (i = 0; i < 300000; i++) {
		unsigned int a = random_below(sample_count);
		unsigned int b = random_below(sample_count);
		int len = samples[a].len;
		int from = random_below(len);
		int piece = random_below(min(samples[b].len, len - from)) + 1;
		unsigned int pokes = random_below(4);

		memcpy(data, samples[a].data, len);
		if (i % 2)
			memcpy(data + from, samples[b].data +
			       random_below(samples[b].len - piece + 1), piece);
		while (pokes--)
			data[random_below(len)] = random_word();
		good += !decode(samples[a].encoding, data, len, base);
	}
	/* many still decode, or the splices were too coarse */
	assert_in_range(good, 1000, 290000);
}

/* Lists that reach out of the page, out of the base, or end early. */
static void moves_stay_inside(void **state)
{
	const struct medes_bases near[] = { { { base, base, NULL } } };
	static const struct {
		u8 len;
		u8 list[7];
		bool good;
	} lists[] = {
		{ 0, { 0 }, false },
		{ 1, { 0 }, true },
		{ 1, { 1 }, false },
		{ 3, { 1, 0, 0 }, false },
		{ 4, { 1, 0, 0, 0 }, true },		/* the page before */
		{ 4, { 1, 0, 1, 0 }, false },		/* 512 words from word 1 on */
		{ 4, { 1, 255, 0, 1 }, false },		/* 257 from 256 on */
		{ 4, { 1, 255, 255, 0 }, true },
		{ 4, { 1, 255, 0, 2 }, true },		/* from its own begin on */
		{ 4, { 1, 255, 1, 3 }, false },		/* across its end */
		{ 4, { 1, 0, 0, 4 }, false },		/* the page behind, which is not there */
		{ 4, { 1, 255, 255, 255 }, false },
		{ 7, { 2, 255, 0, 0, 255, 0, 0 }, true },
		{ 7, { 2, 255, 2, 1, 255, 0, 0 }, false },	/* 255 from 258 on */
		{ 7, { 2, 255, 1, 1, 255, 254, 1 }, true },	/* 2 from 510 on */
		{ 7, { 2, 255, 1, 1, 255, 255, 1 }, false },
		{ 6, { 2, 255, 0, 0, 255, 0, 0 }, false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		memcpy(end - lists[i].len, lists[i].list, lists[i].len);
		assert_int_equal(medes_moves_apply(end - lists[i].len, lists[i].len, near, page),
				 lists[i].good ? lists[i].len : -EBADMSG);
	}
}

static void random_lists_of_moves(void **state)
{
	const struct medes_bases near[] = { { { NULL, base, base } } };
	unsigned int i, k, good = 0;

	(void)state;
	for (i = 0; i < 300000; i++) {
		unsigned int len = random_below(40);
		u8 *list = end - len;

		for (k = 0; k < len; k++)
			list[k] = random_below(k % 3 ? 256 >> random_below(8) : 6);
		if (len)
			list[0] = random_below(len / 3 + 1);
		good += medes_moves_apply(list, len, near, page) > 0;
	}
	assert_in_range(good, 1000, 290000);
}

/* Lists with a thing wrong, or that end early. */
static void slides_are_well_formed(void **state)
{
	static struct medes_slides_table table;
	static const struct {
		u8 len;
		u8 list[8];
		bool good;
	} lists[] = {
		{ 0, { 0 }, false },
		{ 1, { 0 }, false },
		{ 2, { 0, 0 }, false },				/* no slide */
		{ 1, { 1 }, false },
		{ 3, { 1, 0x01, 0x10 }, false },		/* no number of regions */
		{ 4, { 1, 0x01, 0x10, 0 }, true },
		{ 4, { 1, 0x01, 0x10, 1 }, false },		/* no code of the region */
		{ 5, { 1, 0x01, 0x10, 1, 0x01 }, true },
		{ 5, { 1, 0x01, 0x10, 2, 0x11 }, true },
		{ 5, { 1, 0x01, 0x10, 2, 0x21 }, false },	/* slide 2 of 1 */
		{ 5, { 1, 0x01, 0x10, 3, 0x11 }, false },
		{ 6, { 1, 0x01, 0x10, 3, 0x11, 0x01 }, true },
		{ 5, { 1, 0x0f, 0x10, 1, 0x01 }, false },	/* no such form */
		{ 5, { 1, 0x11, 0x10, 1, 0x01 }, false },	/* bits without meaning */
		{ 5, { 1, 0x01, 0x10, 65, 0x01 }, false },	/* too many regions */
		{ 3, { 16, 0x01, 0x10 }, false },		/* too many slides */
		{ 2, { 1, 0x04 }, false },			/* slide cut short */
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		memcpy(end - lists[i].len, lists[i].list, lists[i].len);
		memset(&table, 0x5a, sizeof(table));
		assert_int_equal(medes_slides_apply(&table, end - lists[i].len, lists[i].len,
						    page),
				 lists[i].good ? lists[i].len : -EBADMSG);
	}
}

static void random_lists_of_slides(void **state)
{
	static struct medes_slides_table table;
	unsigned int i, k, good = 0;

	(void)state;
	memcpy(page, base, MEDES_PAGE_SIZE);
	for (i = 0; i < 100000; i++) {
		unsigned int len = random_below(40);
		u8 *list = end - len;

		for (k = 0; k < len; k++)
			list[k] = random_below(256 >> random_below(8));
		if (len)
			list[0] = random_below(4);
		good += medes_slides_apply(&table, list, len, page) > 0;
	}
	assert_in_range(good, 1000, 95000);
}

/* Patches straight into medes_words_apply(), with no LZ4 to stop them. */
static void random_patches(void **state)
{
	size_t room_len = 600 + MEDES_WORDS_SLACK;
	u8 *patch = guarded(room_len);
	unsigned int i, good = 0;

	(void)state;
	for (i = 0; i < 300000; i++) {
		unsigned int codes = random_below(i % 64 ? 16 : 1000);
		size_t len = random_below(600);
		u8 *at = patch;
		unsigned int j;

		for (j = 0; j < room_len; j += 8)
			put_unaligned_le64(random_word(),
					   patch + min(j, room_len - 8));
		/* codes of few bytes, few groups: reaches the literals */
		for (j = 0; i % 2 && j < min(codes, 15u); j++)
			*at++ = random_word() & 0xf0;
		if (i % 2)
			put_unaligned_le64(random_word() & random_word() &
					   random_word(), at);
		at = patch + 600 - len;
		if (codes <= MEDES_WORDS_CODES)
			good += !medes_words_apply(scratch->table, at, len,
						   codes, page);
		else
			assert_int_equal(medes_words_apply(scratch->table, at,
							   len, codes, page),
					 -EBADMSG);
	}
	assert_true(good < 300000);
	guarded_free(patch, room_len);
}

/* The head has room for 15 codes, so only a caller could ask for more. */
static void more_codes_than_the_table_holds(void **state)
{
	u8 patch[16 + 8 + MEDES_WORDS_SLACK] = { 0 };

	(void)state;
	assert_int_equal(medes_words_apply(scratch->table, patch, 15 + 8, 15,
					   page), 0);
	assert_int_equal(medes_words_apply(scratch->table, patch, 16 + 8, 16,
					   page), -EBADMSG);
}

/* The furthest a patch can be read past: a group of literals, all missing. */
static void slack_is_enough(void **state)
{
	static const u8 missing[] = {
		0x60,				/* plain, 8 */
		0x01, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0x11, 0x11, 0x11, 0x11,
	};
	size_t room_len = sizeof(missing) + MEDES_WORDS_SLACK;
	u8 *patch = guarded(room_len);

	(void)state;
	memcpy(patch, missing, sizeof(missing));
	assert_int_equal(medes_words_apply(scratch->table, patch,
					   sizeof(missing), 1, page), -EBADMSG);
	guarded_free(patch, room_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_of_every_form),
		cmocka_unit_test(arguments_that_do_not_fit),
		cmocka_unit_test(records_that_are_too_long),
		cmocka_unit_test(every_truncation_is_noticed),
		cmocka_unit_test(bytes_behind_a_record_are_noticed),
		cmocka_unit_test(every_bit_flipped),
		cmocka_unit_test(every_byte_replaced),
		cmocka_unit_test(bits_without_meaning_are_refused),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(spliced_records),
		cmocka_unit_test(moves_stay_inside),
		cmocka_unit_test(random_lists_of_moves),
		cmocka_unit_test(slides_are_well_formed),
		cmocka_unit_test(random_lists_of_slides),
		cmocka_unit_test(random_patches),
		cmocka_unit_test(more_codes_than_the_table_holds),
		cmocka_unit_test(slack_is_enough),
	};

	return cmocka_run_group_tests_name("malformed", tests, group_start,
					   group_end);
}
