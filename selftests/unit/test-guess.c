// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guesses, and the range coder below them: what is written is read, in the room there is.
 */
#include "codec.h"
#include "pages.h"

#define ROOM 5000
#define PINNED_MAX 120

static struct medes_guess_work *work;
static u64 page[MEDES_PAGE_WORDS], base[MEDES_PAGE_WORDS], out[MEDES_PAGE_WORDS];
static u8 record[ROOM + 8];
static unsigned int prior;

static int group_start(void **state)
{
	(void)state;
	work = guarded(sizeof(*work));
	medes_guess_init(work);
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	guarded_free(work, sizeof(*work));
	return 0;
}

static int start(void **state)
{
	(void)state;
	random_start(5);
	prior = 0;
	return 0;
}

/* Writes page by base, and reads it. Returns the length of the record. */
static int round_trip(void)
{
	int len = medes_guess_write(work, prior, page, base, record, ROOM);

	assert_in_range(len, 1, ROOM);
	memset(record + len, 0xa5, 8);
	memcpy(out, base, sizeof(out));
	assert_int_equal(medes_guess_read(work, prior, record, len, out), 0);
	assert_memory_equal(out, page, sizeof(out));
	return len;
}

/* What is not octet in so many bytes, or NULL. */
static const u8 *other_than(const u8 *bytes, u8 octet, size_t len)
{
	for (; len; len--, bytes++)
		if (*bytes != octet)
			return bytes;
	return NULL;
}

/* Each begin of bits is that of one value: else a reader might look for one for ever. */
static void assert_complete(const u8 *bits, unsigned int values, unsigned int longest)
{
	unsigned int all = 0, i;

	for (i = 0; i < values; i++) {
		assert_in_range(bits[i], 0, longest);
		all += bits[i] ? 1 << (longest - bits[i]) : 0;
	}
	assert_int_equal(all, 1 << longest);
}

static void priors_are_odds_and_codes(void **state)
{
	unsigned int i, k;

	(void)state;
	for (k = 0; k < MEDES_PRIORS; k++) {
		const struct medes_guess_prior *is = &medes_guess_priors[k];

		for (i = 0; i < MEDES_GUESS_CONTEXTS; i++)
			assert_in_range(is->odds[i], MEDES_ODDS_LEAST,
					(1 << MEDES_ODDS_BITS) - MEDES_ODDS_LEAST);
		for (i = 0; i < MEDES_CHOICES; i++) {
			if (i < MEDES_CHOOSE_BEFORE ||
			    other_than(is->bits[i], 0, MEDES_CHOICE_MAX))
				assert_complete(is->bits[i], MEDES_CHOICE_MAX,
						MEDES_CHOICE_MAX - 1);
		}
		/* there are no other sizes, and no other ways of telling */
		for (i = 0; i < MEDES_CHOOSE_SIZE; i++)
			assert_null(other_than(is->bits[i] + MEDES_TELL_KINDS, 0,
					       MEDES_CHOICE_MAX - MEDES_TELL_KINDS));
		for (; i < MEDES_CHOOSE_BEFORE; i++) {
			bool plain = (i - MEDES_CHOOSE_SIZE) %
				     (MEDES_TELL_KINDS - MEDES_TELL_SIZED) ==
				     MEDES_TELL_PLAIN - MEDES_TELL_SIZED;
			unsigned int sizes = (1 + plain) * MEDES_TELL_SIZES;

			assert_null(other_than(is->bits[i] + sizes, 0, MEDES_CHOICE_MAX - sizes));
		}
	}
	for (i = 0; i < MEDES_TEXT_AFTER; i++) {
		assert_complete(medes_text_bits[i], 256, MEDES_TEXT_BITS);
		for (k = 0; k < 256; k++)
			assert_int_not_equal(medes_text_bits[i][k], 0);
	}
}

/* Codes are given in ascending order, those of few bits first. */
static void choices_are_canonical(void **state)
{
	static const u8 bits[MEDES_CHOICE_MAX] = { 3, 0, 1, 2, 0, 3 }, none[MEDES_CHOICE_MAX];
	struct medes_choice choice;

	(void)state;
	medes_choice_init(&choice, bits);
	assert_false(choice.plain);
	assert_int_equal(choice.code[2], 0);
	assert_int_equal(choice.code[3], 2);
	assert_int_equal(choice.code[0], 6);
	assert_int_equal(choice.code[5], 7);
	assert_int_equal(choice.next[0][0], MEDES_CHOSEN | 2);
	assert_int_equal(choice.next[0][1], 1);
	assert_int_equal(choice.next[1][0], MEDES_CHOSEN | 3);
	assert_int_equal(choice.next[1][1], 2);
	assert_int_equal(choice.next[2][1], MEDES_CHOSEN | 5);
	medes_choice_init(&choice, none);
	assert_true(choice.plain);
}

