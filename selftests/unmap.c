// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process does to its address space while pages of it are stored: the
 * rest stays right, and what has gone frees its records at once.
 */
#include <signal.h>
#include <sys/mman.h>
#include "harness.h"
#include "setting.h"
#include "tests.h"

#define PAGES 256
#define QUARTER (PAGES / 4)

/* An area, every page of which is stored. */
static void set_up(struct setting *t)
{
	setting_stored(t, PAGES, MIX_STORED);
	REQUIRE_EQ(live(), PAGES);
}

/* Pages from one of the area on, which may lie elsewhere than they were made for. */
struct part {
	struct area area;
	char *at;
	uint32_t first;
	uint32_t pages;
	int arg;
};

static long do_part_wrong(const void *arg)
{
	const struct part *p = arg;

	return bytes_wrong(&p->area, p->first, p->pages, p->at);
}

static struct part quarter(const struct setting *t, int number)
{
	return (struct part){ .area = t->a, .first = number * QUARTER, .pages = QUARTER,
			      .at = area_page(&t->a, number * QUARTER) };
}

static long do_dontneed(const void *arg)
{
	const struct part *p = arg;
	size_t i;

	if (madvise(p->at, p->pages * PAGE, MADV_DONTNEED))
		return -errno;
	for (i = 0; i < p->pages * PAGE; i++)
		if (p->at[i])
			return i + 1;
	return 0;
}

static void dontneed(void)
{
	struct setting t;
	struct part p;

	set_up(&t);
	p = quarter(&t, 0);
	CHECK_EQ(CALL(&t.v, do_dontneed, p), 0);
	CHECK_EQ(live(), PAGES - QUARTER);
	p = quarter(&t, 1);
	p.pages = 3 * QUARTER;
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	setting_end(&t);
}

static long do_protect(const void *arg)
{
	const struct part *p = arg;

	return mprotect(p->at, p->pages * PAGE, p->arg) ? -errno : 0;
}

static long do_flip_twice(const void *arg)
{
	const struct part *p = arg;
	size_t i;

	for (i = 0; i < p->pages; i++) {
		volatile char *byte = p->at + i * PAGE;

		*byte ^= 1;
		*byte ^= 1;
	}
	return 0;
}

static void protect(void)
{
	struct setting t;
	struct part p;

	set_up(&t);
	p = quarter(&t, 0);
	p.arg = PROT_READ;
	CHECK_EQ(CALL(&t.v, do_protect, p), 0);
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	p.arg = PROT_READ | PROT_WRITE;
	CHECK_EQ(CALL(&t.v, do_protect, p), 0);
	CHECK_EQ(CALL(&t.v, do_flip_twice, p), 0);
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	/* stored, made inaccessible, and back */
	p = quarter(&t, 1);
	p.arg = PROT_NONE;
	CHECK_EQ(CALL(&t.v, do_protect, p), 0);
	CHECK_EQ(live(), PAGES - QUARTER);
	p.arg = PROT_READ | PROT_WRITE | PROT_EXEC;
	CHECK_EQ(CALL(&t.v, do_protect, p), 0);
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	setting_end(&t);
}

/* What nobody may read can be left or stored, but comes back as it was. */
static void inaccessible(void)
{
	struct setting t;
	struct part p;

	set_up(&t);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	p = quarter(&t, 0);
	p.pages = PAGES;
	p.arg = PROT_NONE;
	CHECK_EQ(CALL(&t.v, do_protect, p), 0);
	dedup(&t.s, &t.a, &t.b);
	p.arg = PROT_READ | PROT_WRITE;
	CHECK_EQ(CALL(&t.v, do_protect, p), 0);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	setting_end(&t);
}

