// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What bounds the module: the quota of storing, the reserve of faults, the pool of
 * records; and a machine that has promised twice its memory.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define TOP "/sys/kernel/medes/"
#define PAGES 1024

/* With a quota everything is stored all the same, and some time was waited. */
static void quota(void)
{
	static const char file[] = TOP "dedup_quota_ms";
	struct setting t;
	char quarter[16];

	CHECK(sys_write(file, "1001") == -ERANGE, "more than a second of a second");
	CHECK_EQ(sys_number(file), 0);
	setting_new(&t, PAGES, MIX_STORED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(of_sandbox(&t.s, MEDES_A_STATS_THROTTLED_NS), 0);
	/* a quarter of what that took, however fast the machine */
	snprintf(quarter, sizeof(quarter), "%llu",
		 (unsigned long long)of_sandbox(&t.s, MEDES_A_STATS_STORE_NS) / 4000000 + 1);
	CHECK_EQ(restore(&t.s), PAGES);
	sys_set(file, quarter);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	sys_set(file, "0");
	CHECK(of_sandbox(&t.s, MEDES_A_STATS_THROTTLED_NS) > 0,
	      "nothing was waited for at %s ms/s", quarter);
	setting_check_end(&t);
}

/* Who waits for the quota can be cancelled, and goes on when it is raised. */
static void quota_cancel_and_raise(void)
{
	static const char file[] = TOP "dedup_quota_ms";
	struct medes_op op;
	struct setting t;
	uint32_t ops[2];

	setting_new(&t, PAGES, MIX_STORED);
	sys_set(file, "1");
	REQUIRE_EQ(dedup_start(&t.s, &t.a, &t.b, ops, 2), 2);
	CHECK_SOON_EQ(of_sandbox(&t.s, MEDES_A_STATS_STORED) > 0, 1);
	CHECK(!medes_op_cancel(&nl, ops[0]), "%s", nl.error);
	REQUIRE(op_wait(ops[0], &op), "operation %u is forgotten", ops[0]);
	CHECK_EQ(op.state, MEDES_OP_STATE_CANCELLED);
	CHECK(op.stored < PAGES / 2, "all was stored within the quota");
	sys_set(file, "0");
	REQUIRE(op_wait(ops[1], &op), "operation %u is forgotten", ops[1]);
	CHECK_EQ(op.state, MEDES_OP_STATE_DONE);
	CHECK_EQ(op.stored, PAGES / 2);
	setting_check_end(&t);
}

static void reserve_size(void)
{
	static const char file[] = TOP "max_reserve_pages";
	long long was = sys_number(file);

	CHECK(was > 0, "there is no reserve");
	CHECK_SOON_EQ(sys_number(TOP "reserve_pages"), was);
	sys_set(file, "10");
	CHECK_SOON_EQ(sys_number(TOP "reserve_pages"), 10);
	sys_set(file, "0");
	CHECK_SOON_EQ(sys_number(TOP "reserve_pages"), 0);
	sys_set(file, "%lld", was);
	CHECK_SOON_EQ(sys_number(TOP "reserve_pages"), was);
}

/* Read all pages but every fourth, which leaves holes in the pool. */
static long do_read_most(const void *arg)
{
	const struct area *a = arg;
	size_t i;

	for (i = 0; i < a->pages; i++)
		if (i % 4)
			(void)*(volatile char *)area_page(a, i);
	return 0;
}

/* The pool is compacted again and again while its records are read. */
static void compaction(void)
{
	long long compacted = sys_number(TOP "record_pool_compacted_pages");
	long long holes, pool;
	struct setting t;
	long wrong;

	setting_new(&t, 4 * PAGES, "c");
	sys_set(TOP "fault_around_pages", "1");
	CHECK_EQ(dedup(&t.s, &t.a, NULL), 4 * PAGES);
	CALL(&t.v, do_read_most, t.a);
	sys_set(TOP "fault_around_pages", "16");
	holes = sys_number(TOP "record_pool_unused_bytes");
	pool = sys_number(TOP "record_pool_bytes");
	CHECK(holes > pool / 2, "of %lld bytes only %lld are unused", pool, holes);

	victim_start(&t.v, do_wrong, &t.a, sizeof(t.a));
	do {
		sys_set(TOP "compact", "1");
	} while (live() > PAGES / 4);
	sys_set(TOP "compact", "1");
	REQUIRE(victim_result(&t.v, &wrong), "the victim died");
	CHECK_EQ(wrong, 0);
	CHECK(sys_number(TOP "record_pool_compacted_pages") > compacted, "nothing was moved together");
	CHECK(sys_write(TOP "compact", "now") == -EINVAL, "takes nonsense");
	setting_check_end(&t);
}

/* The same without a reader: what is unused goes back to the machine. */
static void compaction_frees(void)
{
	long long before, after;
	struct setting t;

	setting_new(&t, 4 * PAGES, "c");
	sys_set(TOP "fault_around_pages", "1");
	CHECK_EQ(dedup(&t.s, &t.a, NULL), 4 * PAGES);
	CALL(&t.v, do_read_most, t.a);
	sys_set(TOP "fault_around_pages", "16");
	before = sys_number(TOP "record_pool_bytes");
	sys_set(TOP "compact", "1");
	after = sys_number(TOP "record_pool_bytes");
	note("%lld bytes before, %lld after", before, after);
	CHECK(after < before * 3 / 4, "%lld bytes before, %lld after", before, after);
	setting_check_end(&t);
}

#define ROOM_KIB (160 * 1024)		/* memory that there is for the victims */
#define PROMISED 2			/* times that */
#define BIG 16384			/* pages of a victim, 64 MiB */
#define VICTIMS_MAX 32

struct promise {
	struct setting t[VICTIMS_MAX];
	struct base b;
	size_t n;
};

/* Whoever it is, not the test. */
static void offer(struct victim *v)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", v->pid);
	CHECK_EQ(sys_write(path, "500"), 0);
}

