// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec: the old address space ends with its records, the new one is taken in
 * again by attaching.
 */
#include "harness.h"
#include "setting.h"
#include "tests.h"

#define PAGES 128

/* The only process: the pages go, it comes in again, and all works as before. */
static void alone(void)
{
	struct setting t;
	uint32_t mm;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_exec(&t.v);
	CHECK_SOON_EQ(live(), 0);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	mm = sandbox_attach(&t.s, &t.v);
	CHECK(mm != t.s.mm, "the new address space has the old one's number %u", mm);
	CHECK_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_WARM);
	t.s.mm = mm;
	victim_area(&t.v, &t.a, PAGES, MIX_STORED, 41);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	setting_check_end(&t);
}

/* The other process of the sandbox shares the pages and keeps them. */
static void with_another(void)
{
	struct victim child;
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	sandbox_attach(&t.s, &child);
	victim_exec(&t.v);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(away(&child, &t.a), PAGES);
	CHECK(sandbox_state(&t.s) != MEDES_SANDBOX_STATE_DEAD, "dead with one process left");
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	t.s.mm = sandbox_attach(&t.s, &t.v);
	victim_area(&t.v, &t.a, PAGES, MIX_STORED, 42);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&child);
	setting_end(&t);
}

/* Each exec'ed on its own, so each at other addresses. */
static void other_layout(void)
{
	struct setting t;
	struct victim w;
	struct sandbox s;
	struct area a;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_new(&w);
	victim_exec(&w);
	victim_area(&w, &a, PAGES, MIX_STORED, 43);
	sandbox_new(&s, &w);
	CHECK_EQ(dedup(&s, &a, &t.b), PAGES);
	CHECK_EQ(victim_wrong(&w, &a), 0);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&w);
	setting_end(&t);
}

/* An operation that names the address space of before. */
static void stale_address_space(void)
{
	struct medes_target target;
	struct medes_op op = { 0 };
	struct setting t;
	int err;

	setting_stored(&t, PAGES, MIX_STORED);
	target = area_target(&t.a, 0, &t.b);
	victim_exec(&t.v);
	CHECK_SOON_EQ(live(), 0);
	sandbox_attach(&t.s, &t.v);
	err = try_dedup(&t.s, &target, 1, &op);
	CHECK(err == -ESRCH || err == -ENOENT || op.error == -ESRCH, "error %d, operation's %d",
	      err, op.error);
	CHECK_EQ(live(), 0);
	setting_end(&t);
}

const struct test exec_tests[] = {
	{ "exec: the only process of a sandbox", alone },
	{ "exec: one of two", with_another },
	{ "exec: processes with different layouts", other_layout },
	{ "exec: an operation on the old address space", stale_address_space },
	{ NULL, NULL },
};
