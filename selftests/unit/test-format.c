// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records written by hand from Documentation/record-format.rst. They pin the bytes
 * down: an encoder may learn to write better ones, a decoder must go on giving
 * these pages.
 */
#include "codec.h"
#include "pages.h"

#define BASE 0x1111111111111111ULL

static u64 page[MEDES_PAGE_WORDS], base[MEDES_PAGE_WORDS];
static u64 want[MEDES_PAGE_WORDS];
static struct medes_scratch *scratch;

static int start(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		base[i] = want[i] = BASE;
	return 0;
}

static int decode(u8 encoding, const u8 *record, size_t len)
{
	u8 *copy = guarded(len);
	int error;

	memcpy(copy, record, len);
	error = medes_decode(scratch, encoding, copy, len, MEDES_ALONE(base), page);
	guarded_free(copy, len);
	return error;
}

static void assert_gives(u8 encoding, const u8 *record, size_t len)
{
	memset(page, 0xee, sizeof(page));
	assert_int_equal(decode(encoding, record, len), 0);
	assert_memory_equal(page, want, sizeof(page));
}

static void numbers_are_the_protocol_s(void **state)
{
	(void)state;
	assert_int_equal(MEDES_ENCODING_ZERO, 0);
	assert_int_equal(MEDES_ENCODING_SAME, 1);
	assert_int_equal(MEDES_ENCODING_WORDS, 2);
	assert_int_equal(MEDES_ENCODING_SELF, 3);
	assert_int_equal(MEDES_ENCODING_DICT, 4);
}

static void no_difference(void **state)
{
	static const u8 record[9];

	(void)state;
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
	memset(want, 0, sizeof(want));
	assert_gives(MEDES_ENCODING_SELF, record, sizeof(record));
}

static void plain_literals(void **state)
{
	static const u8 record[] = {
		0x08,					/* 8 codes */
		0x02, 0x34, 0x12,			/* plain, 0, + 0x1234 */
		0x10, 0x20, 0x30, 0x40, 0x50, 0x60,	/* plain, 1 to 8 */
		0x01, 0xff,				/* plain, 0, - 1 */
		0x01, 0, 0, 0, 0, 0, 0, 0x80,		/* groups 0 and 63 */
		0x7f, 0x80,				/* words 0-6; 511 */
		0x21, 0x43, 0x65, 0x87,
		0xaa,
		0xbb, 0xaa,
		0x03, 0x02, 0x01,
		0x04, 0x03, 0x02, 0x01,
		0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
	};
	static const u64 words[] = {
		0x1234, 0xaa, 0xaabb, 0x010203, 0x01020304, 0x010203040506,
		0x0102030405060708,
	};

	(void)state;
	memcpy(want, words, sizeof(words));
	want[511] = ~0ULL;
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
}

static void steps_and_neighbours(void **state)
{
	static const u8 record[] = {
		0x0c,				/* 12 codes */
		0x79, 0x02,			/* step, 0, + 2 pages */
		0x7a, 0x00, 0x80,		/* step, 0, - 0x8000 pages */
		0x71, 0xf0,			/* step, 0, - 16 */
		0x80, 0x90, 0xa0, 0xb0,		/* step, 1 to 4 */
		0x50,				/* plain, 6 */
		0xc0, 0xd0, 0xe0, 0xf0,		/* near, 1 to 4 */
		0x03, 0, 0, 0, 0, 0, 0, 0,	/* groups 0 and 1 */
		0xff, 0x1f,			/* words 0-7, 8-12 */
		0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb, 0x09,
		0x00,				/* - 0x80 */
		0xff, 0xff,			/* + 0x7fff */
		0x01, 0x00, 0x80,		/* + 1 */
		0x00, 0x00, 0x00, 0x00,		/* - 0x80000000 */
		0x00, 0x10, 0x00, 0x00, 0x00, 0x7f,	/* an address */
		0x90,				/* + 16 */
		0x00, 0x00,			/* - 0x8000 */
		0x00, 0x00, 0x81,		/* + 0x10000 */
		0xff, 0xff, 0xff, 0xff,		/* + 0x7fffffff */
		0x80,				/* and the first again, + 0 */
	};
	static const u64 words[] = {
		BASE + 0x2000,
		BASE - 0x8000000,
		BASE - 16,
		BASE - 0x80,
		BASE + 0x7fff,
		BASE + 1,
		BASE - 0x80000000ULL,
		0x7f0000001000,
		0x7f0000001010,
		0x7f0000001010 - 0x8000,
		0x7f0000001010 - 0x8000 + 0x10000,
		0x7f0000001010 - 0x8000 + 0x10000 + 0x7fffffff,
		0x7f0000001010 - 0x8000 + 0x10000 + 0x7fffffff,
	};

	(void)state;
	memcpy(want, words, sizeof(words));
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
}

