// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Faults that do not happen by themselves: records that do not decode, and
 * allocations that fail. Both need the debug kernel's fault injection.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include "harness.h"
#include "parse.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 128
#define DECODE "/sys/kernel/debug/medes/fail_decode"
#define SLAB "/sys/kernel/debug/failslab"
#define PAGE_ALLOC "/sys/kernel/debug/fail_page_alloc"

static void set(const char *dir, const char *file, long value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	sys_set(path, "%ld", value);
}

static void fail(const char *dir, long percent, long times)
{
	set(dir, "verbose", 0);
	set(dir, "times", times);
	set(dir, "probability", percent);
}

static void need(const char *dir)
{
	if (access(dir, F_OK))
		SKIP("%s is not there: this kernel has no fault injection", dir);
	fail(dir, 0, 0);
}

/* How a touch ended: the signal's number, with the address that it names. */
static sigjmp_buf out;
static void *volatile named;

static void on_bus(int number, siginfo_t *info, void *context)
{
	(void)context;
	named = info->si_addr;
	siglongjmp(out, number);
}

static long do_touch_first(const void *arg)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	const struct area *a = arg;
	volatile char byte;
	int signal;

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	signal = sigsetjmp(out, 1);
	if (signal) {
		CHECK(named == (void *)a->at, "the signal names %p, not %p", named, (void *)a->at);
		return signal;
	}
	byte = *a->at;
	(void)byte;
	return 0;
}

/* A system call that reads the page gets no signal. */
static long do_write_first(const void *arg)
{
	const struct area *a = arg;
	int fds[2];

	if (pipe(fds))
		return -1;
	return write(fds[1], a->at, 64) < 0 ? -errno : 0;
}

static int on_loss(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	if (cmd == MEDES_CMD_LOSS_NTF)
		CHECK_EQ(medes_parse_loss(nlh, arg), 0);
	return 0;
}

static long do_rest_wrong(const void *arg)
{
	const struct area *a = arg;

	return bytes_wrong(a, 1, a->pages - 1, area_page(a, 1));
}

static void check_event(struct medes_nl *events, const struct setting *t)
{
	struct timeval wait = { .tv_usec = 500000 };
	struct medes_loss loss = { 0 };

	setsockopt(medes_nl_fd(events), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	while (!loss.address && medes_nl_receive(events, on_loss, &loss) == 1)
		;
	CHECK_EQ(loss.address, (uintptr_t)t->a.at);
	CHECK_EQ(loss.sandbox, t->s.id);
	CHECK_EQ(loss.reason, MEDES_LOSS_REASON_CHECKSUM);
	CHECK_EQ(loss.encoding, MEDES_ENCODING_ZERO);
}

static void touch(void)
{
	static struct medes_nl events;
	uint64_t losses = STAT(LOSSES);
	struct setting t;

	need(DECODE);
	setting_stored(&t, PAGES, MIX_STORED);
	REQUIRE(!medes_nl_open(&events) && !medes_nl_subscribe(&events), "%s", events.error);
	fail(DECODE, 100, -1);
	CHECK_EQ(CALL(&t.v, do_touch_first, t.a), SIGBUS);
	CHECK_EQ(CALL(&t.v, do_write_first, t.a), -EFAULT);
	fail(DECODE, 0, 0);
	CHECK_GE(STAT(LOSSES) - losses, 1);
	CHECK_GE(STAT(PAGES_LOST), 1);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_LOST);
	check_event(&events, &t);
	/* the others are as they were */
	CHECK_EQ(CALL(&t.v, do_rest_wrong, t.a), 0);
	CHECK_GE(live(), STAT(PAGES_LOST));
	victim_end(&t.v);
	CHECK_SOON_EQ(STAT(PAGES_LOST), 0);
	CHECK_SOON_EQ(live(), 0);
	base_del(&t.b);
}

static void bulk(void)
{
	struct setting t;
	struct medes_op op;
	uint32_t id;

	need(DECODE);
	setting_stored(&t, PAGES, MIX_STORED);
	fail(DECODE, 100, 3);
	REQUIRE(!medes_restore(&nl, t.s.id, &id), "%s", nl.error);
	REQUIRE(op_wait(id, &op), "operation %u is forgotten", id);
	fail(DECODE, 0, 0);
	CHECK_EQ(op.state, MEDES_OP_STATE_DONE);
	CHECK_EQ(op.lost, 3);
	CHECK_EQ(op.stored, PAGES - 3);
	CHECK_EQ(STAT(PAGES_LOST), 3);
	CHECK_EQ(live(), 3);
	/* the module can't go before their owner does */
	CHECK(syscall(SYS_delete_module, "medes", O_NONBLOCK), "unloaded with pages lost");
	victim_kill(&t.v);
	CHECK_SOON_EQ(live(), 0);
	base_del(&t.b);
}

/* Who shares the page by fork loses it as well, and nothing else. */
static void shared(void)
{
	struct victim child;
	struct setting t;

	need(DECODE);
	setting_stored(&t, PAGES, MIX_STORED);
	victim_fork(&t.v, &child);
	fail(DECODE, 100, -1);
	CHECK_EQ(CALL(&child, do_touch_first, t.a), SIGBUS);
	fail(DECODE, 0, 0);
	CHECK_EQ(CALL(&child, do_rest_wrong, t.a), 0);
	CHECK_EQ(CALL(&t.v, do_rest_wrong, t.a), 0);
	victim_end(&child);
	setting_end(&t);
}

/* Allocations fail here and there; pages stay or come back, and bytes are right. */
static void allocations(const char *dir)
{
	int rounds = 0, refused = 0;
	struct setting t;
	uint32_t id;
	double end;

	need(dir);
	setting_stored(&t, PAGES, MIX_STORED);
	CHECK_EQ(restore(&t.s), PAGES);
	end = sys_seconds() + 6;
	while (sys_seconds() < end && !failures()) {
		fail(dir, 20, 60);
		refused += !dedup_start(&t.s, &t.a, &t.b, &id, 1);
		refused += medes_restore(&nl, t.s.id, &id) != 0;
		refused += !dedup_start(&t.s, &t.a, &t.b, &id, 1);
		usleep(20000);
		fail(dir, 0, 0);
		world_open();
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
		rounds++;
	}
	note("%d rounds, %d requests refused", rounds, refused);
	/* all is well again */
	dedup(&t.s, &t.a, &t.b);
	CHECK_EQ(away(&t.v, &t.a), PAGES);
	setting_check_end(&t);
}

static void slab(void)
{
	allocations(SLAB);
}

static void page_allocator(void)
{
	allocations(PAGE_ALLOC);
}

const struct test fault_tests[] = {
	{ "injected: a page is lost by touch", touch },
	{ "injected: pages are lost by a bulk restore", bulk },
	{ "injected: a lost page that is shared", shared },
	{ "injected: the slab allocator fails", slab },
	{ "injected: the page allocator fails", page_allocator },
	{ NULL, NULL },
};