/* Odds never say that something cannot be, however often it was not. */
static void odds_stay_within_bounds(void **state)
{
	medes_odds odds = MEDES_ODDS_EVEN;
	unsigned int i, k;

	(void)state;
	for (k = 0; k < 4; k++) {
		for (i = 0; i < 1000; i++) {
			odds = medes_odds_after(odds, k & 1);
			assert_in_range(odds, MEDES_ODDS_LEAST,
					(1 << MEDES_ODDS_BITS) - MEDES_ODDS_LEAST);
		}
		assert_true(k & 1 ? odds > 65000 : odds < 500);
	}
}

#define STEPS 3000

/* Bits with odds of every kind, and bits without, in any order. */
static void what_is_written_is_read(void **state)
{
	static u32 value[STEPS];
	static const u8 code[MEDES_CHOICE_MAX] = { 1, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
						   14, 14 };
	medes_odds odds[64], tree[16];
	struct medes_choice choice;
	struct medes_coder coder;
	unsigned int round, i, n, bits;
	int len;

	(void)state;
	medes_choice_init(&choice, code);
	for (round = 0; round < 300; round++) {
		unsigned int likely = 1 << random_below(12);

		n = random_below(STEPS);
		for (i = 0; i < n; i++)
			value[i] = random_word() >> 32;
		memset(odds, 0, sizeof(odds));
		for (i = 0; i < 64; i++)
			odds[i] = MEDES_ODDS_EVEN;
		for (i = 0; i < 16; i++)
			tree[i] = MEDES_ODDS_EVEN;
		medes_coder_write(&coder, record, ROOM);
		for (i = 0; i < n; i++) {
			bits = value[i] % 3 ? 0 : 1 + value[i] % 17;
			/* long runs of the likelier make carries go far */
			medes_code_bit(&coder, MEDES_WRITE, &odds[i % 64],
				       value[i] >> 20 > likely);
			if (i % 7 == 0)
				medes_code_choice(&coder, MEDES_WRITE, &choice, tree, value[i] & 15);
			if (bits)
				medes_code_bits(&coder, MEDES_WRITE, bits, value[i]);
		}
		len = medes_coder_written(&coder);
		if (len < 0)
			continue;

		for (i = 0; i < 64; i++)
			odds[i] = MEDES_ODDS_EVEN;
		for (i = 0; i < 16; i++)
			tree[i] = MEDES_ODDS_EVEN;
		medes_coder_read(&coder, record, len);
		for (i = 0; i < n; i++) {
			bits = value[i] % 3 ? 0 : 1 + value[i] % 17;
			assert_int_equal(medes_code_bit(&coder, MEDES_READ, &odds[i % 64], 0),
					 value[i] >> 20 > likely);
			if (i % 7 == 0)
				assert_int_equal(medes_code_choice(&coder, MEDES_READ, &choice, tree, 0),
						 value[i] & 15);
			if (bits)
				assert_int_equal(medes_code_bits(&coder, MEDES_READ, bits, 0),
						 value[i] & ((1 << bits) - 1));
		}
		assert_true(medes_coder_is_read(&coder));
	}
}

static void too_little_room_is_refused(void **state)
{
	u8 *small;
	int len, room;

	(void)state;
	page_objects(base);
	page_mutate(page, base, 100);
	len = round_trip();
	for (room = -1; room < len; room++) {
		small = guarded(max(room, 0));
		assert_int_equal(medes_guess_write(work, prior, page, base, small, room), -E2BIG);
		guarded_free(small, max(room, 0));
	}
	small = guarded(len);
	assert_int_equal(medes_guess_write(work, prior, page, base, small, len), len);
	guarded_free(small, len);
}

