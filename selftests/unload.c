// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unloading the module under load: refused while a page is stored, without harm,
 * however often and whatever runs; done once nothing is.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 512
#define ROUNDS 12

static int try_unload(void)
{
	return syscall(SYS_delete_module, "medes", O_NONBLOCK) ? -errno : 0;
}

static bool refused(int err)
{
	return err == -EBUSY || err == -EAGAIN;
}

/* Another process tries all the time, and counts in the pipe's stead. */
static pid_t hammer(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;;) {
		int err = try_unload();

		CHECK(refused(err), "unload with pages stored: %d", err);
		if (!refused(err))
			_exit(1);
		usleep(500);
	}
}

static void under_load(void)
{
	struct setting keeper, busy;
	struct base b;
	pid_t pid;
	int i;

	base_new(&b);
	setting_bare(&keeper, PAGES, MIX_STORED, 160);
	setting_bare(&busy, PAGES, MIX_STORED, 161);
	CHECK_EQ(dedup(&keeper.s, &keeper.a, &b), PAGES);
	CHECK_EQ(sys_number("/sys/module/medes/refcnt"), PAGES);
	pid = hammer();
	for (i = 0; i < ROUNDS && !failures(); i++) {
		CHECK_EQ(dedup(&busy.s, &busy.a, &b), PAGES);
		CHECK_EQ(victim_wrong(&busy.v, &busy.a), 0);
		dedup(&busy.s, &busy.a, &b);
		CHECK_EQ(restore(&busy.s), PAGES);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_EQ(away(&keeper.v, &keeper.a), PAGES);
	CHECK_EQ(victim_wrong(&keeper.v, &keeper.a), 0);
	CHECK_SOON_EQ(sys_number("/sys/module/medes/refcnt"), 0);
	victim_end(&busy.v);
	victim_end(&keeper.v);
}

/* Pages come back by touch while the module is asked to go; then it goes. */
static void when_nothing_is_left(void)
{
	struct setting t[2];
	struct base b;
	int round, i;
	long wrong;

	for (round = 0; round < 4; round++) {
		base_new(&b);
		for (i = 0; i < 2; i++) {
			setting_bare(&t[i], PAGES, MIX_STORED, 170 + i);
			CHECK_EQ(dedup(&t[i].s, &t[i].a, &b), PAGES);
		}
		medes_nl_close(&nl);
		for (i = 0; i < 2; i++)
			victim_start(&t[i].v, do_wrong, &t[i].a, sizeof(t[i].a));
		/* the sandboxes and the base go with the module */
		CHECK(SOON(!try_unload()), "the module stays");
		for (i = 0; i < 2; i++) {
			CHECK(victim_result(&t[i].v, &wrong) && !wrong, "%ld pages wrong", wrong);
			CHECK_EQ(victim_wrong(&t[i].v, &t[i].a), 0);
			CHECK_EQ(away(&t[i].v, &t[i].a), 0);
			victim_end(&t[i].v);
		}
		REQUIRE_EQ(world_load(), 0);
		world_open();
		CHECK_EQ(live(), 0);
	}
}

/* Queued operations and open dumps do not survive the module, nor hold it ever. */
static void with_operations_queued(void)
{
	struct setting t;
	uint32_t ops[16];
	int i;

	setting_bare(&t, PAGES, MIX_STORED, 180);
	for (i = 0; i < 8; i++)
		if (medes_restore(&nl, t.s.id, &ops[i]))
			break;
	CHECK(i > 0, "%s", nl.error);
	CHECK(SOON(!try_unload()), "the module stays");
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	victim_end(&t.v);
	REQUIRE_EQ(world_load(), 0);
	world_open();
}

const struct test unload_tests[] = {
	{ "unload: refused while pages are stored", under_load },
	{ "unload: done when the last page is back", when_nothing_is_left },
	{ "unload: with operations queued", with_operations_queued },
	{ NULL, NULL },
};
