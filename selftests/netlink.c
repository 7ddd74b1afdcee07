// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that are well formed and can't be granted: each has its errno, says
 * why, and changes nothing.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "harness.h"
#include "proc.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 16
#define NO_PID 4194303

/* The last call was refused with this, and with words. */
#define REFUSED(call, want) ({ \
	int err_ = (call); \
	CHECK(err_ == (want), "error %d (%s), wanted %d", err_, nl.error, (want)); \
	CHECK(!err_ || strchr(nl.error, '('), "refused without words: %s", nl.error); })

static size_t sandboxes(void)
{
	struct medes_sandboxes list;
	size_t n;

	REQUIRE(!medes_sandbox_list(&nl, &list), "%s", nl.error);
	n = list.n;
	medes_sandboxes_clear(&list);
	return n;
}

static struct medes_process process_of(const struct victim *v)
{
	return (struct medes_process){ .pid = v->pid, .start_time = v->start_time };
}

static int try_new(const char *name, const struct medes_process *p, size_t n)
{
	struct medes_sandbox got;
	int err = medes_sandbox_new(&nl, name, DOMAIN, NULL, p, n, &got);

	if (!err)
		medes_sandbox_clear(&got);
	return err;
}

static void identity(void)
{
	struct medes_process p;
	struct victim v;
	siginfo_t info;

	victim_new(&v);
	p = process_of(&v);
	p.start_time++;
	REFUSED(try_new("a", &p, 1), -ESTALE);
	p = (struct medes_process){ .pid = NO_PID };
	REFUSED(try_new("a", &p, 1), -ESRCH);
	p = (struct medes_process){ .pid = 2 };
	REQUIRE(!medes_process_start_time(p.pid, &p.start_time), "kthreadd is not there");
	REFUSED(try_new("a", &p, 1), -EPERM);
	p.pid = getpid();
	REQUIRE(!medes_process_start_time(p.pid, &p.start_time), "%d is not there", p.pid);
	REFUSED(try_new("a", &p, 1), -EPERM);
	p = (struct medes_process){ .pid = 1 };
	REFUSED(try_new("a", &p, 1), -ERANGE);
	CHECK_EQ(sandboxes(), 0);
	p = process_of(&v);
	kill(v.pid, SIGKILL);
	/* a zombie, as long as nobody reaps it */
	REQUIRE(!waitid(P_PID, v.pid, &info, WEXITED | WNOWAIT), "%s", strerror(errno));
	REFUSED(try_new("a", &p, 1), -ESRCH);
	CHECK_EQ(sandboxes(), 0);
	victim_kill(&v);
}

static void *wait_for_ever(void *arg)
{
	*(pid_t *)arg = syscall(SYS_gettid);
	pause();
	return NULL;
}

static long do_make_thread(const void *arg)
{
	static pid_t tid;
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, wait_for_ever, &tid))
		return -1;
	while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	return tid;
}

/* Processes are named by their own ids, not by a thread's. */
static void thread_id(void)
{
	struct medes_process p;
	struct victim v;

	victim_new(&v);
	p = process_of(&v);
	p.pid = CALL0(&v, do_make_thread);
	REFUSED(try_new("a", &p, 1), -ESRCH);
	CHECK_EQ(sandboxes(), 0);
	victim_kill(&v);
}

