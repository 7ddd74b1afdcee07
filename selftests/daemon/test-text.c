// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names, units, and the JSON form of the protocol's objects.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "json.h"
#include "proc.h"
#include "text.h"

static void bytes(void **state)
{
	char text[MEDES_TEXT_SIZE];

	(void)state;
	assert_string_equal(medes_text_bytes(text, 0), "0 B");
	assert_string_equal(medes_text_bytes(text, 1023), "1023 B");
	assert_string_equal(medes_text_bytes(text, 1024), "1.0 KiB");
	assert_string_equal(medes_text_bytes(text, 1536), "1.5 KiB");
	assert_string_equal(medes_text_bytes(text, (1 << 20) - 1), "1.0 MiB");
	assert_string_equal(medes_text_bytes(text, 5ULL << 30), "5.0 GiB");
	assert_string_equal(medes_text_bytes(text, UINT64_MAX), "16.0 EiB");
}

static void durations(void **state)
{
	char text[MEDES_TEXT_SIZE];

	(void)state;
	assert_string_equal(medes_text_duration(text, 999), "999 ns");
	assert_string_equal(medes_text_duration(text, 1500), "1.5 us");
	assert_string_equal(medes_text_duration(text, 2500000), "2.5 ms");
	assert_string_equal(medes_text_duration(text, 61000000000), "61.0 s");
}

static void ids(void **state)
{
	char text[MEDES_TEXT_SIZE];

	(void)state;
	assert_string_equal(medes_text_id(text, UINT64_MAX), "0xffffffffffffffff");
	assert_string_equal(medes_text_id(text, 1), "0x0000000000000001");
}

static void names(void **state)
{
	char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
	char too_long[] = "1234567890123456789012345678901234567890123456789012345678901234";

	(void)state;
	assert_true(medes_name_valid("a"));
	assert_true(medes_name_valid("private:web-1:00ff.x@y+z_"));
	assert_true(medes_name_valid(longest));
	assert_false(medes_name_valid(too_long));
	assert_false(medes_name_valid(""));
	assert_false(medes_name_valid("a b"));
	assert_false(medes_name_valid("a/b"));
	assert_false(medes_name_valid("-a"));
	assert_false(medes_name_valid(".."));
	assert_false(medes_name_valid("a\n"));
	assert_false(medes_name_valid("\xc3\xa9"));
}

static void cleaning(void **state)
{
	char text[] = "a\033[31m\xff\xc3\xa9\n~ ";

	(void)state;
	assert_string_equal(medes_text_clean(text), "a?[31m????~ ");
}

/* Every number of the protocol has a word, and the next one has none. */
static void words(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i <= MEDES_ENCODING_MAX; i++)
		assert_string_not_equal(medes_encoding_name(i), "?");
	assert_string_equal(medes_encoding_name(i), "?");
	for (i = 0; i <= MEDES_SANDBOX_STATE_DEAD; i++)
		assert_string_not_equal(medes_sandbox_state_name(i), "?");
	assert_string_equal(medes_sandbox_state_name(UINT32_MAX), "?");
	for (i = 0; i <= MEDES_OP_KIND_RESTORE_ALL; i++)
		assert_string_not_equal(medes_op_kind_name(i), "?");
	for (i = 0; i <= MEDES_OP_STATE_FAILED; i++)
		assert_string_not_equal(medes_op_state_name(i), "?");
	for (i = 0; i <= MEDES_LOSS_REASON_CHECKSUM; i++)
		assert_string_not_equal(medes_loss_reason_name(i), "?");
	for (i = 1; i <= MEDES_A_STATS_MAX; i++)
		assert_non_null(medes_stat_name(i));
	assert_null(medes_stat_name(i));
}

