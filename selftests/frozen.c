// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sandboxes in a frozen cgroup, as medesd keeps them while it works.
 */
#include <sys/uio.h>
#include "harness.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 256

struct setting {
	struct cgroup cg;
	struct victim v;
	struct area a;
	struct sandbox s;
	struct base b;
};

static void freeze(struct setting *t, int on)
{
	CHECK_EQ(sys_cgroup_write(&t->cg, "cgroup.freeze", "%d", on), 0);
	CHECK(SOON(sys_cgroup_key(&t->cg, "cgroup.events", "frozen") == on), "it is not %s",
	      on ? "frozen" : "thawed");
}

static void set_up(struct setting *t)
{
	sys_cgroup_new(&t->cg, "selftest");
	base_new(&t->b);
	victim_new(&t->v);
	victim_area(&t->v, &t->a, PAGES, MIX_STORED, 200);
	REQUIRE_EQ(sys_cgroup_write(&t->cg, "cgroup.procs", "%d", t->v.pid), 0);
	sandbox_new(&t->s, &t->v);
	freeze(t, 1);
	REQUIRE_EQ(dedup(&t->s, &t->a, &t->b), PAGES);
	CHECK_EQ(away(&t->v, &t->a), PAGES);
}

static void tear_down(struct setting *t)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	victim_end(&t->v);
	sys_cgroup_end(&t->cg);
	base_del(&t->b);
}

/* Thawing alone is enough: nobody has to be told. */
static void thaw(void)
{
	struct setting t;

	set_up(&t);
	freeze(&t, 0);
	tear_down(&t);
}

static void restore_frozen(void)
{
	struct setting t;

	set_up(&t);
	CHECK_EQ(restore(&t.s), PAGES);
	CHECK_EQ(present(&t.v, &t.a), PAGES);
	freeze(&t, 0);
	tear_down(&t);
}

static void read_from_outside(void)
{
	struct iovec local, remote;
	struct setting t;

	set_up(&t);
	local = (struct iovec){ map_pages(PAGES), PAGES * PAGE };
	remote = (struct iovec){ t.a.at, PAGES * PAGE };
	CHECK_EQ(process_vm_readv(t.v.pid, &local, 1, &remote, 1, 0), PAGES * PAGE);
	CHECK_EQ(bytes_wrong(&t.a, 0, PAGES, local.iov_base), 0);
	freeze(&t, 0);
	tear_down(&t);
}

static void killed(void)
{
	struct setting t;

	set_up(&t);
	CHECK_EQ(sys_cgroup_write(&t.cg, "cgroup.kill", "1"), 0);
	CHECK_SOON_EQ(live(), 0);
	victim_kill(&t.v);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	sys_cgroup_end(&t.cg);
	base_del(&t.b);
}

/* What a page is charged for stays charged: a restore can't hit its own limit. */
static void charge(void)
{
	struct setting t;
	long long before, stored;

	sys_cgroup_new(&t.cg, "selftest");
	if (sys_cgroup_number(&t.cg, "memory.current") < 0)
		SKIP("no memory controller");
	base_new(&t.b);
	victim_new(&t.v);
	REQUIRE_EQ(sys_cgroup_write(&t.cg, "cgroup.procs", "%d", t.v.pid), 0);
	victim_area(&t.v, &t.a, 4 * PAGES, MIX_STORED, 201);
	before = sys_cgroup_key(&t.cg, "memory.stat", "anon");
	sandbox_new(&t.s, &t.v);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), t.a.pages);
	stored = sys_cgroup_key(&t.cg, "memory.stat", "anon");
	note("anon %lld KiB before, %lld KiB stored", before / 1024, stored / 1024);
	CHECK(llabs(stored - before) <= t.a.pages * PAGE / 8, "%lld bytes, then %lld", before,
	      stored);
	/* less than it would need if it were charged twice */
	CHECK_EQ(sys_cgroup_write(&t.cg, "memory.max", "%lld",
				  sys_cgroup_number(&t.cg, "memory.current") + (1 << 20)), 0);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(sys_cgroup_key(&t.cg, "memory.events", "oom_kill"), 0);
	CHECK_EQ(sys_cgroup_key(&t.cg, "memory.events", "oom"), 0);
	victim_end(&t.v);
	CHECK_SOON_EQ(sys_cgroup_key(&t.cg, "memory.stat", "anon"), 0);
	sys_cgroup_end(&t.cg);
	base_del(&t.b);
}

const struct test frozen_tests[] = {
	{ "cgroup: stored while frozen, thawed", thaw },
	{ "cgroup: restored while frozen", restore_frozen },
	{ "cgroup: read from outside while frozen", read_from_outside },
	{ "cgroup: killed while frozen", killed },
	{ "cgroup: what is stored stays charged", charge },
	{ NULL, NULL },
};
