// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes and sandboxes that end in the middle of what is done to them.
 */
#include <signal.h>
#include "harness.h"
#include "parse.h"
#include "setting.h"
#include "sys.h"
#include "tests.h"

#define PAGES 2048
#define OPS (PAGES / MEDES_TARGETS_MAX)
#define ROUNDS 8

/* Fewer where each takes long. */
static int rounds(void)
{
	return slow() > 1 ? ROUNDS / 2 : ROUNDS;
}

/* From "at once" to "nearly done", whatever the machine's speed. */
static void pause_for(int round, double whole)
{
	usleep(whole * 1e6 * round / rounds());
}

static void ops_wait(const uint32_t *ops, size_t n)
{
	struct medes_op op;
	size_t i;

	for (i = 0; i < n; i++)
		op_wait(ops[i], &op);
}

/* All of them end, in a state that says how, and leave nothing. */
static void ops_end(const uint32_t *ops, size_t n)
{
	struct medes_op op;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!op_wait(ops[i], &op))
			continue;
		CHECK(op.state == MEDES_OP_STATE_DONE ? !op.error : op.error < 0 ||
		      op.state == MEDES_OP_STATE_CANCELLED,
		      "operation %u: state %u with error %d", ops[i], op.state, op.error);
		CHECK_LE(op.stored, op.total ?: op.stored);
	}
	CHECK_SOON_EQ(live(), 0);
}

/* How long a dedup of all of it takes when nothing disturbs it. */
static double measure(const struct base *b)
{
	double start;
	struct setting t;

	setting_bare(&t, PAGES, MIX_STORED, 60);
	start = sys_seconds();
	dedup(&t.s, &t.a, b);
	start = sys_seconds() - start;
	victim_kill(&t.v);
	return start;
}

static void during_dedup(void)
{
	uint32_t ops[OPS];
	struct setting t;
	struct base b;
	double whole;
	int round;
	size_t n;

	base_new(&b);
	whole = measure(&b);
	for (round = 0; round < rounds(); round++) {
		setting_bare(&t, PAGES, MIX_STORED, 61 + round);
		n = dedup_start(&t.s, &t.a, &b, ops, OPS);
		CHECK_EQ(n, OPS);
		pause_for(round, whole);
		victim_kill(&t.v);
		ops_end(ops, n);
		CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
	}
	base_del(&b);
}

static void during_restore(void)
{
	struct setting t;
	struct base b;
	double whole;
	uint32_t op;
	int round;

	base_new(&b);
	whole = measure(&b) / 3;
	for (round = 0; round < rounds(); round++) {
		setting_bare(&t, PAGES, MIX_STORED, 71 + round);
		CHECK_EQ(dedup(&t.s, &t.a, &b), PAGES);
		REQUIRE(!medes_restore(&nl, round & 1 ? t.s.id : 0, &op), "%s", nl.error);
		pause_for(round, whole);
		victim_kill(&t.v);
		ops_end(&op, 1);
	}
	base_del(&b);
}

struct scanning {
	struct setting *t;
	size_t entries;
};

static int kill_on_entry(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct scanning *s = arg;

	(void)cmd, (void)nlh;
	if (++s->entries == 100)
		kill(s->t->v.pid, SIGKILL);
	return 0;
}

/* A scan is a dump: it goes on buffer by buffer while the process ends. */
static void during_scan(void)
{
	struct scanning s;
	struct setting t;
	int err;

	setting_bare(&t, PAGES, MIX_STORED, 80);
	s = (struct scanning){ .t = &t };
	err = medes_nl_request(&nl, medes_scan_message(&nl, t.s.id), kill_on_entry, &s);
	CHECK(!err || err == -ESRCH || err == -EINTR, "the scan ends with %s", nl.error);
	CHECK_GE(s.entries, 100);
	note("%zu entries", s.entries);
	victim_kill(&t.v);
	CHECK_SOON_EQ(sandbox_state(&t.s), MEDES_SANDBOX_STATE_DEAD);
}