/* The second process of a new pid namespace takes it to its own sandbox. */
static void in_pid_namespace(int ready)
{
	struct medes_process p = { .pid = 2 };
	pid_t pid = fork();

	if (!pid) {
		/* /proc is still the old namespace's, so it shows itself there */
		char text[16] = "";
		int self = -1;

		if (readlink("/proc/self", text, sizeof(text) - 1) > 0)
			self = atoi(text);
		if (medes_process_start_time(self, &p.start_time) ||
		    write(ready, &p.start_time, sizeof(p.start_time)) != sizeof(p.start_time))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ(pid, 2);
}

static void pid_namespace(void)
{
	struct medes_process p = { .pid = 2 };
	struct medes_sandbox got;
	int fds[2], status;
	pid_t pid;

	REQUIRE(!pipe(fds), "%s", strerror(errno));
	pid = fork();
	if (!pid) {
		REQUIRE(!unshare(CLONE_NEWPID), "%s", strerror(errno));
		pid = fork();
		if (pid) {
			waitpid(pid, &status, 0);
			_exit(0);
		}
		in_pid_namespace(fds[1]);
		REQUIRE(read(fds[0], &p.start_time, 8) == 8, "%s", strerror(errno));
		world_open();
		REQUIRE(!medes_sandbox_new(&nl, "within", DOMAIN, NULL, &p, 1, &got), "%s", nl.error);
		CHECK_EQ(got.n_processes, 1);
		CHECK_EQ(got.processes[0].pid, 2);
		/* its first process ends, and all others with it */
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(sandboxes(), 1);
}

/* All of the processes come in or none. */
static void all_or_none(void)
{
	struct medes_process p[3];
	struct medes_sandbox got;
	struct victim v, w;
	struct sandbox s;

	victim_new(&v);
	victim_new(&w);
	p[0] = process_of(&v);
	p[1] = process_of(&w);
	p[1].start_time += 5;
	REFUSED(try_new("a", p, 2), -ESTALE);
	CHECK_EQ(sandboxes(), 0);
	sandbox_new(&s, &v);
	p[0] = process_of(&w);
	p[1] = (struct medes_process){ .pid = NO_PID };
	REFUSED(medes_sandbox_attach(&nl, s.id, p, 2), -ESRCH);
	REQUIRE(!medes_sandbox_get(&nl, s.id, &got), "%s", nl.error);
	CHECK_EQ(got.n_processes, 1);
	medes_sandbox_clear(&got);
	/* named twice, it is in once */
	p[1] = p[2] = p[0];
	CHECK_EQ(medes_sandbox_attach(&nl, s.id, p, 3), 0);
	REQUIRE(!medes_sandbox_get(&nl, s.id, &got), "%s", nl.error);
	CHECK_EQ(got.n_processes, 2);
	medes_sandbox_clear(&got);
	victim_end(&v);
	victim_end(&w);
}

static void taken(void)
{
	struct medes_process p;
	struct victim v, w;
	struct sandbox s, t;

	victim_new(&v);
	victim_new(&w);
	sandbox_new(&s, &v);
	p = process_of(&w);
	REFUSED(try_new(s.name, &p, 1), -EEXIST);
	REFUSED(try_sandbox_new(&t, &v, DOMAIN), -EBUSY);
	sandbox_new(&t, &w);
	p = process_of(&v);
	REFUSED(medes_sandbox_attach(&nl, t.id, &p, 1), -EBUSY);
	CHECK_EQ(sandboxes(), 2);
	sandbox_del(&s);
	REFUSED(medes_sandbox_del(&nl, s.id), -ENOENT);
	REFUSED(medes_sandbox_attach(&nl, s.id, &p, 1), -ENOENT);
	CHECK_EQ(medes_sandbox_attach(&nl, t.id, &p, 1), 0);
	victim_end(&v);
	victim_end(&w);
}

static void too_many(void)
{
	struct medes_process p[MEDES_PROCESSES_MAX + 1];
	struct medes_target targets[MEDES_TARGETS_MAX + 1];
	struct victim v;
	struct sandbox s;
	uint32_t op;
	size_t i;

	victim_new(&v);
	for (i = 0; i <= MEDES_PROCESSES_MAX; i++)
		p[i] = process_of(&v);
	REFUSED(try_new("a", p, MEDES_PROCESSES_MAX + 1), -E2BIG);
	CHECK_EQ(sandboxes(), 0);
	sandbox_new(&s, &v);
	for (i = 0; i <= MEDES_TARGETS_MAX; i++)
		targets[i] = (struct medes_target){ .address = (i + 16) * PAGE };
	REFUSED(medes_dedup(&nl, s.id, s.mm, targets, MEDES_TARGETS_MAX + 1, &op), -E2BIG);
	REFUSED(medes_dedup(&nl, s.id, s.mm, targets, 0, &op), -EINVAL);
	victim_end(&v);
}

static void targets(void)
{
	struct medes_target t;
	struct medes_op op;
	struct sandbox s;
	struct victim v;
	struct area a;
	struct base b;
	uint32_t id;

	base_new(&b);
	victim_new(&v);
	victim_area(&v, &a, PAGES, MIX_STORED, 140);
	sandbox_new(&s, &v);
	t = area_target(&a, 1, &b);
	t.address += 8;
	REFUSED(try_dedup(&s, &t, 1, &op), -EINVAL);
	t.address = 0xffff888000000000;
	REFUSED(try_dedup(&s, &t, 1, &op), -EINVAL);
	t = area_target(&a, 1, &b);
	t.index = 100000;
	REFUSED(try_dedup(&s, &t, 1, &op), -ERANGE);
	t.base += 12345;
	REFUSED(try_dedup(&s, &t, 1, &op), -ENOENT);
	t = area_target(&a, 1, &b);
	REFUSED(medes_dedup(&nl, s.id, s.mm + 1, &t, 1, &id), -ESRCH);
	REFUSED(medes_dedup(&nl, s.id + 1000, s.mm, &t, 1, &id), -ENOENT);
	REFUSED(medes_demarcate(&nl, s.id, s.mm, b.id, &t, 1, &id), -EINVAL);
	t.base = t.index = 0;
	REFUSED(medes_demarcate(&nl, s.id, s.mm, b.id + 12345, &t, 1, &id), -ENOENT);
	REFUSED(medes_demarcate(&nl, s.id, s.mm, 0, &t, 1, &id), -EINVAL);
	CHECK_EQ(live(), 0);
	/* nothing is mapped there: left alone, no mistake */
	t.address = PAGE;
	CHECK_EQ(try_dedup(&s, &t, 1, &op), 0);
	CHECK_EQ(op.stored, 0);
	CHECK_EQ(op.done, 1);
	CHECK_EQ(op.error, 0);
	CHECK_EQ(victim_wrong(&v, &a), 0);
	victim_end(&v);
}

static void unknown_ids(void)
{
	struct medes_sandbox got;
	struct medes_base base;
	struct medes_op op;
	uint32_t id;

	REFUSED(medes_sandbox_get(&nl, 999999, &got), -ENOENT);
	REFUSED(medes_restore(&nl, 999999, &id), -ENOENT);
	REFUSED(medes_op_get(&nl, 999999, &op), -ENOENT);
	REFUSED(medes_op_cancel(&nl, 999999), -ENOENT);
	REFUSED(medes_base_del(&nl, 999999), -ENOENT);
	REFUSED(medes_nl_request(&nl, medes_scan_message(&nl, 999999), NULL, NULL), -ENOENT);
	REFUSED(medes_nl_request(&nl, medes_base_page_message(&nl, 999999, 0), NULL, NULL),
		-ENOENT);
	REQUIRE(!medes_base_new(&nl, "twice", DOMAIN, NULL, &base), "%s", nl.error);
	REFUSED(medes_base_new(&nl, "twice", DOMAIN, NULL, &base), -EEXIST);
}

static void ended_operation(void)
{
	struct medes_op op;
	struct sandbox s;
	struct victim v;
	uint32_t id;

	victim_new(&v);
	sandbox_new(&s, &v);
	REQUIRE(!medes_restore(&nl, s.id, &id), "%s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.kind, MEDES_OP_KIND_RESTORE);
	CHECK_EQ(op.sandbox, s.id);
	REFUSED(medes_op_cancel(&nl, id), -EALREADY);
	REQUIRE(!medes_restore(&nl, 0, &id), "%s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	CHECK_EQ(op.kind, MEDES_OP_KIND_RESTORE_ALL);
	CHECK_EQ(op.sandbox, 0);
	victim_end(&v);
}

/* Who queues faster than the kernel works is told so, and can go on later. */
static void full_queue(void)
{
	uint32_t ops[400];
	size_t n = 0, i;
	struct medes_op op;
	struct sandbox s;
	struct victim v;
	struct area a;
	int err = 0;

	victim_new(&v);
	victim_area(&v, &a, MEDES_TARGETS_MAX, "c", 141);
	sandbox_new(&s, &v);
	while (n < ARRAY_SIZE(ops) - 1) {
		/* stored and brought back: both take their time */
		if (!dedup_start(&s, &a, NULL, &ops[n], 1))
			break;
		n++;
		err = medes_restore(&nl, s.id, &ops[n]);
		if (err)
			break;
		n++;
	}
	CHECK(n >= 64 && n < ARRAY_SIZE(ops) - 1, "%zu operations fit", n);
	err = medes_restore(&nl, s.id, &ops[n]);
	if (err)
		REFUSED(err, -ENOBUFS);
	else
		n++;
	for (i = 0; i < n; i++)
		CHECK(op_wait(ops[i], &op) && !op.error, "operation %u: error %d", ops[i], op.error);
	CHECK_EQ(victim_wrong(&v, &a), 0);
	CHECK_EQ(dedup(&s, &a, NULL), MEDES_TARGETS_MAX);
	victim_end(&v);
}

const struct test netlink_tests[] = {
	{ "netlink: who may be in a sandbox", identity },
	{ "netlink: a thread's id is no process's", thread_id },
	{ "netlink: pids are those of the caller's namespace", pid_namespace },
	{ "netlink: all processes come in or none", all_or_none },
	{ "netlink: names and processes that are taken", taken },
	{ "netlink: more than a message may name", too_many },
	{ "netlink: targets that can't be", targets },
	{ "netlink: ids of nothing", unknown_ids },
	{ "netlink: operations that have ended", ended_operation },
	{ "netlink: a full queue", full_queue },
	{ NULL, NULL },
};
