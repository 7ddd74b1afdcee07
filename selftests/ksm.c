// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KSM's pages are not private to a process, though they look so: migrating one
 * upsets ksmd. Memory that was given to KSM is left alone, and ksmd leaves stored
 * pages alone.
 */
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 64
#define KSM "/sys/kernel/mm/ksm/"

/* Every page has a twin, so all get merged. */
static void set_up(struct setting *t)
{
	if (sys_number(KSM "run") < 0)
		SKIP("this kernel has no KSM");
	setting_new(t, PAGES, "s");
	sys_set(KSM "pages_to_scan", "2000");
	sys_set(KSM "sleep_millisecs", "5");
}

static void tear_down(struct setting *t)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	victim_end(&t->v);
	sys_set(KSM "run", "2");
	sys_set(KSM "run", "0");
	CHECK_SOON_EQ(live(), 0);
	base_del(&t->b);
}

static long advise(struct setting *t, int advice)
{
	struct advice a = { t->a, advice };

	return CALL(&t->v, do_advise, a);
}

static long long merged(void)
{
	return sys_number(KSM "pages_shared") + sys_number(KSM "pages_sharing");
}

static bool full_scans(int n)
{
	long long before = sys_number(KSM "full_scans");

	return SOON(sys_number(KSM "full_scans") >= before + n);
}

static void left_alone(void)
{
	uint64_t unsuited;
	struct setting t;

	set_up(&t);
	CHECK_EQ(advise(&t, MADV_MERGEABLE), 0);
	sys_set(KSM "run", "1");
	if (!SOON(merged() >= PAGES))
		SKIP("ksmd merged only %lld pages", merged());
	CHECK_EQ(scan(&t.s, &t.a, NULL, 0), 0);
	unsuited = STAT(REFUSED_UNSUITED);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
	CHECK_EQ(STAT(REFUSED_UNSUITED) - unsuited, PAGES);
	CHECK_EQ(live(), 0);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_EQ(advise(&t, MADV_UNMERGEABLE), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	tear_down(&t);
}

/* The other way round: ksmd walks over stored pages. */
static void walks_over(void)
{
	struct setting t;

	set_up(&t);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(advise(&t, MADV_MERGEABLE), 0);
	sys_set(KSM "run", "1");
	CHECK(full_scans(3), "ksmd does not come round");
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	if (!SOON(merged() >= PAGES))
		note("ksmd merged only %lld pages", merged());
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	/* broken up again, and still KSM's until it is taken from it */
	sys_set(KSM "run", "2");
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
	CHECK_EQ(advise(&t, MADV_UNMERGEABLE), 0);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	tear_down(&t);
}

/*
 * The memory goes to ksmd and to dedup by turns, while both are at work. Once a page
 * that ksmd had just mapped was taken by a migration whose end did not find it again:
 * the process waited for that page for good.
 */
static void race(void)
{
	int rounds = 0, stored = 0;
	struct setting t;
	double end;

	set_up(&t);
	end = sys_seconds() + 3;
	sys_set(KSM "run", "1");
	for (; sys_seconds() < end; rounds++) {
		CHECK_EQ(advise(&t, MADV_MERGEABLE), 0);
		CHECK_EQ(dedup(&t.s, &t.a, &t.b), 0);
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
		CHECK_EQ(advise(&t, MADV_UNMERGEABLE), 0);
		stored += dedup(&t.s, &t.a, &t.b);
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
		victim_fill(&t.v, &t.a);
	}
	CHECK(stored, "nothing was stored in %d rounds", rounds);
	note("%d rounds, %d pages stored", rounds, stored);
	tear_down(&t);
}

const struct test ksm_tests[] = {
	{ "KSM: merged pages are left alone", left_alone },
	{ "KSM: ksmd over stored pages", walks_over },
	{ "KSM: ksmd and dedup at once leave no entry behind", race },
	{ NULL, NULL },
};
