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
static struct medes_workspace *ws;
static struct medes_scratch *scratch;
static u8 *end;		/* of the room for a record */

#define ROOM (2 * MEDES_PAGE_SIZE)

/* Records as the encoder writes them, to start from. */
static struct {
	u8 encoding;
	int len;
	u8 data[MEDES_PATCH_MAX];
} samples[32];
static unsigned int sample_count;

static u8 *room;

/* Decodes a copy of the record that ends at the end of memory. */
static int decode(u8 encoding, const u8 *data, size_t len, const u64 *with)
{
	int error;

	if (len)
		memmove(end - len, data, len);
	error = medes_decode(scratch, encoding, end - len, len, with, page);
	assert_true(error == 0 || error == -EBADMSG);
	return error;
}

static void sample(const u64 *with)
{
	const void *data;
	u8 encoding;
	int len = medes_encode(ws, page, with, &encoding, &data);

	assert_true(len > 0);
	assert_true(sample_count < ARRAY_SIZE(samples));
	samples[sample_count].encoding = encoding;
	samples[sample_count].len = len;
	memcpy(samples[sample_count++].data, data, len);
}

static int group_start(void **state)
{
	static const u64 slides[] = { 0x4000, 0x12345000, -0x99999000ULL };
	unsigned int i;

	(void)state;
	page = guarded(MEDES_PAGE_SIZE);
	base = guarded(MEDES_PAGE_SIZE);
	ws = guarded(sizeof(*ws));
	scratch = guarded(sizeof(*scratch));
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
	guarded_free(ws, sizeof(*ws));
	guarded_free(scratch, sizeof(*scratch));
	guarded_free(room, ROOM);
	return 0;
}

/* Else what follows would miss a branch of the decoder. */
static void samples_are_of_every_form(void **state)
{
	unsigned int i, forms = 0;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		u8 head = samples[i].data[0];

		assert_int_equal(decode(samples[i].encoding, samples[i].data,
					samples[i].len, base), 0);
		forms |= 1 << ((samples[i].encoding == MEDES_ENCODING_SELF) |
			       head >> 6 << 1);
	}
	/* patches plain and compressed of both encodings, and an LZ4 page */
	assert_int_equal(forms, 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7);
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
	for (encoding = MEDES_ENCODING_SELF + 1; encoding < 256; encoding++) {
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
	unsigned int i;
	int len;

	(void)state;
	for (i = 0; i < sample_count; i++)
		for (len = 0; len < samples[i].len; len++)
			assert_int_equal(decode(samples[i].encoding,
						samples[i].data, len, base),
					 -EBADMSG);
}

static void bytes_behind_a_record_are_noticed(void **state)
{
	static u8 longer[MEDES_PATCH_MAX + 16];
	unsigned int i;
	int more;

	(void)state;
	for (i = 0; i < sample_count; i++) {
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

static void bits_without_meaning_are_refused(void **state)
{
	static u8 copy[MEDES_PATCH_MAX];
	unsigned int i, head;

	(void)state;
	for (i = 0; i < sample_count; i++) {
		memcpy(copy, samples[i].data, samples[i].len);
		for (head = 0; head < 256; head++) {
			if (!(head & 0x30))
				continue;
			copy[0] = head;
			assert_int_equal(decode(samples[i].encoding, copy,
						samples[i].len, base),
					 -EBADMSG);
		}
		/* the form for whole pages has no base and no plain variant */
		copy[0] = 0xc0;
		assert_true(samples[i].encoding == MEDES_ENCODING_SELF ||
			    decode(MEDES_ENCODING_WORDS, copy, samples[i].len,
				   base) == -EBADMSG);
		copy[0] = 0x40;
		assert_int_equal(decode(samples[i].encoding, copy,
					samples[i].len, base), -EBADMSG);
	}
}

static void random_bytes(void **state)
{
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
			data[0] &= 0x8f;
		if (len && i % 8 == 1)
			data[0] = 0xc0;
		decode(i % 4, data, len, i % 5 ? base : NULL);
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
		cmocka_unit_test(random_patches),
		cmocka_unit_test(more_codes_than_the_table_holds),
		cmocka_unit_test(slack_is_enough),
	};

	return cmocka_run_group_tests_name("malformed", tests, group_start,
					   group_end);
}
