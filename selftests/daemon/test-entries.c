// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pure parts of the cluster's registry: hash slots, redirections, the breaker, places and
 * entries, the cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "breaker.h"
#include "bucket_cache.h"
#include "entry.h"
#include "pages.h"
#include "slots.h"
#include "valkey.h"

static unsigned int slot(const char *key)
{
	return slot_of(key, strlen(key));
}

static void slots_are_the_clusters(void **state)
{
	(void)state;
	/* the check value of CRC16/XMODEM, and what CLUSTER KEYSLOT says */
	assert_int_equal(slot("123456789"), 0x31c3 % SLOTS);
	assert_int_equal(slot("foo"), 12182);
	assert_int_equal(slot(""), 0);
	assert_int_equal(slot("a{foo}b"), slot("foo"));
	assert_int_equal(slot("a{foo}{bar}"), slot("foo"));
	assert_int_equal(slot("{{foo}}"), slot("{foo"));
	assert_int_not_equal(slot("a{}b"), slot(""));
	assert_int_not_equal(slot("a{b"), slot("b"));
}

static void redirections_are_understood(void **state)
{
	struct redirection r;

	(void)state;
	assert_true(slot_redirection("MOVED 3999 127.0.0.1:6381", &r));
	assert_false(r.ask);
	assert_int_equal(r.slot, 3999);
	assert_string_equal(r.host, "127.0.0.1");
	assert_int_equal(r.port, 6381);
	assert_true(slot_redirection("ASK 16383 [fd00::1]:7000", &r));
	assert_true(r.ask);
	assert_string_equal(r.host, "fd00::1");
	assert_true(slot_redirection("MOVED 1 fd00::1:7000", &r));
	assert_string_equal(r.host, "fd00::1");
	/* the host is that of the server which says so */
	assert_true(slot_redirection("MOVED 1 :7000", &r));
	assert_string_equal(r.host, "");
	assert_false(slot_redirection("MOVED 16384 127.0.0.1:1", &r));
	assert_false(slot_redirection("MOVED 1 127.0.0.1:0", &r));
	assert_false(slot_redirection("MOVED 1 127.0.0.1:65536", &r));
	assert_false(slot_redirection("MOVED 1 nowhere", &r));
	assert_false(slot_redirection("MOVED", &r));
	assert_false(slot_redirection("WRONGPASS invalid", &r));
}

static void lists_of_servers_are_checked(void **state)
{
	char error[256];

	(void)state;
	assert_true(valkey_good_servers("127.0.0.1:1 [::1]:65535,10.0.0.1:6379", error, 256));
	assert_false(valkey_good_servers("127.0.0.1:1 valkey.example:6379", error, 256));
	assert_non_null(strstr(error, "valkey.example:6379"));
	assert_non_null(strstr(error, "numeric"));
	assert_false(valkey_good_servers("127.0.0.1", error, 256));
	assert_false(valkey_good_servers("127.0.0.1:99999", error, 256));
}

static void a_breaker_opens_waits_and_closes(void **state)
{
	struct breaker b = { 0 };
	uint64_t now = 5, wait;
	int i;

	(void)state;
	assert_true(breaker_allows(&b, now));
	assert_false(breaker_bad(&b, now));
	breaker_good(&b);
	assert_false(breaker_bad(&b, now));
	assert_false(breaker_bad(&b, now));
	assert_true(breaker_bad(&b, now));
	assert_false(breaker_allows(&b, now));
	/* late failures of what was sent before change nothing */
	wait = b.wait;
	assert_false(breaker_bad(&b, now));
	assert_int_equal(b.wait, wait);

	now = b.until;
	assert_true(breaker_allows(&b, now));
	assert_false(breaker_allows(&b, now));
	assert_true(breaker_bad(&b, now));
	assert_int_equal(b.wait, 2 * wait);
	for (i = 0; i < 20; i++) {
		now = b.until;
		assert_true(breaker_allows(&b, now));
		breaker_bad(&b, now);
	}
	assert_true(b.wait <= 30000000);
	now = b.until;
	assert_true(breaker_allows(&b, now));
	breaker_good(&b);
	assert_true(breaker_allows(&b, now));
	assert_true(breaker_allows(&b, now));
	assert_string_equal(breaker_name(&b), "closed");
}

static void domains_have_places_of_their_own(void **state)
{
	struct geometry g = entry_geometry(1 << 20);
	uint64_t a = entry_domain("a"), b = entry_domain("b"), seed = 1, hash;
	unsigned int i, same = 0, shards[64] = { 0 };
	struct place in_a, in_b;

	(void)state;
	assert_int_equal(g.shards, 64);
	assert_int_equal(g.buckets, 1024);
	for (i = 0; i < 64000; i++) {
		hash = next_random(&seed) >> 8;	/* a sketch's are small */
		in_a = entry_place(&g, a, hash);
		in_b = entry_place(&g, b, hash);
		same += !memcmp(&in_a, &in_b, sizeof(in_a));
		shards[in_a.shard]++;
	}
	assert_int_equal(same, 0);
	for (i = 0; i < 64; i++)
		assert_in_range(shards[i], 800, 1200);
}

