// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No memory left, of the machine or of a cgroup: somebody is killed, nobody sees
 * a wrong byte, and the killed leave nothing.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "harness.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 8192			/* 32 MiB */
#define CHUNK (4UL << 20)
#define LEFT_KIB (12 * 1024)

static void take(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at != MAP_FAILED)
		memset(at, 3, bytes);
}

/* Takes what is free, and is the first to go. */
static pid_t hog(int ready)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	sys_write("/proc/self/oom_score_adj", "1000");
	/* programs stay in memory, or reading them again would take all the time */
	mlockall(MCL_CURRENT);
	while (sys_meminfo("MemAvailable") > LEFT_KIB)
		take(CHUNK);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/*
 * Stored pages come back although there is no room: first from the reserve, then
 * the hog makes it.
 */
static void machine(void)
{
	uint64_t reserve = STAT(RESERVE_USED);
	struct setting t;
	char byte;
	int fds[2], status;
	pid_t pid;

	REQUIRE(!pipe(fds), "%s", strerror(errno));
	setting_new(&t, PAGES, MIX_BASE);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	pid = hog(fds[1]);
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		note("the hog went before it had everything");
	CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	CHECK_SOON_EQ(live(), 0);
	note("%" PRIu64 " pages came from the reserve", STAT(RESERVE_USED) - reserve);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(victim_lives(&t.v), "the victim was killed");
	setting_end(&t);
}

/* The same by a bulk restore. */
static void machine_bulk(void)
{
	struct setting t;
	struct medes_op op;
	char byte;
	int fds[2], err;
	uint32_t id;
	pid_t pid;

	REQUIRE(!pipe(fds), "%s", strerror(errno));
	setting_new(&t, PAGES, MIX_BASE);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), PAGES);
	pid = hog(fds[1]);
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		note("the hog went before it had everything");
	err = medes_restore(&nl, t.s.id, &id);
	if (err) {
		note("restore under pressure: %s", nl.error);
		CHECK_EQ(err, -ENOMEM);
	} else {
		REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
		note("restore under pressure: %" PRIu64 " of %d pages, error %d", op.stored, PAGES,
		     op.error);
		CHECK(op.stored == PAGES || op.error == -ENOMEM, "%" PRIu64 " pages, error %d",
		      op.stored, op.error);
		CHECK_EQ(op.lost, 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	setting_check_end(&t);
}

/* A sandbox's cgroup runs out: the sandbox is killed with its pages stored. */
static long do_take_too_much(const void *arg)
{
	(void)arg;
	take(64UL << 20);
	return 0;
}

static void cgroup_limit(void)
{
	struct setting t;
	struct cgroup cg;
	long unused;

	sys_cgroup_new(&cg, "selftest");
	if (sys_cgroup_number(&cg, "memory.current") < 0)
		SKIP("no memory controller");
	base_new(&t.b);
	victim_new(&t.v);
	REQUIRE_EQ(sys_cgroup_write(&cg, "cgroup.procs", "%d", t.v.pid), 0);
	victim_area(&t.v, &t.a, PAGES / 4, MIX_BASE, 251);
	sandbox_new(&t.s, &t.v);
	CHECK_EQ(dedup(&t.s, &t.a, &t.b), t.a.pages);
	CHECK_EQ(sys_cgroup_write(&cg, "memory.max", "%lld",
				  sys_cgroup_number(&cg, "memory.current") + (8 << 20)), 0);
	victim_start(&t.v, do_take_too_much, NULL, 0);
	CHECK(!victim_result(&t.v, &unused), "the limit does not hold");
	CHECK_GE(sys_cgroup_key(&cg, "memory.events", "oom_kill"), 1);
	victim_kill(&t.v);
	CHECK_SOON_EQ(live(), 0);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	sys_cgroup_end(&cg);
	base_del(&t.b);
}

const struct test oom_tests[] = {
	{ "out of memory: the machine, pages come back by touch", machine },
	{ "out of memory: the machine, pages come back in bulk", machine_bulk },
	{ "out of memory: the sandbox's cgroup", cgroup_limit },
	{ NULL, NULL },
};