/*
 * Take what the machine has beyond ROOM_KIB: filling the gigabytes of a debug kernel's guest twice
 * would take an hour and prove no more.
 */
static void ballast(void)
{
	long spare = sys_meminfo("MemAvailable") - ROOM_KIB;
	void *all;

	if (spare <= 0)
		return;
	all = mmap(NULL, spare * 1024, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	REQUIRE(all != MAP_FAILED, "no %ld KiB of ballast: errno %d", spare, errno);
	madvise(all, spare * 1024, MADV_DONTFORK);
	CHECK_EQ(sys_write("/proc/self/oom_score_adj", "-1000"), 0);
	note("%ld KiB of ballast", spare);
}

static void promise(struct promise *p)
{
	size_t i;

	base_new(&p->b);
	p->n = PROMISED * ROOM_KIB / (BIG * PAGE / 1024) + 1;
	REQUIRE(p->n <= VICTIMS_MAX, "%zu victims", p->n);
	for (i = 0; i < p->n; i++) {
		struct setting *t = &p->t[i];

		victim_new(&t->v);
		offer(&t->v);
		victim_area(&t->v, &t->a, BIG, "sssw", 60 + i);
		sandbox_new(&t->s, &t->v);
		CHECK_EQ(dedup(&t->s, &t->a, &p->b), BIG);
	}
	CHECK_EQ(live(), p->n * BIG);
}

/*
 * Everything is asked for at once. In bulk that is refused, in words. By touch the
 * OOM killer takes some, whose records go with them, and the others get what is
 * theirs: nobody waits for ever, nobody sees a wrong byte.
 */
static void twice_the_memory(void)
{
	static struct promise p;
	bool asked[VICTIMS_MAX];
	size_t i, right = 0;
	uint32_t id;
	long wrong;

	mlockall(MCL_CURRENT);
	ballast();
	promise(&p);
	CHECK_EQ(medes_restore(&nl, 0, &id), -ENOMEM);
	CHECK(strstr(nl.error, "MiB"), "it says: %s", nl.error);
	/* the first may make the killer take one that was not asked yet */
	for (i = 0; i < p.n; i++)
		asked[i] = victim_try_start(&p.t[i].v, do_wrong, &p.t[i].a, sizeof(p.t[i].a));
	for (i = 0; i < p.n; i++) {
		if (!asked[i] || !victim_result(&p.t[i].v, &wrong)) {
			victim_kill(&p.t[i].v);
			continue;
		}
		CHECK_EQ(wrong, 0);
		right++;
		/* the killer may take it even now */
		victim_kill(&p.t[i].v);
	}
	note("%zu of %zu were killed", p.n - right, p.n);
	CHECK(right > 0, "none came through");
	CHECK(right < p.n, "none was killed: there was more memory than thought");
	CHECK_SOON_EQ(live(), 0);
	base_del(&p.b);
}

const struct test govern_tests[] = {
	{ "quota: all is stored, after some waiting", quota },
	{ "quota: cancelled and raised", quota_cancel_and_raise },
	{ "reserve: its size", reserve_size },
	{ "compaction: while records are read", compaction },
	{ "compaction: frees what is unused", compaction_frees },
	{ "twice the memory is promised, and all of it wanted", twice_the_memory },
	{ NULL, NULL },
};
