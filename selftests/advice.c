// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * madvise, mlock, mincore and pagemap on stored pages.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 64

static long advise(struct setting *t, int advice)
{
	struct advice a = { t->a, advice };

	return CALL(&t->v, do_advise, a);
}

/* Advice that changes no byte; may it bring pages back or not. */
static void stays_right(int advice)
{
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(advise(&t, advice), 0);
	setting_check_end(&t);
}

static void cold(void)
{
	stays_right(MADV_COLD);
}

static void pageout(void)
{
	stays_right(MADV_PAGEOUT);
}

static void willneed(void)
{
	stays_right(MADV_WILLNEED);
}

static void mergeable(void)
{
	stays_right(MADV_MERGEABLE);
}

static void populate(void)
{
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(advise(&t, MADV_POPULATE_READ), 0);
	CHECK_EQ(away(&t.v, &t.a), 0);
	REQUIRE_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(advise(&t, MADV_POPULATE_WRITE), 0);
	CHECK_EQ(away(&t.v, &t.a), 0);
	CHECK_EQ(live(), 0);
	setting_check_end(&t);
}

/*
 * Lazily freed: the kernel may drop such a page until it is written again, so its
 * bytes are the old ones or zeros. Stored before the advice, they are the old
 * ones or zeros as well.
 */
static long do_old_or_zero(const void *arg)
{
	const struct area *a = arg;
	struct area zero = *a;
	size_t i, wrong = 0;

	strcpy(zero.mix, "z");
	for (i = 0; i < a->pages; i++)
		if (*(uint64_t *)area_page(a, i))
			wrong += bytes_wrong(a, i, 1, area_page(a, i));
		else if (page_kind(a, i) != 'z')
			wrong += bytes_wrong(&zero, i, 1, area_page(a, i));
	return wrong;
}

static void lazily_freed(void)
{
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(advise(&t, MADV_FREE), 0);
	CHECK_EQ(CALL(&t.v, do_old_or_zero, t.a), 0);
	victim_fill(&t.v, &t.a);
	CHECK_EQ(advise(&t, MADV_FREE), 0);
	note("lazily freed: %zu of %u pages stored", dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(CALL(&t.v, do_old_or_zero, t.a), 0);
	victim_fill(&t.v, &t.a);
	setting_check_end(&t);
}

static long do_mlock(const void *arg)
{
	const struct area *a = arg;

	return mlock(a->at, a->pages * PAGE) ? -errno : 0;
}

static long do_munlock(const void *arg)
{
	const struct area *a = arg;

	return munlock(a->at, a->pages * PAGE) ? -errno : 0;
}

static void lock(void)
{
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(CALL(&t.v, do_mlock, t.a), 0);
	CHECK_EQ(away(&t.v, &t.a), 0);
	CHECK_EQ(present(&t.v, &t.a), PAGES);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
	CHECK_EQ(CALL(&t.v, do_munlock, t.a), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	setting_check_end(&t);
}

static long do_mincore(const void *arg)
{
	const struct area *a = arg;
	unsigned char resident[PAGES];

	return mincore(a->at, a->pages * PAGE, resident) ? -errno : 0;
}

/* Looking does not bring a page back. */
static void look(void)
{
	struct setting t;

	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(CALL(&t.v, do_mincore, t.a), 0);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(present(&t.v, &t.a), 0);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	CHECK_EQ(live(), PAGES);
	setting_check_end(&t);
}

/* A scan is no use of a page: reclaim must not take it for one. */
static void scans_leave_no_trace(void)
{
	struct setting t;
	char path[64];

	base_new(&t.b);
	victim_new(&t.v);
	victim_area(&t.v, &t.a, PAGES, MIX_STORED, 13);
	sandbox_new(&t.s, &t.v);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", t.v.pid);
	CHECK_EQ(sys_smaps(t.v.pid, t.a.at, "Referenced"), PAGES * PAGE / 1024);
	sys_set(path, "1");
	CHECK_EQ(sys_smaps(t.v.pid, t.a.at, "Referenced"), 0);
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), PAGES);
	CHECK_EQ(sys_smaps(t.v.pid, t.a.at, "Referenced"), 0);
	setting_check_end(&t);
}

const struct test advice_tests[] = {
	{ "advice: MADV_COLD", cold },
	{ "advice: MADV_PAGEOUT", pageout },
	{ "advice: MADV_WILLNEED", willneed },
	{ "advice: MADV_MERGEABLE", mergeable },
	{ "advice: MADV_POPULATE_READ and _WRITE", populate },
	{ "advice: MADV_FREE", lazily_freed },
	{ "advice: mlock", lock },
	{ "advice: a scan does not count as use", scans_leave_no_trace },
	{ "advice: mincore, pagemap and scans only look", look },
	{ NULL, NULL },
};