static void entries_keep_what_they_say(void **state)
{
	const struct entry in = { .tag = 0xfedcba98, .base = 1, .index = 0xffffffff };
	const struct place place = { .shard = 0x3f, .bucket = 0xabc };
	unsigned char packed[ENTRY_SIZE];
	char key[ENTRY_KEY], other[ENTRY_KEY];
	struct entry out;
	size_t len;

	(void)state;
	entry_pack(&in, packed);
	out = entry_unpack(packed);
	assert_memory_equal(&in, &out, sizeof(in));
	/* of one shard, one slot */
	len = entry_key(key, "blue", &place);
	assert_string_equal(key, "medes:blue:{3f}abc");
	assert_int_equal(len, strlen(key));
	entry_key(other, "green", &(struct place){ .shard = 0x3f });
	assert_string_equal(other, "medes:green:{3f}0");
	assert_int_equal(slot(key), slot(other));
}

static void the_cache_is_bounded_and_forgets(void **state)
{
	struct bucket_cache *c = bucket_cache_new(4096, 100);
	const unsigned char *bytes;
	unsigned char what[100];
	unsigned int i;
	size_t len;

	(void)state;
	memset(what, 7, sizeof(what));
	assert_false(bucket_cache_get(c, 1, 0, &bytes, &len));
	bucket_cache_put(c, 1, 0, what, sizeof(what));
	assert_true(bucket_cache_get(c, 1, 100, &bytes, &len));
	assert_int_equal(len, sizeof(what));
	assert_memory_equal(bytes, what, len);
	assert_false(bucket_cache_get(c, 1, 101, &bytes, &len));
	/* that there is nothing is known as well */
	bucket_cache_put(c, 2, 0, NULL, 0);
	assert_true(bucket_cache_get(c, 2, 0, &bytes, &len));
	assert_int_equal(len, 0);
	bucket_cache_drop(c, 2);
	assert_false(bucket_cache_get(c, 2, 0, &bytes, &len));

	for (i = 10; i < 1000; i++) {
		bucket_cache_put(c, i, 0, what, sizeof(what));
		assert_in_range(bucket_cache_bytes(c), 1, 4096);
	}
	assert_true(bucket_cache_get(c, 999, 0, &bytes, &len));
	assert_memory_equal(bytes, what, len);
	assert_false(bucket_cache_get(c, 10, 0, &bytes, &len));
	bucket_cache_put(c, 5000, 0, NULL, 1 << 20);
	assert_false(bucket_cache_get(c, 5000, 0, &bytes, &len));
	assert_true(bucket_cache_get(c, 999, 0, &bytes, &len));
	bucket_cache_put(c, 1000, 0, NULL, 0);
	bucket_cache_clear(c);
	assert_int_equal(bucket_cache_bytes(c), 0);
	assert_false(bucket_cache_get(c, 999, 0, &bytes, &len));
	assert_false(bucket_cache_get(c, 1000, 0, &bytes, &len));
	bucket_cache_put(c, 1000, 0, NULL, 0);
	assert_true(bucket_cache_get(c, 1000, 0, &bytes, &len));
	bucket_cache_free(c);
	/* one that keeps nothing */
	c = bucket_cache_new(0, 100);
	bucket_cache_put(c, 1, 0, what, sizeof(what));
	assert_false(bucket_cache_get(c, 1, 0, &bytes, &len));
	bucket_cache_free(c);
}

/* Of many sizes, over and over: what is told is what was put last. */
static void the_cache_tells_what_was_put_last(void **state)
{
	struct bucket_cache *c = bucket_cache_new(20000, 1000);
	unsigned char what[700], last[64] = { 0 };
	const unsigned char *bytes;
	unsigned int i, id, told = 0;
	uint64_t seed = 3;
	size_t len, k;

	(void)state;
	for (i = 0; i < 20000; i++) {
		id = next_random(&seed) % 64;
		len = next_random(&seed) % sizeof(what);
		memset(what, i % 255 + 1, len);
		bucket_cache_put(c, id, i / 100, what, len);
		last[id] = i % 255 + 1;
		id = next_random(&seed) % 64;
		if (!bucket_cache_get(c, id, i / 100, &bytes, &len))
			continue;
		told++;
		for (k = 0; k < len; k++)
			assert_int_equal(bytes[k], last[id]);
	}
	assert_true(told > 5000);
	bucket_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_the_clusters),
		cmocka_unit_test(redirections_are_understood),
		cmocka_unit_test(lists_of_servers_are_checked),
		cmocka_unit_test(a_breaker_opens_waits_and_closes),
		cmocka_unit_test(domains_have_places_of_their_own),
		cmocka_unit_test(entries_keep_what_they_say),
		cmocka_unit_test(the_cache_is_bounded_and_forgets),
		cmocka_unit_test(the_cache_tells_what_was_put_last),
	};

	return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
