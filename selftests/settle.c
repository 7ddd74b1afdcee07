// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fast records become dense ones under pages that nobody misses, and under pages
 * that are touched, brought back or unmapped at that very moment.
 */
#include <errno.h>
#include <pthread.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 256
#define SECONDS 3

static void tear_down(struct setting *t)
{
	setting_check_end(t);
	CHECK_EQ(STAT(PAGES_DENSE), 0);
}

/* Settle, and wait; how many records got shorter. */
static uint64_t settle(const struct sandbox *s)
{
	struct medes_op op;
	uint32_t id;

	REQUIRE(!medes_settle(&nl, s->id, &id), "settle: %s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.kind, MEDES_OP_KIND_SETTLE);
	CHECK_EQ(op.mode, MEDES_MODE_DENSE);
	CHECK_EQ(op.error, 0);
	return op.stored;
}

static uint64_t bytes(void)
{
	return STAT(BYTES_WORDS) + STAT(BYTES_SELF) + STAT(BYTES_DICT);
}

static void shorter(void)
{
	uint64_t before, settled = STAT(SETTLED), n;
	struct setting t;

	setting_new(&t, PAGES, "zswc");
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(STAT(PAGES_DENSE), 0);
	before = bytes();
	n = settle(&t.s);
	note("%" PRIu64 " of %u records settled, %" PRIu64 " -> %" PRIu64 " bytes", n, PAGES, before,
	     bytes());
	CHECK(n > 0, "no record got shorter");
	CHECK_LE(n, area_count(&t.a, "wc"));
	CHECK(bytes() < before, "%" PRIu64 " bytes before, %" PRIu64 " after", before, bytes());
	CHECK_EQ(STAT(PAGES_DENSE), n);
	CHECK_EQ(of_sandbox(&t.s, MEDES_A_STATS_PAGES_DENSE), n);
	CHECK_EQ(STAT(SETTLED) - settled, n);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(live(), PAGES);
	/* what is dense stays so */
	CHECK_EQ(settle(&t.s), 0);
	tear_down(&t);
}

/* Nobody misses a record that was replaced: it is no page freed unread. */
static void replaced_is_not_freed(void)
{
	uint64_t freed;
	struct setting t;

	setting_new(&t, PAGES, "c");
	CHECK_EQ(dedup(&t.s, &t.a, NULL), PAGES);
	freed = STAT(FREED);
	CHECK(settle(&t.s) > 0, "no record got shorter");
	CHECK_EQ(STAT(FREED), freed);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(STAT(FREED), freed);
	tear_down(&t);
}

static void only_its_own(void)
{
	struct setting t, other;

	setting_new(&t, PAGES, "c");
	setting_bare(&other, PAGES, "c", 22);
	CHECK_EQ(dedup(&t.s, &t.a, NULL), PAGES);
	CHECK_EQ(dedup(&other.s, &other.a, NULL), PAGES);
	CHECK(settle(&t.s) > 0, "no record got shorter");
	CHECK_EQ(of_sandbox(&other.s, MEDES_A_STATS_PAGES_DENSE), 0);
	CHECK_EQ(victim_wrong(&other.v, &other.a), 0);
	victim_end(&other.v);
	tear_down(&t);
}

static void nothing_to_settle(void)
{
	struct setting t;

	setting_new(&t, PAGES, "zs");
	CHECK_EQ(settle(&t.s), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(settle(&t.s), 0);
	CHECK_EQ(STAT(PAGES_DENSE), 0);
	tear_down(&t);
}

static void dense_at_once(void)
{
	struct medes_target targets[PAGES];
	struct medes_op op;
	struct setting t;
	uint32_t id;
	size_t i;

	setting_new(&t, PAGES, "wc");
	for (i = 0; i < PAGES; i++)
		targets[i] = area_target(&t.a, i, &t.b);
	REQUIRE(!medes_dedup_mode(&nl, MEDES_MODE_DENSE, t.s.id, t.s.mm, targets, PAGES, &id),
		"dedup: %s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.mode, MEDES_MODE_DENSE);
	CHECK_EQ(op.stored, PAGES);
	CHECK_GE(STAT(PAGES_DENSE), area_count(&t.a, "c"));
	CHECK_EQ(settle(&t.s), 0);
	tear_down(&t);
}

static void no_such_mode(void)
{
	struct medes_target target;
	struct setting t;
	uint32_t id;

	setting_new(&t, PAGES, "c");
	target = area_target(&t.a, 0, NULL);
	CHECK_EQ(medes_dedup_mode(&nl, MEDES_MODE_MAX + 1, t.s.id, t.s.mm, &target, 1, &id),
		 -ERANGE);
	CHECK_EQ(live(), 0);
	CHECK_EQ(medes_settle(&nl, t.s.id + 1000, &id), -ENOENT);
	tear_down(&t);
}

/* Lives in the victim: a thread that reads and checks everything, over and over. */
static struct reader {
	struct area area;
	pthread_t thread;
	bool stop;
	long wrong;
} reader;

static void *read_all(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&reader.stop, __ATOMIC_RELAXED))
		reader.wrong += area_wrong(&reader.area);
	return NULL;
}

static long do_start(const void *arg)
{
	memset(&reader, 0, sizeof(reader));
	reader.area = *(const struct area *)arg;
	return pthread_create(&reader.thread, NULL, read_all, NULL);
}

static long do_stop(const void *arg)
{
	(void)arg;
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	pthread_join(reader.thread, NULL);
	return reader.wrong;
}

static bool wait_good(uint32_t id, uint64_t *sum)
{
	struct medes_op op;
	bool known = op_wait(id, &op);

	/* a restore of everything may find pages that stay busy */
	CHECK(known && (!op.error || op.error == -EAGAIN), "operation %u: error %d", id,
	      known ? op.error : 0);
	*sum += known ? op.stored : 0;
	return known;
}

static void while_touched(void)
{
	double end = sys_seconds() + SECONDS;
	uint64_t stored = 0, settled = 0, restored = 0, losses = STAT(LOSSES);
	uint32_t dedup_op, settle_op, restore_op;
	struct setting t;
	int rounds;

	setting_new(&t, PAGES, MIX_STORED);
	REQUIRE_EQ(CALL(&t.v, do_start, t.a), 0);
	for (rounds = 0; sys_seconds() < end; rounds++) {
		if (dedup_start(&t.s, &t.a, &t.b, &dedup_op, 1) != 1)
			continue;
		REQUIRE(!medes_settle(&nl, t.s.id, &settle_op), "%s", nl.error);
		/* of everything: in a queue of its own, so at the same time */
		REQUIRE(!medes_restore(&nl, rounds & 1 ? 0 : t.s.id, &restore_op), "%s", nl.error);
		wait_good(dedup_op, &stored);
		wait_good(settle_op, &settled);
		wait_good(restore_op, &restored);
	}
	note("%d rounds: %" PRIu64 " stored, %" PRIu64 " settled, %" PRIu64 " restored in bulk",
	     rounds, stored, settled, restored);
	CHECK(stored > 0, "nothing was stored");
	CHECK(settled > 0, "nothing was settled before it was touched");
	CHECK_EQ(STAT(LOSSES), losses);
	CHECK_EQ(CALL0(&t.v, do_stop), 0);
	tear_down(&t);
}

/* The owner unmaps everything, or dies, while its records are made again. */
static void while_it_goes(void)
{
	uint64_t sum = 0;
	struct setting t;
	uint32_t id;
	int round;

	base_new(&t.b);
	for (round = 0; round < 8; round++) {
		setting_bare(&t, PAGES, "wc", 30 + round);
		CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
		REQUIRE(!medes_settle(&nl, t.s.id, &id), "%s", nl.error);
		if (round % 2)
			victim_unmap(&t.v, &t.a);
		else
			victim_kill(&t.v);
		wait_good(id, &sum);
		CHECK_SOON_EQ(live(), 0);
		if (round % 2)
			victim_end(&t.v);
	}
	CHECK_EQ(STAT(PAGES_DENSE), 0);
	base_del(&t.b);
}

/* Keep the base compressed; how many of its pages are. */
static uint64_t pack(const struct base *b, uint32_t mode)
{
	struct medes_op op;
	uint32_t id;

	REQUIRE(!medes_pack(&nl, b->id, mode, &id), "pack: %s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.error, 0);
	CHECK_EQ(op.base, b->id);
	CHECK_GE(STAT(BASE_PACKED), op.stored);
	return op.stored;
}

/* A base of pages that get shorter, which those of the test base do not. */
static void compressible_base(const struct setting *t, struct base *b)
{
	struct medes_target targets[FAMILY];
	struct medes_base base;
	struct medes_op op;
	uint32_t id;
	size_t i;

	REQUIRE(!medes_base_new(&nl, "compressible", DOMAIN, NULL, &base), "%s", nl.error);
	b->id = base.id;
	for (i = 0; i < FAMILY; i++) {
		targets[i] = (struct medes_target){ .address = (uintptr_t)area_page(&t->a, i) };
		b->index[i] = i;
	}
	REQUIRE(!medes_demarcate(&nl, t->s.id, t->s.mm, b->id, targets, FAMILY, &id), "%s",
		nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.stored, FAMILY);
}

/* Its pages are SAME records of a packed base, and come back by touch and in bulk. */
static void packed_pages_come_back(uint32_t mode)
{
	uint64_t before;
	struct setting t;
	struct base b;

	setting_new(&t, PAGES, "c");
	compressible_base(&t, &b);
	before = STAT(BASE_BYTES);
	CHECK_EQ(pack(&b, mode), FAMILY);
	CHECK(STAT(BASE_BYTES) < before, "%" PRIu64 " bytes before, %" PRIu64 " after", before,
	      STAT(BASE_BYTES));
	CHECK_EQ(pack(&b, mode), 0);
	CHECK_EQ(STAT(PAGES_SAME), FAMILY);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(live(), 0);
	base_del(&b);
	CHECK_EQ(STAT(BASE_PACKED), 0);
	tear_down(&t);
}

static void packed_base(uint32_t mode)
{
	uint64_t packed, before;
	struct setting t;

	packed_pages_come_back(mode);
	setting_new(&t, PAGES, MIX_BASE);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	before = STAT(BASE_BYTES);
	packed = pack(&t.b, mode);
	note("%" PRIu64 " of %u base pages packed, %" PRIu64 " -> %" PRIu64 " bytes", packed, FAMILY,
	     before, STAT(BASE_BYTES));
	if (!packed) {
		note("nothing in the test base gets shorter");
		tear_down(&t);
		return;
	}
	CHECK(STAT(BASE_BYTES) < before, "%" PRIu64 " bytes before, %" PRIu64 " after", before,
	      STAT(BASE_BYTES));
	/* by touch, then stored against the packed base, then in bulk */
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(live(), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(STAT(PAGES_SAME), area_count(&t.a, "s"));
	CHECK_EQ(restore(&t.s), PAGES);
	tear_down(&t);
	CHECK_EQ(STAT(BASE_PACKED), 0);
}

static void packed_fast(void)
{
	packed_base(MEDES_MODE_FAST);
}

static void packed_dense(void)
{
	packed_base(MEDES_MODE_DENSE);
}

/* Readers may have found the raw page a moment before it goes. */
static void packed_while_touched(void)
{
	double end = sys_seconds() + SECONDS;
	uint64_t stored = 0, losses = STAT(LOSSES);
	struct setting t;
	uint32_t op;

	setting_new(&t, PAGES, MIX_BASE);
	REQUIRE_EQ(CALL(&t.v, do_start, t.a), 0);
	while (sys_seconds() < end) {
		if (dedup_start(&t.s, &t.a, &t.b, &op, 1) != 1)
			continue;
		if (!stored)
			pack(&t.b, MEDES_MODE_DENSE);
		wait_good(op, &stored);
	}
	CHECK(stored > 0, "nothing was stored");
	CHECK_EQ(STAT(LOSSES), losses);
	CHECK_EQ(CALL0(&t.v, do_stop), 0);
	tear_down(&t);
}

const struct test settle_tests[] = {
	{ "settle: records get shorter, pages stay away", shorter },
	{ "settle: a record that is replaced is not freed unread", replaced_is_not_freed },
	{ "settle: another sandbox's records stay fast", only_its_own },
	{ "settle: nothing to settle", nothing_to_settle },
	{ "settle: dense from the start", dense_at_once },
	{ "settle: no such mode, no such sandbox", no_such_mode },
	{ "settle: while pages are touched and brought back", while_touched },
	{ "settle: while pages are unmapped, while their owner dies", while_it_goes },
	{ "pack: a base by LZ4", packed_fast },
	{ "pack: a base by zstd", packed_dense },
	{ "pack: while pages are touched", packed_while_touched },
	{ NULL, NULL },
};