static int count_entry(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd, (void)nlh;
	++*(size_t *)arg;
	return 0;
}

/* The reader goes away in the middle of a scan; later ones work. */
static void abandoned_scan(void)
{
	struct setting t;
	struct nl_msg *msg;
	size_t seen;
	int i;

	setting_bare(&t, PAGES, MIX_STORED, 81);
	for (i = 0; i < 4; i++) {
		seen = 0;
		msg = medes_scan_message(&nl, t.s.id);
		CHECK(!medes_nl_send(&nl, msg), "%s", nl.error);
		CHECK_EQ(medes_nl_receive(&nl, count_entry, &seen), 1);
		nlmsg_free(msg);
		world_open();
	}
	CHECK_GE(scan(&t.s, &t.a, NULL, 0), PAGES);
	victim_end(&t.v);
}

static void forgotten_during_dedup(void)
{
	uint32_t ops[OPS];
	struct setting t;
	struct base b;
	double whole;
	int round;
	size_t n;

	base_new(&b);
	whole = measure(&b);
	for (round = 0; round < rounds(); round++) {
		setting_bare(&t, PAGES, MIX_STORED, 90 + round);
		n = dedup_start(&t.s, &t.a, &b, ops, OPS);
		pause_for(round, whole);
		sandbox_del(&t.s);
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
		/* the batch at hand may store pages that were touched just now */
		ops_wait(ops, n);
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
		ops_end(ops, n);
		victim_end(&t.v);
	}
	base_del(&b);
}

static void cancel(void)
{
	size_t n, i, cancelled = 0;
	uint32_t ops[OPS];
	struct medes_op op;
	struct setting t;
	struct base b;
	double whole;
	int round, err;

	base_new(&b);
	whole = measure(&b);
	setting_bare(&t, PAGES, MIX_STORED, 100);
	for (round = 0; round < rounds(); round++) {
		n = dedup_start(&t.s, &t.a, &b, ops, OPS);
		pause_for(round, whole);
		for (i = n; i--;) {
			err = medes_op_cancel(&nl, ops[i]);
			CHECK(!err || err == -EALREADY || err == -ENOENT, "%s", nl.error);
		}
		for (i = 0; i < n; i++) {
			if (!op_wait(ops[i], &op))
				continue;
			cancelled += op.state == MEDES_OP_STATE_CANCELLED;
			CHECK(op.state == MEDES_OP_STATE_CANCELLED || op.state == MEDES_OP_STATE_DONE,
			      "operation %u: state %u", ops[i], op.state);
		}
		CHECK_EQ(victim_wrong(&t.v, &t.a), 0);
	}
	CHECK(cancelled > 0, "no operation was cancelled");
	note("%zu of %d operations cancelled", cancelled, rounds() * OPS);
	victim_end(&t.v);
	base_del(&b);
}

/* Killed while it faults its pages back. */
static void during_faults(void)
{
	struct setting t;
	struct base b;
	double whole;
	int round;

	base_new(&b);
	whole = measure(&b);
	for (round = 0; round < rounds(); round++) {
		setting_bare(&t, PAGES, MIX_STORED, 110 + round);
		CHECK_EQ(dedup(&t.s, &t.a, &b), PAGES);
		victim_start(&t.v, do_wrong, &t.a, sizeof(t.a));
		pause_for(round, whole);
		victim_kill(&t.v);
		CHECK_SOON_EQ(live(), 0);
	}
	base_del(&b);
}

const struct test exit_tests[] = {
	{ "exit: killed during dedup", during_dedup },
	{ "exit: killed during restore", during_restore },
	{ "exit: killed during a scan", during_scan },
	{ "exit: a scan that nobody reads to its end", abandoned_scan },
	{ "exit: sandbox forgotten during dedup", forgotten_during_dedup },
	{ "exit: operations cancelled", cancel },
	{ "exit: killed while it faults", during_faults },
	{ NULL, NULL },
};
