// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transparent huge pages: split when pages of them are stored, and made again of
 * pages that come back.
 */
#include <linux/mman.h>
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define HUGE (2UL << 20)
#define HUGE_PAGES (HUGE / PAGE)
/* No zeros: the kernel frees those itself when it splits a huge page. */
#define MIX_HUGE "swcsw"
#define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"

/* One aligned huge page's worth, huge if the kernel has one. */
static long do_map_huge(const void *arg)
{
	struct area a = *(const struct area *)arg;
	char *at = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	a.at = (char *)(((uintptr_t)at + HUGE - 1) & -HUGE);
	madvise(a.at, HUGE, MADV_HUGEPAGE);
	area_fill(&a);
	return (long)a.at;
}

static void set_up(struct setting *t)
{
	base_new(&t->b);
	victim_new(&t->v);
	t->a = (struct area){ .pages = HUGE_PAGES, .seed = 14, .mix = MIX_HUGE };
	t->a.at = (char *)CALL(&t->v, do_map_huge, t->a);
	sandbox_new(&t->s, &t->v);
	if (sys_smaps(t->v.pid, t->a.at, "AnonHugePages") * 1024UL != HUGE)
		SKIP("the kernel gave no huge page");
}

static void split(void)
{
	static struct medes_page pages[HUGE_PAGES];
	uint64_t splits = STAT(THP_SPLIT);
	struct setting t;
	size_t i;

	set_up(&t);
	REQUIRE_EQ(scan(&t.s, &t.a, pages, HUGE_PAGES), HUGE_PAGES);
	for (i = 0; i < HUGE_PAGES; i++)
		CHECK(pages[i].huge, "page %zu is not shown as huge", i);
	CHECK_EQ(STAT(THP_SPLIT), splits);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), HUGE_PAGES);
	CHECK_EQ(away(&t.v, &t.a), HUGE_PAGES);
	CHECK_EQ(STAT(THP_SPLIT) - splits, 1);
	CHECK_EQ(sys_smaps(t.v.pid, t.a.at, "AnonHugePages"), 0);
	setting_check_end(&t);
}

/* Some pages of a huge one: the rest stays in memory, small. */
static void some_of_it(void)
{
	struct setting t;
	struct area some;

	set_up(&t);
	some = t.a;
	some.pages = 100;
	CHECK_EQ(dedup(&t.s, &some, &t.b), 100);
	CHECK_EQ(away(&t.v, &t.a), 100);
	CHECK_EQ(present(&t.v, &t.a), HUGE_PAGES - 100);
	setting_check_end(&t);
}

/* Two processes share the huge page by fork. */
static void split_shared(void)
{
	struct victim child;
	struct setting t;

	set_up(&t);
	victim_fork(&t.v, &child);
	note("shared huge page: %zu of %lu pages stored", dedup(&t.s, &t.a, &t.b), HUGE_PAGES);
	CHECK_EQ(victim_wrong(&child, &t.a), 0);
	victim_end(&child);
	setting_check_end(&t);
}

static void collapse(void)
{
	struct setting t;
	struct advice a;
	long err;

	set_up(&t);
	REQUIRE_EQ(dedup(&t.s, &t.a, &t.b), HUGE_PAGES);
	a = (struct advice){ t.a, MADV_COLLAPSE };
	err = CALL(&t.v, do_advise, a);
	CHECK(!err || err == -EAGAIN || err == -EINVAL || err == -ENOMEM || err == -EBUSY,
	      "collapse of stored pages: %s", strerror(-err));
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	/* in memory, it must be possible */
	err = CALL(&t.v, do_advise, a);
	CHECK(!err || err == -EAGAIN, "collapse of pages that came back: %s", strerror(-err));
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), HUGE_PAGES);
	setting_check_end(&t);
}

/* khugepaged leaves a range alone that is stored as a whole. */
static void khugepaged(void)
{
	struct setting t;
	long long scans;

	/* while it looks at pages it holds them */
	sys_set(KHUGEPAGED "scan_sleep_millisecs", "10000");
	set_up(&t);
	REQUIRE_EQ(dedup(&t.s, &t.a, &t.b), HUGE_PAGES);
	scans = sys_number(KHUGEPAGED "full_scans");
	sys_set(KHUGEPAGED "scan_sleep_millisecs", "10");
	CHECK(SOON(sys_number(KHUGEPAGED "full_scans") > scans + 2), "khugepaged does not run");
	sys_set(KHUGEPAGED "scan_sleep_millisecs", "10000");
	CHECK_EQ(away(&t.v, &t.a), HUGE_PAGES);
	CHECK_EQ(live(), HUGE_PAGES);
	setting_check_end(&t);
}

const struct test huge_tests[] = {
	{ "huge: split when it is stored", split },
	{ "huge: some pages of it", some_of_it },
	{ "huge: shared by fork", split_shared },
	{ "huge: MADV_COLLAPSE of stored pages", collapse },
	{ "huge: khugepaged leaves stored ranges alone", khugepaged },
	{ NULL, NULL },
};
