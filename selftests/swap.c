// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With swap: what is swapped out is neither scanned in nor stored, what is stored
 * is not swapped, and both come back right.
 */
#include <sys/mman.h>
#include <sys/swap.h>
#include "harness.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 512

struct setting {
	char disk[32];
	struct victim v;
	struct area a;
	struct sandbox s;
	struct base b;
};

static void set_up(struct setting *t)
{
	FILE *found;

	if (sys_run("modprobe zram 2>/dev/null"))
		SKIP("no zram to swap to");
	found = popen("zramctl --find --size 64M", "r");
	if (!found || !fgets(t->disk, sizeof(t->disk), found) || pclose(found))
		SKIP("zramctl makes no device");
	t->disk[strcspn(t->disk, "\n")] = '\0';
	REQUIRE_EQ(sys_run("mkswap -q %s && swapon %s", t->disk, t->disk), 0);
	base_new(&t->b);
	victim_new(&t->v);
	victim_area(&t->v, &t->a, PAGES, MIX_STORED, 240);
	sandbox_new(&t->s, &t->v);
}

static void tear_down(struct setting *t)
{
	CHECK_EQ(victim_wrong(&t->v, &t->a), 0);
	victim_end(&t->v);
	CHECK(!swapoff(t->disk), "swapoff: %s", strerror(errno));
	CHECK_EQ(sys_run("zramctl --reset %s", t->disk), 0);
	CHECK_SOON_EQ(live(), 0);
	base_del(&t->b);
}

static long page_out(struct setting *t)
{
	struct advice a = { t->a, MADV_PAGEOUT };

	return CALL(&t->v, do_advise, a);
}

static void swapped_out(void)
{
	struct setting t;
	size_t out, in, stored;

	set_up(&t);
	CHECK_EQ(page_out(&t), 0);
	out = away(&t.v, &t.a);
	CHECK(out > PAGES / 2, "only %zu pages were swapped", out);
	/* only what is in memory is shown, and showing brings nothing in */
	in = scan(&t.s, &t.a, NULL, 0);
	CHECK_EQ(in, PAGES - out);
	CHECK_EQ(away(&t.v, &t.a), out);
	stored = dedup(&t.s, &t.a, &t.b);
	CHECK_EQ(stored, in);
	CHECK_EQ(live(), in);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	/* in the swap cache as well, for a while */
	note("after swapping in, %zu of %d pages stored", dedup(&t.s, &t.a, &t.b), PAGES);
	tear_down(&t);
}

static void stored_is_not_swapped(void)
{
	struct setting t;

	set_up(&t);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	CHECK_EQ(page_out(&t), 0);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(sys_meminfo("SwapTotal") - sys_meminfo("SwapFree") < (long)(PAGES * PAGE / 1024 / 2),
		 1);
	/* walks all address spaces for swap entries, ours among them */
	CHECK(!swapoff(t.disk), "swapoff: %s", strerror(errno));
	CHECK_EQ(live(), PAGES);
	CHECK(!swapon(t.disk, 0), "swapon: %s", strerror(errno));
	tear_down(&t);
}

/* Swapping and storing at once, with writes. */
static void both(void)
{
	struct setting t;
	int rounds = 0;
	double end;

	set_up(&t);
	end = sys_seconds() + 3;
	while ((sys_seconds() < end || rounds < 2) && !failures()) {
		struct advice a = { t.a, MADV_PAGEOUT };
		struct area half = t.a;

		half.pages /= 2;
		dedup(&t.s, &half, &t.b);
		victim_start(&t.v, do_advise, &a, sizeof(a));
		dedup(&t.s, &t.a, &t.b);
		CHECK(victim_result(&t.v, &(long){ 0 }), "the victim died");
		if (++rounds % 2)
			restore(&t.s);
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
		t.a.seed++;
		victim_fill(&t.v, &t.a);
	}
	note("%d rounds", rounds);
	tear_down(&t);
}

const struct test swap_tests[] = {
	{ "swap: pages that are swapped out", swapped_out },
	{ "swap: stored pages are not swapped", stored_is_not_swapped },
	{ "swap: both at once", both },
	{ NULL, NULL },
};