static long do_move(const void *arg)
{
	const struct part *p = arg;
	char *to = map_pages(p->pages), *got;

	got = mremap(p->at, p->pages * PAGE, p->pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return got == to ? (long)to : -errno;
}

static void move(void)
{
	struct setting t;
	struct part p;
	long at;

	set_up(&t);
	p = quarter(&t, 3);
	at = CALL(&t.v, do_move, p);
	REQUIRE(at > 0, "mremap: %s", strerror(-at));
	CHECK_EQ(live(), PAGES);
	p.at = (char *)at;
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	p = quarter(&t, 0);
	p.pages = 3 * QUARTER;
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	CHECK_SOON_EQ(live(), 0);
	setting_end(&t);
}

static long do_move_keep(const void *arg)
{
	const struct part *p = arg;
	char *got = mremap(p->at, p->pages * PAGE, p->pages * PAGE,
			   MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	size_t i;

	if (got == MAP_FAILED)
		return -errno;
	for (i = 0; i < p->pages * PAGE; i++)
		CHECK(!p->at[i], "byte %zu is left where it was", i);
	return (long)got;
}

static void move_keep(void)
{
	struct setting t;
	struct part p;
	long at;

	set_up(&t);
	p = quarter(&t, 2);
	at = CALL(&t.v, do_move_keep, p);
	REQUIRE(at > 0, "mremap: %s", strerror(-at));
	CHECK_EQ(live(), PAGES);
	p.at = (char *)at;
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	setting_end(&t);
}

static long do_part_unmap(const void *arg)
{
	const struct part *p = arg;

	return munmap(p->at, p->pages * PAGE) ? -errno : 0;
}

/* A hole in the middle, then something else mapped over a part. */
static void unmap(void)
{
	struct setting t;
	struct part p;
	uint64_t freed;

	set_up(&t);
	freed = STAT(FREED);
	p = quarter(&t, 1);
	CHECK_EQ(CALL(&t.v, do_part_unmap, p), 0);
	CHECK_EQ(live(), PAGES - QUARTER);
	CHECK_EQ(STAT(FREED) - freed, QUARTER);
	p = quarter(&t, 0);
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	p = quarter(&t, 2);
	p.pages = 2 * QUARTER;
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	REQUIRE_EQ(dedup(&t.s, &p.area, &t.b), PAGES - QUARTER);
	victim_unmap(&t.v, &t.a);
	CHECK_EQ(live(), 0);
	setting_end(&t);
}

static long do_map_over(const void *arg)
{
	const struct part *p = arg;
	size_t i;

	if (mmap(p->at, p->pages * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p->at)
		return -errno;
	for (i = 0; i < p->pages * PAGE; i++)
		CHECK(!p->at[i], "byte %zu shines through", i);
	return 0;
}

static void map_over(void)
{
	struct setting t;
	struct part p;

	set_up(&t);
	p = quarter(&t, 2);
	CHECK_EQ(CALL(&t.v, do_map_over, p), 0);
	CHECK_EQ(live(), PAGES - QUARTER);
	p = quarter(&t, 3);
	CHECK_EQ(CALL(&t.v, do_part_wrong, p), 0);
	setting_end(&t);
}

static void killed(void)
{
	struct setting t;

	set_up(&t);
	victim_kill(&t.v);
	CHECK_SOON_EQ(live(), 0);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	base_del(&t.b);
}

/* The same area unmapped by a process that shares it, then by the other. */
static void unmap_shared(void)
{
	struct victim child;
	struct setting t;

	set_up(&t);
	victim_fork(&t.v, &child);
	victim_unmap(&child, &t.a);
	CHECK_EQ(live(), PAGES);
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&child);
	setting_end(&t);
}

const struct test unmap_tests[] = {
	{ "unmap: MADV_DONTNEED", dontneed },
	{ "unmap: mprotect", protect },
	{ "unmap: pages that nobody may access", inaccessible },
	{ "unmap: mremap", move },
	{ "unmap: mremap that keeps the old range", move_keep },
	{ "unmap: munmap of a part, then of all", unmap },
	{ "unmap: another mapping in its place", map_over },
	{ "unmap: SIGKILL", killed },
	{ "unmap: one of two that share", unmap_shared },
	{ NULL, NULL },
};