/* Records too short, too long, or of a text that ends in the middle. */
static void lengths_must_fit(void **state)
{
	static u8 zeros[64 + 8];
	unsigned int len;

	(void)state;
	memset(page, 0, sizeof(page));
	memset(base, 0, sizeof(base));
	len = round_trip();
	assert_in_range(len, 1, 8);
	assert_int_equal(medes_guess_read(work, prior, record, 0, out), -EBADMSG);
	for (len = 20; len <= 64; len++) {
		memset(out, 0, sizeof(out));
		/* what is told in full takes all there is, what is not leaves something */
		assert_int_equal(medes_guess_read(work, prior, zeros, len, out), -EBADMSG);
	}
}

static void nothing_new_takes_next_to_nothing(void **state)
{
	(void)state;
	page_objects(base);
	memcpy(page, base, sizeof(page));
	assert_in_range(round_trip(), 1, 10);
	page_slide_regions(page, base, 1, (const u64[]) { 0x12345000 });
	/* each of 17 regions is told once */
	assert_in_range(round_trip(), 1, 110);
}

/* Eight words of each kind, each of which another way of telling is for. */
static void every_way_of_telling(void **state)
{
	unsigned int i, least = ROOM, round;

	(void)state;
	for (round = 0; round < 500; round++) {
		page_objects(base);
		for (i = 8; i < 16; i++)
			base[i * 8 + 4] = random_word() | 1ULL << 63;
		memcpy(page, base, sizeof(page));
		for (i = 1; i < 9; i++) {
			u64 address = 0x7e0000000000 + (random_word() & 0xffff8);

			page[i * 40] = 0x1234567890abcdef;		/* a value told before */
			page[i * 40 + 1] += 0x123400000000;		/* a delta told before */
			page[i * 40 + 2] = address;			/* in a region met before */
			memcpy(&page[i * 40 + 3], "a text, ", 8);
			page[i * 40 + 4] += random_word() >> (33 + i);	/* a step */
			page[i * 40 + 5] -= 1ULL << (32 + i);		/* a step further up */
			page[i * 40 + 6] = address - (random_word() & 0xfff);
			page[i * 40 + 7] = random_word() >> 8 * (i - 1);
			base[i * 40 + 9] = 0x7f0000000000 + (random_word() >> 16 << 10 >> 28 << 18);
			page[i * 40 + 9] = base[i * 40 + 9] + ((random_word() >> 42) << 18);	/* slid */
		}
		least = min(least, (unsigned int)round_trip());
	}
	assert_in_range(least, 100, 400);
}

static void any_page_by_any_other(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4000; i++) {
		page_by_turns(base, i / MEDES_PRIORS);
		prior = i % MEDES_PRIORS;
		page_mutate(page, base, random_below(i % 8 ? 60 : 1500));
		if (i % 5 == 1)
			page_text(page);
		if (i % 9 == 1)
			page_objects(page);
		round_trip();
	}
}

/* Two pages, most ways of telling in the one. */
static void pinned_pages(void)
{
	unsigned int i;

	for (i = 0; i < MEDES_PAGE_WORDS; i++) {
		base[i] = i % 4 == 0 ? 0x7f0000000000 + 0x1238 * i : i % 4 == 1 ? i : 0;
		page[i] = base[i] + (i % 4 ? 0 : 0x345000);
	}
	page[5] = 0x123456789abcdef0;
	page[9] = 77;
	memcpy(&page[14], "a word, ", 8);
	page[33] = page[5];
	page[64] = 0x7e1234567890;
	page[72] = page[64] + 0x40;
	page[81] += 5ULL << 32;
	page[120] += 0x1000;
}

/*
 * Records that were written once are read for ever as the same page: if this fails, the format
 * is another one, and needs another number.
 */
