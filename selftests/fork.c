// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that several processes share by fork, before and after they are stored:
 * each keeps its own bytes, whoever reads, writes or ends first.
 */
#include "harness.h"
#include "setting.h"
#include "tests.h"

#define PAGES 256

static void set_up(struct setting *t)
{
	base_new(&t->b);
	victim_new(&t->v);
	victim_area(&t->v, &t->a, PAGES, MIX_STORED, 2);
}

static void check_both(struct setting *t, struct victim *child)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	CHECK_EQ(victim_wrong(child, &t->a), 0);
}

/* The child is a zygote's other child: outside the sandbox, and writes. */
static void shared_with_outsider(void)
{
	struct victim child;
	struct setting t;
	struct area other;

	set_up(&t);
	victim_fork(&t.v, &child);
	sandbox_new(&t.s, &t.v);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(live(), PAGES);
	other = t.a;
	other.seed = 3;
	victim_fill(&child, &other);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(victim_wrong(&child, &other), 0);
	victim_end(&child);
	setting_check_end(&t);
}

/* The one in the sandbox writes, the other must not see it. */
static void writer_inside(void)
{
	struct victim child;
	struct setting t;
	struct area other;

	set_up(&t);
	victim_fork(&t.v, &child);
	sandbox_new(&t.s, &t.v);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	other = t.a;
	other.seed = 5;
	victim_fill(&t.v, &other);
	CHECK_EQ(victim_wrong(&t.v, &other), 0);
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	victim_end(&t.v);
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	victim_end(&child);
	base_del(&t.b);
}

static void fork_while_stored(void)
{
	struct victim first, second;
	struct setting t;
	struct area other;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &first);
	victim_fork(&t.v, &second);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(away(&first, &t.a), PAGES);
	other = t.a;
	other.seed = 7;
	victim_fill(&first, &other);
	CHECK_EQ(victim_wrong(&first, &other), 0);
	check_both(&t, &second);
	victim_end(&second);
	victim_end(&first);
	setting_check_end(&t);
}

/* A child ends without a touch: what it shared stays stored, and comes back. */
static void child_ends_untouched(void)
{
	struct victim child;
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	victim_end(&child);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(live(), 0);
	CHECK_EQ(present(&t.v, &t.a), PAGES);
	setting_check_end(&t);
}

/* Records outlive the sandbox: a child that was never in it reads them. */
static void child_outlives_sandbox(void)
{
	struct victim child;
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	victim_kill(&t.v);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(try_base_del(&t.b), -EBUSY);
	CHECK_EQ(away(&child, &t.a), PAGES);
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	CHECK_SOON_EQ(live(), 0);
	victim_end(&child);
	base_del(&t.b);
}

/* "Restore everything" reaches processes that are in no sandbox. */
static void restore_all_reaches_child(void)
{
	struct victim child;
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	victim_kill(&t.v);
	CHECK_EQ(restore_all(), PAGES);
	CHECK_EQ(live(), 0);
	CHECK_EQ(present(&child, &t.a), PAGES);
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	victim_end(&child);
	base_del(&t.b);
}

/* A fork is covered by attaching it; then its own pages can be stored too. */
static void attach_child(void)
{
	struct victim child;
	struct setting t;
	struct area own;
	uint32_t mm;

	setting_new(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	victim_area(&child, &own, PAGES, MIX_STORED, 9);
	CHECK_EQ(scan(&t.s, &own, NULL, 0), 0);
	mm = sandbox_attach(&t.s, &child);
	CHECK(mm != t.s.mm, "both have address space %u", mm);
	CHECK_EQ(sandbox_attach(&t.s, &child), mm);
	CHECK_EQ(scan(&t.s, &own, NULL, 0), PAGES);
	CHECK_EQ(dedup_mm(&t.s, mm, &own, &t.b), PAGES);
	CHECK_EQ(away(&child, &own), PAGES);
	CHECK_EQ(victim_wrong(&child, &own), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	check_both(&t, &child);
	victim_end(&t.v);
	CHECK(sandbox_state(&t.s) != MEDES_SANDBOX_STATE_DEAD, "dead with one process left");
	victim_end(&child);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	base_del(&t.b);
}

/* Three generations; the pages of each are stored while it holds the others'. */
static void generations(void)
{
	struct victim child, grandchild;
	struct setting t;
	struct sandbox s;

	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	victim_fork(&child, &grandchild);
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	sandbox_new(&s, &grandchild);
	dedup(&s, &t.a, &t.b);
	victim_end(&child);
	check_both(&t, &grandchild);
	victim_end(&t.v);
	CHECK_EQ(victim_wrong(&grandchild, &t.a), 0);
	victim_end(&grandchild);
	base_del(&t.b);
}

const struct test fork_tests[] = {
	{ "fork: pages shared with a process outside the sandbox", shared_with_outsider },
	{ "fork: a writer inside, a reader outside", writer_inside },
	{ "fork: while pages are stored", fork_while_stored },
	{ "fork: a child that ends without a touch", child_ends_untouched },
	{ "fork: a child outlives the sandbox", child_outlives_sandbox },
	{ "fork: restore of everything reaches processes in no sandbox", restore_all_reaches_child },
	{ "fork: attaching a child", attach_child },
	{ "fork: three generations", generations },
	{ NULL, NULL },
};