/* What is no address is no neighbour, and there is none to begin with. */
static void neighbours_are_addresses(void **state)
{
	static const u8 record[] = {
		0x02,
		0x60, 0xf0,			/* plain, 8; near, 4 */
		0x01, 0, 0, 0, 0, 0, 0, 0,
		0xff,
		0x12, 0x12, 0x12, 0x12,
		0x05, 0x00, 0x00, 0x80,		/* 0 + 5 */
		0xbc, 0x0a, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00,
		0x06, 0x00, 0x00, 0x80,		/* 0 + 6 */
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
		0x07, 0x00, 0x00, 0x80,		/* 0 + 7 */
		0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
		0xff, 0xff, 0xff, 0x7f,		/* 4 GiB - 1: not one any more */
		0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x00,
	};
	static const u64 words[] = {
		5, 0x800000000abc, 6, 0xffffffff, 7, 0x100000000,
		0xffffffff, 0x7fffffffffff,
	};

	(void)state;
	memcpy(want, words, sizeof(words));
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
}

static void moves_come_first(void **state)
{
	static const u8 record[] = {
		0x21,				/* moves, 1 code */
		0x02,				/* 2 moves: */
		0x03, 0x64, 0x02,		/* from word 3 on those from 100 on, */
		0xff, 0x02, 0x03,		/* from word 258 on those in place */
		0x00,				/* plain, 0, + 0 */
		0x01, 0, 0, 0, 0, 0, 0, 0,	/* group 0 */
		0x10,				/* word 4 */
		0x01,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		base[i] = want[i] = i;
	for (i = 3; i < 258; i++)
		want[i] = i - 3 + 100;
	want[4] = 0;
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
	assert_int_equal(decode(MEDES_ENCODING_SELF, record, sizeof(record)), -EBADMSG);
}

static void moves_from_the_neighbours(void **state)
{
	static const u8 record[] = {
		0x20,				/* moves, no code */
		0x03,				/* 3 moves: */
		0x00, 0xfe, 0x01,		/* the end of the page before, */
		0x02, 0x00, 0x04,		/* the begin of that behind, */
		0x03, 0x05, 0x02,		/* the rest in place */
		0, 0, 0, 0, 0, 0, 0, 0,
	};
	static u64 before[MEDES_PAGE_WORDS], after[MEDES_PAGE_WORDS];
	struct medes_bases all = { { before, base, after } };

	(void)state;
	before[510] = want[0] = 1;
	before[511] = want[1] = 2;
	after[0] = want[2] = 3;
	after[1] = want[3] = 4;
	after[2] = want[4] = 5;
	assert_int_equal(medes_decode(scratch, MEDES_ENCODING_WORDS, record, sizeof(record), &all,
				      page), 0);
	assert_memory_equal(page, want, sizeof(page));
	all.page[MEDES_AFTER] = NULL;
	assert_int_equal(medes_decode(scratch, MEDES_ENCODING_WORDS, record, sizeof(record), &all,
				      page), -EBADMSG);
}

static void slides_follow_moves(void **state)
{
	static const u8 record[] = {
		0x20,				/* the base page made anew, no code */
		0x81,				/* 1 move, and slides: */
		0x02, 0x01, 0x02,		/* from word 2 on those from 1 on */
		0x02,				/* 2 slides: */
		0x09, 0x03,			/* + 3 pages */
		0x01, 0xf0,			/* - 16 */
		0x05,				/* 5 regions, as they are met: */
		0x01, 0x21, 0x02,		/* 1, none, 1, 2, 2 */
		0, 0, 0, 0, 0, 0, 0, 0,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < MEDES_PAGE_WORDS; i++)
		base[i] = want[i] = i;
	base[0] = 0x100000000;		/* region 0x1000, of slot 1 of the 64: the first met */
	base[1] = 0x10abcdef8;		/* region 0x10ab: the second */
	base[2] = 0x7fffffffffff;	/* region 0x7ffffff: the third */
	base[3] = 0x10000000f;		/* of the first again */
	base[4] = 0xffffffff;		/* no address, */
	base[5] = 0x800000000000;	/* nor this */
	base[6] = 0x100100000;		/* region 0x1001, of another slot: the fourth */
	base[7] = 0x1040fffff;		/* region 0x1040, of 0x1001's: the fifth, in its place */
	base[8] = 0x100100008;		/* 0x1001 is the sixth, of which the list says nothing */
	want[0] = base[0] + 0x3000;
	want[1] = base[1];
	want[2] = base[1];
	want[3] = base[2] + 0x3000;
	want[4] = base[3] + 0x3000;
	want[5] = base[4];
	want[6] = base[5];
	want[7] = base[6] - 16;
	want[8] = base[7] - 16;
	want[9] = base[8];
	for (i = 10; i < MEDES_PAGE_WORDS; i++)
		want[i] = i - 1;
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
	assert_int_equal(decode(MEDES_ENCODING_SELF, record, sizeof(record)), -EBADMSG);
}

/* LZ4's matches may reach into the octets of zero before a page. */
static void zeros_before_a_page(void **state)
{
	static const u8 page_of_zeros[] = {
		0xc0,
		0x0f, 0x08, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf7,	/* 4091 from 8 back */
		0x50, 0, 0, 0, 0, 7,				/* 5 literals */
	};

	(void)state;
	memset(want, 0, sizeof(want));
	((u8 *)want)[MEDES_PAGE_SIZE - 1] = 7;
	assert_gives(MEDES_ENCODING_SELF, page_of_zeros, sizeof(page_of_zeros));
}

static void compressed_patch(void **state)
{
	static const u8 record[] = {
		0x81,				/* LZ4, 1 code */
		0xc0,				/* 12 literals */
		0x79, 0x01,			/* step, 0, + 1 page */
		0x02, 0, 0, 0, 0, 0, 0, 0,	/* group 1 */
		0x04,				/* word 10 */
		0x01,
	};

	(void)state;
	want[10] += 4096;
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
	memset(want, 0, sizeof(want));
	want[10] = 4096;
	assert_gives(MEDES_ENCODING_SELF, record, sizeof(record));
}

static void compressed_page(void **state)
{
	static const u8 record[] = {
		0xc0,			/* LZ4, the page itself */
		0x1f, 'A', 0x01, 0x00,	/* a literal; a match, one back, */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf6, /* of 4090 */
		0x50, 'A', 'A', 'A', 'A', 'A',
	};

	(void)state;
	memset(want, 'A', sizeof(want));
	assert_gives(MEDES_ENCODING_SELF, record, sizeof(record));
	assert_int_equal(decode(MEDES_ENCODING_WORDS, record, sizeof(record)),
			 -EBADMSG);
}

/* The base is what lies before the page, for LZ4 and for zstd. */
static void page_that_refers_to_its_base(void **state)
{
	static const u8 lz4[] = {
		0xc0,			/* LZ4, the page itself */
		0x1f, 0x00, 0x00, 0x10,	/* a literal; a match, 4096 back, */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf6, /* of 4090 */
		0x50, 'A', 'A', 'A', 'A', 'A',
	};

	(void)state;
	for (int i = 0; i < MEDES_PAGE_WORDS; i++)
		base[i] = want[i] = i * 0x0123456789abcdefULL;
	memset((u8 *)want, 0, 1);
	memset((u8 *)want + MEDES_PAGE_SIZE - 5, 'A', 5);
	assert_gives(MEDES_ENCODING_DICT, lz4, sizeof(lz4));
	assert_int_equal(decode(MEDES_ENCODING_WORDS, lz4, sizeof(lz4)),
			 -EBADMSG);
}

/* The same, the base page's pointers being moved before. */
static void slides_of_a_dictionary(void **state)
{
	static const u8 record[] = {
		0xe0,			/* LZ4, the page itself, of the base page made anew */
		0x01, 0x09, 0x03,	/* 1 slide: + 3 pages */
		0x01, 0x01,		/* 1 region: 1 */
		0x1f, 0x00, 0x00, 0x10,	/* a literal; a match, 4096 back, */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf6, /* of 4090 */
		0x50, 'A', 'A', 'A', 'A', 'A',
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		base[i] = i % 5 ? i : 0x7f0000000000 + i * 8;
		want[i] = i % 5 ? i : base[i] + 0x3000;
	}
	memset((u8 *)want, 0, 1);
	memset((u8 *)want + MEDES_PAGE_SIZE - 5, 'A', 5);
	assert_gives(MEDES_ENCODING_DICT, record, sizeof(record));
	assert_int_equal(decode(MEDES_ENCODING_SELF, record, sizeof(record)), -EBADMSG);
}

/* A zstd block (RFC 8878): literals repeated, then no sequence at all. */
static void zstd_block(void **state)
{
	static const u8 page_record[] = {
		0x50,			/* zstd, the page itself */
		0x0d, 0x00, 0x01, 'A',	/* 4096 literals, all 'A' */
		0x00,			/* no sequences */
	};

	(void)state;
	memset(want, 'A', sizeof(want));
	assert_gives(MEDES_ENCODING_SELF, page_record, sizeof(page_record));
	assert_gives(MEDES_ENCODING_DICT, page_record, sizeof(page_record));
}

/* Differences of octets that are a pixel apart. */
static void pixels(void **state)
{
	static const u8 ones[] = {
		0x50,			/* zstd, the page itself; octets of a pixel */
		0x0d, 0x00, 0x01, 1,	/* 4096 literals, all 1 */
		0x00,			/* no sequences */
	};
	u8 record[sizeof(ones)];
	unsigned int stride, i;

	(void)state;
	memcpy(record, ones, sizeof(ones));
	for (stride = 1; stride <= MEDES_PIXELS_MAX; stride++) {
		record[0] = 0x50 | stride;
		for (i = 0; i < MEDES_PAGE_SIZE; i++)
			((u8 *)want)[i] = 1 + i / stride;
		assert_gives(MEDES_ENCODING_SELF, record, sizeof(record));
		assert_int_equal(decode(MEDES_ENCODING_DICT, record, sizeof(record)), -EBADMSG);
	}
}

/* Each a well-formed record with one thing wrong. */
static void what_the_format_forbids(void **state)
{
	static const struct {
		const char *what;
		u8 len;
		u8 record[20];
	} wrong[] = {
		{ "LZ4 and zstd", 9, { 0x90 } },
		{ "bit 5 of the head", 9, { 0x20 } },
		{ "page that is not compressed", 9, { 0x40 } },
		{ "page with codes", 9, { 0xc1 } },
		{ "addend of form 15", 17, { 0x01, 0x7f } },
		{ "code 0 for a word", 12, { 0x01, 0x60, 1, 0, 0, 0, 0, 0, 0, 0,
					     1, 0x00 } },
		{ "code not in the table", 12, { 0x01, 0x00, 1, 0, 0, 0, 0, 0,
						 0, 0, 1, 0x02 } },
		{ "group without words", 11, { 0x01, 0x00, 1, 0, 0, 0, 0, 0, 0,
					       0, 0 } },
		{ "table cut short", 2, { 0x02, 0x60 } },
		{ "addend cut short", 3, { 0x01, 0x02, 0x01 } },
		{ "groups cut short", 8, { 0x00 } },
		{ "masks missing", 9, { 0x00, 1 } },
		{ "codes of words missing", 11, { 0x01, 0x00, 1, 0, 0, 0, 0, 0,
						  0, 0, 1 } },
		{ "literal cut short", 13, { 0x01, 0x20, 1, 0, 0, 0, 0, 0, 0,
					     0, 1, 0x01, 0xaa } },
		{ "byte too many", 13, { 0x01, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 1,
					 0x01, 0 } },
		{ "head alone", 1, { 0x00 } },
		{ "head of LZ4 alone", 1, { 0x80 } },
		{ "a prior that is not there", 9, { 0x10 | MEDES_PRIORS } },
		{ "pixels of LZ4", 7, { 0xc3, 0x0d, 0x00, 0x01, 1, 0x00 } },
		{ "pixels too large", 6, { 0x50 | (MEDES_PIXELS_MAX + 1), 0x0d, 0x00, 0x01, 1 } },
		{ "slides before guesses", 9, { 0x30, 0x80, 0x01, 0x01, 0x10 } },
		{ "guesses that want more than there is", 20, { 0x10 } },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (decode(MEDES_ENCODING_WORDS, wrong[i].record,
			   wrong[i].len) != -EBADMSG ||
		    decode(MEDES_ENCODING_SELF, wrong[i].record,
			   wrong[i].len) != -EBADMSG)
			fail_msg("%s: not refused", wrong[i].what);
	}
}

/* The frame of the cases above is right, so their faults are what refuses. */
static void what_the_format_allows(void **state)
{
	static const u8 record[] = { 0x01, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 1,
				     0x01 };

	(void)state;
	want[0] = 0;
	assert_gives(MEDES_ENCODING_WORDS, record, sizeof(record));
}

static int group_start(void **state)
{
	(void)state;
	scratch = medes_scratch_init(guarded(medes_scratch_size()));
	assert_non_null(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_the_protocol_s),
		cmocka_unit_test_setup(no_difference, start),
		cmocka_unit_test_setup(plain_literals, start),
		cmocka_unit_test_setup(steps_and_neighbours, start),
		cmocka_unit_test_setup(neighbours_are_addresses, start),
		cmocka_unit_test_setup(moves_come_first, start),
		cmocka_unit_test_setup(moves_from_the_neighbours, start),
		cmocka_unit_test_setup(slides_follow_moves, start),
		cmocka_unit_test_setup(slides_of_a_dictionary, start),
		cmocka_unit_test_setup(zeros_before_a_page, start),
		cmocka_unit_test_setup(compressed_patch, start),
		cmocka_unit_test_setup(compressed_page, start),
		cmocka_unit_test_setup(page_that_refers_to_its_base, start),
		cmocka_unit_test_setup(zstd_block, start),
		cmocka_unit_test_setup(pixels, start),
		cmocka_unit_test_setup(what_the_format_forbids, start),
		cmocka_unit_test_setup(what_the_format_allows, start),
	};

	return cmocka_run_group_tests_name("format", tests, group_start, NULL);
}
