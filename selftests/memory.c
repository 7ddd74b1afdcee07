// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said to be saved is saved: free memory moves as the counters do.
 */
#include <stdlib.h>
#include "harness.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 8192			/* 32 MiB */
#define SLACK_KIB 1536			/* page tables, page caches, slabs in the making */

/* All that the module holds, bytes. */
static long long held(void)
{
	return STAT(RECORD_BYTES) + STAT(DEVICE_PAGE_BYTES) + STAT(BASE_BYTES);
}

static bool close_to(long long is, long long want)
{
	long long slack = llabs(want) / 20;

	if (slack < SLACK_KIB)
		slack = SLACK_KIB;
	/* what kmemleak and KASAN keep of a page's two objects in slabs */
	if (slow() > 1)
		slack += PAGES;
	return llabs(is - want) <= slack;
}

static void freed_and_taken(const char *mix)
{
	long before, stored, back, gone;
	long long want;
	struct area a, keeper;
	struct sandbox s;
	struct victim v;
	struct base b;
	size_t n;

	base_new(&b);
	victim_new(&v);
	victim_area(&v, &a, PAGES, mix, 230);
	sandbox_new(&s, &v);
	/* what the first use sets up stays, while one page is stored */
	victim_area(&v, &keeper, 1, "z", 0);
	CHECK_EQ(dedup(&s, &keeper, &b), 1);
	want = held();
	before = sys_memfree();
	n = dedup(&s, &a, &b);
	CHECK_EQ(n, PAGES);
	stored = sys_memfree();
	want = (want + (long long)(n * PAGE) - held()) / 1024;
	note("mix %s: MemFree %+ld KiB, by the counters %+lld KiB", mix, stored - before, want);
	CHECK(close_to(stored - before, want), "%ld KiB, wanted %lld", stored - before, want);
	CHECK(want > (long long)(n * PAGE / 1024 * 3 / 5), "little is saved: %lld KiB", want);
	CHECK_EQ(victim_wrong(&v, &a), 0);
	back = sys_memfree();
	CHECK(close_to(back, before), "%ld KiB before, %ld KiB with all back", before, back);
	victim_unmap(&v, &a);
	gone = sys_memfree();
	CHECK(gone - back > (long)(PAGES * PAGE / 1024 * 9 / 10), "only %ld KiB came free",
	      gone - back);
	victim_end(&v);
	base_del(&b);
}

static void patched(void)
{
	freed_and_taken("sw");
}

static void compressed(void)
{
	freed_and_taken("c");
}

const struct test memory_tests[] = {
	{ "memory: freed and taken, pages like the base's", patched },
	{ "memory: freed and taken, compressed pages", compressed },
	{ NULL, NULL },
};
