// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events tell what lists tell, without asking.
 */
#include <poll.h>
#include "harness.h"
#include "parse.h"
#include "sys.h"
#include "tests.h"
#include "world.h"

#define PAGES 512

struct heard {
	uint32_t sandbox;
	uint32_t op;
	unsigned int states[MEDES_SANDBOX_STATE_DEAD + 1];
	struct medes_op last;
	unsigned int ops;
	uint64_t done;
};

static struct medes_nl events;

static int on_event(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct medes_sandbox sandbox;
	struct heard *h = arg;
	struct medes_op op;

	if (cmd == MEDES_CMD_OP_NTF) {
		CHECK_EQ(medes_parse_op(nlh, &op), 0);
		if (op.id != h->op)
			return 0;
		CHECK_GE(op.done, h->done);
		CHECK(!medes_op_ended(&h->last), "an event after the end");
		h->done = op.done;
		h->last = op;
		h->ops++;
	}
	if (cmd == MEDES_CMD_SANDBOX_NTF) {
		CHECK_EQ(medes_parse_sandbox(nlh, &sandbox), 0);
		if (sandbox.id == h->sandbox && sandbox.state <= MEDES_SANDBOX_STATE_DEAD)
			h->states[sandbox.state]++;
		medes_sandbox_clear(&sandbox);
	}
	return 0;
}

/* All that has come and comes within a moment. */
static void hear(struct heard *h)
{
	struct pollfd fd = { .fd = medes_nl_fd(&events), .events = POLLIN };

	while (poll(&fd, 1, 300 * slow()) > 0)
		REQUIRE(medes_nl_receive(&events, on_event, h) == 1, "%s", events.error);
}

static void subscribe(void)
{
	REQUIRE(!medes_nl_open(&events) && !medes_nl_subscribe(&events), "%s", events.error);
}

static void life_of_a_sandbox(void)
{
	struct heard h = { 0 };
	struct sandbox s;
	struct victim v;
	struct area a;
	uint32_t op;

	subscribe();
	victim_new(&v);
	victim_area(&v, &a, PAGES, "c", 150);
	sandbox_new(&s, &v);
	h.sandbox = s.id;
	REQUIRE_EQ(dedup_start(&s, &a, NULL, &op, 1), 1);
	h.op = op;
	REQUIRE(op_wait(op, &h.last), "operation %u is forgotten", op);
	memset(&h.last, 0, sizeof(h.last));
	hear(&h);
	CHECK_GE(h.ops, 1);
	CHECK_EQ(h.last.state, MEDES_OP_STATE_DONE);
	CHECK_EQ(h.last.kind, MEDES_OP_KIND_DEDUP);
	CHECK_EQ(h.last.stored, PAGES);
	CHECK_EQ(h.last.sandbox, s.id);
	CHECK_GE(h.states[MEDES_SANDBOX_STATE_DEDUP], 1);
	note("%u events of the operation", h.ops);

	memset(&h.last, 0, sizeof(h.last));
	h.done = h.ops = 0;
	REQUIRE(!medes_restore(&nl, s.id, &h.op), "%s", nl.error);
	REQUIRE(op_wait(h.op, &h.last), "operation %u is forgotten", h.op);
	memset(&h.last, 0, sizeof(h.last));
	hear(&h);
	CHECK_EQ(h.last.state, MEDES_OP_STATE_DONE);
	CHECK_EQ(h.last.kind, MEDES_OP_KIND_RESTORE);
	CHECK_EQ(h.last.stored, PAGES);
	CHECK_GE(h.states[MEDES_SANDBOX_STATE_WARM], 1);
	CHECK_EQ(h.states[MEDES_SANDBOX_STATE_DEAD], 0);
	victim_end(&v);
	hear(&h);
	CHECK_EQ(h.states[MEDES_SANDBOX_STATE_DEAD], 1);
}

/* Touch alone, no operation: the sandbox is warm again, and that is told. */
static void back_by_touch(void)
{
	struct heard h = { 0 };
	struct sandbox s;
	struct victim v;
	struct area a;

	victim_new(&v);
	victim_area(&v, &a, PAGES, "c", 151);
	sandbox_new(&s, &v);
	CHECK_EQ(dedup(&s, &a, NULL), PAGES);
	subscribe();
	h.sandbox = s.id;
	CHECK_EQ(victim_wrong(&v, &a), 0);
	hear(&h);
	CHECK_EQ(h.states[MEDES_SANDBOX_STATE_WARM], 1);
	CHECK_EQ(h.ops, 0);
	victim_end(&v);
}

/* Nobody reads: events are dropped, and the work goes on. */
static void deaf_listener(void)
{
	struct sandbox s;
	struct victim v;
	struct area a;
	int i;

	subscribe();
	victim_new(&v);
	victim_area(&v, &a, 16, "c", 152);
	sandbox_new(&s, &v);
	for (i = 0; i < 200; i++) {
		CHECK_EQ(dedup(&s, &a, NULL), 16);
		CHECK_EQ(restore(&s), 16);
	}
	CHECK_EQ(victim_wrong(&v, &a), 0);
	victim_end(&v);
}

const struct test event_tests[] = {
	{ "events: the life of a sandbox", life_of_a_sandbox },
	{ "events: pages that come back by touch", back_by_touch },
	{ "events: a listener that does not read", deaf_listener },
	{ NULL, NULL },
};