static void pinned_records(void **state)
{
	static const struct {
		u8 len;
		u8 octets[PINNED_MAX];
	} pinned[] = {
		{ 60, {
			0x00, 0x69, 0x5e, 0x5b, 0xaa, 0xf0, 0xba, 0x11, 0xd7, 0x43, 0x0f, 0x08,
			0x56, 0xa7, 0x7f, 0x68, 0xf6, 0x02, 0xc4, 0xc9, 0x91, 0x74, 0x40, 0xbe,
			0xf7, 0x44, 0x34, 0x79, 0xdb, 0x25, 0x00, 0x00, 0x8a, 0x5b, 0xe3, 0xe9,
			0x26, 0x39, 0x00, 0x00, 0x89, 0x67, 0x45, 0x23, 0x21, 0x26, 0x70, 0x39,
			0xaf, 0x6f, 0x45, 0x0b, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x41,
		} },
		{ 60, {
			0x0c, 0xfd, 0x3e, 0xb9, 0xee, 0x55, 0x39, 0x9e, 0x78, 0x10, 0x84, 0xf7,
			0x0d, 0x37, 0xa7, 0x78, 0x14, 0xaa, 0x23, 0xb8, 0xe2, 0xd5, 0x7b, 0xd0,
			0x58, 0x22, 0x01, 0x77, 0xb4, 0x00, 0x00, 0x50, 0x8a, 0x5b, 0xe3, 0xe9,
			0x26, 0x39, 0x00, 0x00, 0x89, 0x67, 0x45, 0x23, 0x61, 0x02, 0x97, 0xf3,
			0xfa, 0x56, 0xb4, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x13, 0x00, 0x45,
		} },
		{ 58, {
			0x00, 0x4d, 0x3c, 0xf0, 0x0e, 0x6f, 0x01, 0x43, 0xac, 0xb1, 0x7d, 0xf8,
			0x50, 0x41, 0x43, 0xb7, 0x9a, 0x3c, 0x06, 0x3c, 0xcd, 0x41, 0x07, 0x6d,
			0x8c, 0x3c, 0xad, 0xb6, 0xf9, 0xdc, 0x00, 0x00, 0x8a, 0x5b, 0xe3, 0xe9,
			0x26, 0x39, 0x00, 0x00, 0x89, 0x67, 0x45, 0x23, 0x61, 0x02, 0x97, 0xf3,
			0xfa, 0x56, 0xb4, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x43,
		} },
		{ 58, {
			0x02, 0xee, 0xa5, 0xdf, 0x58, 0x56, 0x50, 0xbb, 0xef, 0x0a, 0x99, 0x39,
			0xa9, 0xc6, 0x54, 0x3a, 0x68, 0x44, 0xd7, 0x68, 0x2e, 0x44, 0xc3, 0x20,
			0x50, 0xff, 0xdc, 0x00, 0x45, 0x00, 0x8a, 0x5b, 0xe3, 0xe9, 0x26, 0x39,
			0x00, 0x00, 0x89, 0x67, 0x45, 0x23, 0x21, 0x26, 0x70, 0x39, 0xaf, 0x6f,
			0x45, 0x0b, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x41,
		} },
	};
	u8 copy[PINNED_MAX + 8] = { 0 };

	(void)state;
	assert_int_equal(ARRAY_SIZE(pinned), MEDES_PRIORS);
	assert_int_equal(MEDES_RECORD_FORMAT, 5);
	pinned_pages();
	for (prior = 0; prior < MEDES_PRIORS; prior++) {
		memcpy(copy, pinned[prior].octets, pinned[prior].len);
		memcpy(out, base, sizeof(out));
		assert_int_equal(medes_guess_read(work, prior, copy, pinned[prior].len, out), 0);
		assert_memory_equal(out, page, sizeof(out));
	}
}

/* Whatever is read, it is read as a page, or refused. */
static void any_record_at_all(void **state)
{
	unsigned int i, k, good = 0;

	(void)state;
	page_objects(base);
	for (i = 0; i < 20000; i++) {
		unsigned int len = random_below(400);
		u8 *copy = guarded(len + 8);
		int error;

		prior = i % MEDES_PRIORS;
		for (k = 0; k < len; k++)
			copy[k] = random_word() >> 56;
		memcpy(out, base, sizeof(out));
		error = medes_guess_read(work, prior, copy, len, out);
		assert_true(!error || error == -EBADMSG);
		good += !error;
		guarded_free(copy, len + 8);
	}
	assert_in_range(good, 0, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(priors_are_odds_and_codes, start),
		cmocka_unit_test_setup(choices_are_canonical, start),
		cmocka_unit_test_setup(odds_stay_within_bounds, start),
		cmocka_unit_test_setup(what_is_written_is_read, start),
		cmocka_unit_test_setup(too_little_room_is_refused, start),
		cmocka_unit_test_setup(lengths_must_fit, start),
		cmocka_unit_test_setup(nothing_new_takes_next_to_nothing, start),
		cmocka_unit_test_setup(every_way_of_telling, start),
		cmocka_unit_test_setup(any_page_by_any_other, start),
		cmocka_unit_test_setup(pinned_records, start),
		cmocka_unit_test_setup(any_record_at_all, start),
	};

	return cmocka_run_group_tests_name("guess", tests, group_start, group_end);
}