static json_int_t number(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void sandbox_json(void **state)
{
	struct medes_process processes[] = { { .pid = 10, .mm = 1 }, { .pid = 11, .mm = 2 } };
	struct medes_sandbox s = {
		.id = 3, .state = MEDES_SANDBOX_STATE_DEDUP, .name = "n\x80", .domain = "d",
		.function = "f", .processes = processes, .n_processes = 2,
	};
	json_t *object;
	unsigned int i;

	(void)state;
	for (i = 1; i <= MEDES_A_STATS_MAX; i++)
		s.stats.v[i] = i;
	s.stats.v[MEDES_A_STATS_PAGES_ZERO] = 10;
	s.stats.v[MEDES_A_STATS_PAGES_SAME] = 20;
	s.stats.v[MEDES_A_STATS_PAGES_WORDS] = 25;
	s.stats.v[MEDES_A_STATS_PAGES_DICT] = 5;
	s.stats.v[MEDES_A_STATS_PAGES_SELF] = 40;
	s.stats.v[MEDES_A_STATS_RECORD_BYTES] = 30 * 4096;
	s.stats.v[MEDES_A_STATS_DEVICE_PAGE_BYTES] = 4096;
	s.stats.v[MEDES_A_STATS_BASE_BYTES] = 1 << 30;	/* does not count here */
	object = medes_json_sandbox(&s);
	assert_int_equal(number(object, "id"), 3);
	assert_string_equal(json_string_value(json_object_get(object, "name")), "n?");
	assert_string_equal(json_string_value(json_object_get(object, "state")), "dedup");
	assert_int_equal(json_array_size(json_object_get(object, "processes")), 2);
	assert_int_equal(number(json_array_get(json_object_get(object, "processes"), 1), "pid"), 11);
	assert_int_equal(number(json_array_get(json_object_get(object, "processes"), 1), "mm"), 2);
	assert_int_equal(json_object_size(json_object_get(object, "stats")), MEDES_A_STATS_MAX);
	assert_int_equal(number(json_object_get(object, "stats"), "store_ns"), MEDES_A_STATS_STORE_NS);
	assert_int_equal(number(object, "original_bytes"), 100 * sysconf(_SC_PAGESIZE));
	assert_int_equal(number(object, "kept_bytes"), 31 * 4096);
	assert_true(json_real_value(json_object_get(object, "saved_percent")) == 69.0);
	json_decref(object);
}

static void record_json(void **state)
{
	struct medes_record r = {
		.sandbox = 3, .mm = 1, .address = 0x7f0000001000, .place = MEDES_PLACE_MEMORY,
	};
	json_t *object = medes_json_record(&r);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "place")), "memory");
	assert_string_equal(json_string_value(json_object_get(object, "address")), "0x7f0000001000");
	assert_null(json_object_get(object, "encoding"));
	json_decref(object);
	r.place = MEDES_PLACE_RECORD;
	r.encoding = MEDES_ENCODING_WORDS;
	r.len = 77;
	r.base = UINT64_MAX;
	r.index = 5;
	object = medes_json_record(&r);
	assert_string_equal(json_string_value(json_object_get(object, "encoding")), "words");
	assert_int_equal(number(object, "len"), 77);
	assert_int_equal(number(object, "index"), 5);
	assert_string_equal(json_string_value(json_object_get(object, "base")), "0xffffffffffffffff");
	assert_true(json_is_false(json_object_get(object, "lost")));
	json_decref(object);
}

static void totals_json(void **state)
{
	struct medes_features f = { .instance = UINT64_MAX, .page_size = 4096 };
	json_t *object;
	char *text;

	(void)state;
	object = medes_json_totals(&f);
	assert_true(json_real_value(json_object_get(object, "saved_percent")) == 0.0);
	json_decref(object);
	f.stats.v[MEDES_A_STATS_PAGES_SAME] = 3;
	f.stats.v[MEDES_A_STATS_RECORD_BYTES] = 1;
	f.stats.v[MEDES_A_STATS_DEVICE_PAGE_BYTES] = 2;
	f.stats.v[MEDES_A_STATS_BASE_BYTES] = 4093;
	object = medes_json_totals(&f);
	assert_int_equal(number(object, "kept_bytes"), 4096);
	assert_int_equal(number(object, "original_bytes"), 12288);
	assert_string_equal(json_string_value(json_object_get(object, "instance")),
			    "0xffffffffffffffff");
	text = json_dumps(object, MEDES_JSON_FLAGS);
	assert_non_null(strstr(text, "\"saved_percent\":66.67,"));
	free(text);
	json_decref(object);
}

/* More is kept than was there: the loss shows. */
static void negative_savings(void **state)
{
	struct medes_features f = { .page_size = 4096 };
	json_t *object;

	(void)state;
	f.stats.v[MEDES_A_STATS_PAGES_SAME] = 1;
	f.stats.v[MEDES_A_STATS_BASE_BYTES] = 3 * 4096;
	object = medes_json_totals(&f);
	assert_true(json_real_value(json_object_get(object, "saved_percent")) == -200.0);
	json_decref(object);
}

static void base_and_op_json(void **state)
{
	struct medes_base base = { .id = 0xfedcba9876543210, .name = "b", .pages = UINT32_MAX };
	struct medes_op op = { .id = 5, .error = -28, .base = base.id };
	json_t *object = medes_json_base(&base);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "id")), "0xfedcba9876543210");
	assert_int_equal(number(object, "pages"), UINT32_MAX);
	json_decref(object);
	object = medes_json_op(&op);
	assert_string_equal(json_string_value(json_object_get(object, "error")),
			    "No space left on device");
	json_decref(object);
}

static void start_times(void **state)
{
	uint64_t first = 0, second = 0;

	(void)state;
	assert_int_equal(medes_process_start_time(getpid(), &first), 0);
	assert_int_equal(medes_process_start_time(getpid(), &second), 0);
	assert_true(first > 0);
	assert_true(first == second);
	assert_int_equal(medes_process_start_time(INT32_MAX, &first), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(durations),
		cmocka_unit_test(ids),
		cmocka_unit_test(names),
		cmocka_unit_test(cleaning),
		cmocka_unit_test(words),
		cmocka_unit_test(sandbox_json),
		cmocka_unit_test(record_json),
		cmocka_unit_test(totals_json),
		cmocka_unit_test(negative_savings),
		cmocka_unit_test(base_and_op_json),
		cmocka_unit_test(start_times),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
