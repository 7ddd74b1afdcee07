// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading and unloading many times, with work in between, leaks nothing: neither
 * free memory, nor slabs, nor address space.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include "harness.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 256
#define WARM_UP 4
#define TIMES (slow() > 1 ? 10 : 50)	/* KASAN's shadow of a chunk takes seconds */
#define ALLOWED_KIB 1024		/* over all of them; a leaked page each is 200 */
#define WANDERS_KIB 1024		/* by so much free memory differs with nothing done */

struct sizes {
	long free, slab, vmalloc, percpu, zspages;
};

static void measure(struct sizes *s)
{
	s->free = sys_memfree();
	s->slab = sys_meminfo("Slab");
	s->vmalloc = sys_meminfo("VmallocUsed");
	s->percpu = sys_meminfo("Percpu");
	s->zspages = sys_vmstat("nr_zspages");
}

static void use(struct victim *v, const struct area *a)
{
	struct sandbox s;
	struct base b;

	base_new(&b);
	sandbox_new(&s, v);
	CHECK_EQ(dedup(&s, a, &b), PAGES);
	CHECK_EQ(victim_wrong(v, a), 0);
	CHECK_EQ(dedup(&s, a, &b), PAGES);
	CHECK_EQ(restore_all(), PAGES);
}

static void cycle(struct victim *v, const struct area *a)
{
	REQUIRE_EQ(world_load(), 0);
	world_open();
	use(v, a);
	medes_nl_close(&nl);
	REQUIRE(SOON(!syscall(SYS_delete_module, "medes", O_NONBLOCK)), "the module stays");
}

static void fifty_times(void)
{
	struct sizes before, after;
	struct victim v;
	struct area a;
	int i;

	victim_new(&v);
	victim_area(&v, &a, PAGES, MIX_STORED, 190);
	medes_nl_close(&nl);
	REQUIRE_EQ(sys_run("rmmod medes"), 0);
	for (i = 0; i < WARM_UP && !failures(); i++)
		cycle(&v, &a);
	measure(&before);
	for (; i < WARM_UP + TIMES && !failures(); i++)
		cycle(&v, &a);
	measure(&after);
	note("KiB over %d times: free %+ld, slab %+ld, vmalloc %+ld, percpu %+ld", TIMES,
	     after.free - before.free, after.slab - before.slab, after.vmalloc - before.vmalloc,
	     after.percpu - before.percpu);
	CHECK_LE(before.free - after.free, ALLOWED_KIB + WANDERS_KIB);
	CHECK_LE(after.slab - before.slab, ALLOWED_KIB);
	CHECK_LE(after.vmalloc - before.vmalloc, ALLOWED_KIB / 2);
	CHECK_LE(after.percpu - before.percpu, ALLOWED_KIB / 2);
	CHECK_LE(after.zspages, before.zspages);	/* what goes late is no leak */
	CHECK_EQ(sys_run("grep -i medes /proc/iomem /proc/slabinfo >&2"), 1);
	CHECK_EQ(victim_wrong(&v, &a), 0);
	victim_end(&v);
}

const struct test load_tests[] = {
	{ "load: fifty times and out again", fifty_times },
	{ NULL, NULL },
};
