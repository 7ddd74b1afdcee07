// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ceilings hold, and what meets one is left where it is.
 */
#include "harness.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 512
#define TOP "/sys/kernel/medes/"

struct setting {
	struct victim v;
	struct area a;
	struct sandbox s;
	long long was;
};

static void set_up(struct setting *t, const char *mix, const char *file)
{
	victim_new(&t->v);
	victim_area(&t->v, &t->a, PAGES, mix, 220);
	sandbox_new(&t->s, &t->v);
	t->was = sys_number(file);
	REQUIRE(t->was > 0, "%s can't be read", file);
}

static void device_pages(void)
{
	static const char file[] = TOP "max_device_pages";
	uint64_t memory = STAT(REFUSED_MEMORY);
	struct setting t;
	struct base b;

	base_new(&b);
	set_up(&t, MIX_STORED, file);
	sys_set(file, "100");
	CHECK_EQ(dedup(&t.s, &t.a, &b), 100);
	CHECK_EQ(live(), 100);
	CHECK_EQ(STAT(REFUSED_MEMORY) - memory, PAGES - 100);
	CHECK_EQ(dedup(&t.s, &t.a, &b), 0);
	sys_set(file, "0");
	CHECK_EQ(dedup(&t.s, &t.a, &b), 0);
	CHECK_EQ(away(&t.v, &t.a), 100);
	sys_set(file, "%lld", t.was);
	CHECK_EQ(dedup(&t.s, &t.a, &b), PAGES - 100);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&t.v);
	base_del(&b);
}

static void record_bytes(void)
{
	static const char file[] = TOP "max_record_bytes";
	uint64_t memory = STAT(REFUSED_MEMORY);
	struct setting t;
	size_t stored;

	set_up(&t, "c", file);
	sys_set(file, "65536");
	stored = dedup(&t.s, &t.a, NULL);
	CHECK(stored > 0 && stored < PAGES, "%zu of %u pages stored", stored, PAGES);
	CHECK_EQ(STAT(REFUSED_MEMORY) - memory, PAGES - stored);
	/* checked batch by batch, so one batch may pass it */
	CHECK_LE(STAT(RECORD_BYTES), 65536 * 2);
	sys_set(file, "%lld", t.was);
	CHECK_EQ(dedup(&t.s, &t.a, NULL), PAGES - stored);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&t.v);
}

static void base_bytes(void)
{
	static const char file[] = TOP "max_base_bytes";
	struct medes_target targets[PAGES] = { 0 };
	struct medes_base b;
	struct setting t;
	struct medes_op op;
	uint32_t id;
	size_t i;

	set_up(&t, MIX_STORED, file);
	REQUIRE(!medes_base_new(&nl, "big", DOMAIN, NULL, &b), "%s", nl.error);
	for (i = 0; i < PAGES; i++)
		targets[i].address = (uintptr_t)area_page(&t.a, i);
	sys_set(file, "%lu", 64 * PAGE);
	if (!medes_demarcate(&nl, t.s.id, t.s.mm, b.id, targets, PAGES, &id)) {
		REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
		CHECK_LE(op.stored, 64);
	}
	CHECK_LE(STAT(BASE_BYTES), 64 * PAGE);
	sys_set(file, "%lld", t.was);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	REQUIRE(!medes_demarcate(&nl, t.s.id, t.s.mm, b.id, targets, PAGES, &id), "%s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.stored, PAGES);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&t.v);
}

const struct test ceiling_tests[] = {
	{ "ceiling: device pages", device_pages },
	{ "ceiling: record bytes", record_bytes },
	{ "ceiling: base bytes", base_bytes },
	{ NULL, NULL },
};
