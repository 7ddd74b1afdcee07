// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Netlink messages of the module: whole ones, newer ones, and broken ones, which
 * must be refused without a read out of bounds (ASan watches).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <cmocka.h>
#include "pages.h"
#include "parse.h"

static struct nl_msg *message(void)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, 30, 0, 0, 1, 1));
	return msg;
}

static struct nl_msg *sandbox_message(unsigned int processes)
{
	struct nl_msg *msg = message();
	struct nlattr *nest;
	unsigned int i;

	nla_put_u32(msg, MEDES_A_SANDBOX_ID, 9);
	nla_put_string(msg, MEDES_A_SANDBOX_NAME, "name");
	nla_put_string(msg, MEDES_A_SANDBOX_DOMAIN, "domain");
	nla_put_string(msg, MEDES_A_SANDBOX_FUNCTION, "function");
	nla_put_u32(msg, MEDES_A_SANDBOX_STATE, MEDES_SANDBOX_STATE_LOST);
	for (i = 0; i < processes; i++) {
		nest = nla_nest_start(msg, NLA_F_NESTED | MEDES_A_SANDBOX_PROCESS);
		nla_put_u32(msg, MEDES_A_PROCESS_PID, 100 + i);
		nla_put_u64(msg, MEDES_A_PROCESS_START_TIME, 7);
		nla_put_u32(msg, MEDES_A_PROCESS_MM, i / 2);
		nla_nest_end(msg, nest);
	}
	nest = nla_nest_start(msg, NLA_F_NESTED | MEDES_A_SANDBOX_STATS);
	nla_put_u64(msg, MEDES_A_STATS_FAULTS, 123);
	nla_put_u64(msg, MEDES_A_STATS_MAX + 5, 1);	/* of a newer module */
	nla_put_u32(msg, MEDES_A_STATS_STORED, 1);	/* not a counter's type */
	nla_nest_end(msg, nest);
	nla_put_u32(msg, MEDES_A_SANDBOX_MAX + 3, 1);
	return msg;
}

static void whole_sandbox(void **state)
{
	struct nl_msg *msg = sandbox_message(200);
	struct medes_sandbox s;

	(void)state;
	assert_int_equal(medes_parse_sandbox(nlmsg_hdr(msg), &s), 0);
	assert_int_equal(s.id, 9);
	assert_string_equal(s.name, "name");
	assert_string_equal(s.domain, "domain");
	assert_string_equal(s.function, "function");
	assert_int_equal(s.state, MEDES_SANDBOX_STATE_LOST);
	assert_int_equal(s.n_processes, 200);
	assert_int_equal(s.processes[199].pid, 299);
	assert_int_equal(s.processes[199].mm, 99);
	assert_int_equal(s.stats.v[MEDES_A_STATS_FAULTS], 123);
	assert_int_equal(s.stats.v[MEDES_A_STATS_STORED], 0);
	medes_sandbox_clear(&s);
	nlmsg_free(msg);
}

static void sandbox_without_processes(void **state)
{
	struct nl_msg *msg = sandbox_message(0);
	struct medes_sandbox s;

	(void)state;
	assert_int_equal(medes_parse_sandbox(nlmsg_hdr(msg), &s), 0);
	assert_int_equal(s.n_processes, 0);
	medes_sandbox_clear(&s);
	nlmsg_free(msg);
}

static void without_an_id(void **state)
{
	struct nl_msg *msg = message();
	struct medes_base_page base_page;
	struct medes_features features;
	struct medes_sandbox sandbox;
	struct medes_base base;
	struct medes_page page;
	struct medes_op op;

	(void)state;
	assert_int_equal(medes_parse_sandbox(nlmsg_hdr(msg), &sandbox), -EPROTO);
	assert_int_equal(medes_parse_base(nlmsg_hdr(msg), &base), -EPROTO);
	assert_int_equal(medes_parse_base_page(nlmsg_hdr(msg), &base_page), -EPROTO);
	assert_int_equal(medes_parse_page(nlmsg_hdr(msg), &page), -EPROTO);
	assert_int_equal(medes_parse_op(nlmsg_hdr(msg), &op), -EPROTO);
	assert_int_equal(medes_parse_features(nlmsg_hdr(msg), &features), -EPROTO);
	nlmsg_free(msg);
}

static void page_of_a_scan(void **state)
{
	uint64_t sketch[MEDES_SKETCH] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct nl_msg *msg = message();
	struct medes_page page;

	(void)state;
	nla_put_u32(msg, MEDES_A_PAGE_MM, 3);
	nla_put_u64(msg, MEDES_A_PAGE_ADDRESS, 0x7ffff7fff000);
	nla_put_u64(msg, MEDES_A_PAGE_HASH, UINT64_MAX);
	nla_put(msg, MEDES_A_PAGE_SKETCH, sizeof(sketch), sketch);
	assert_int_equal(medes_parse_page(nlmsg_hdr(msg), &page), 0);
	assert_int_equal(page.mm, 3);
	assert_true(page.address == 0x7ffff7fff000);
	assert_true(page.hash == UINT64_MAX);
	assert_memory_equal(page.sketch, sketch, sizeof(sketch));
	assert_false(page.huge);
	nla_put_flag(msg, MEDES_A_PAGE_HUGE);
	assert_int_equal(medes_parse_page(nlmsg_hdr(msg), &page), 0);
	assert_true(page.huge);
	nlmsg_free(msg);
}

static void wrong_lengths(void **state)
{
	struct nl_msg *msg = message();
	struct medes_page page;
	char longer[100] = { 0 };

	(void)state;
	nla_put_u64(msg, MEDES_A_PAGE_ADDRESS, 1);
	nla_put(msg, MEDES_A_PAGE_SKETCH, 63, longer);
	assert_int_equal(medes_parse_page(nlmsg_hdr(msg), &page), -EPROTO);
	nlmsg_free(msg);
	msg = message();
	nla_put_u64(msg, MEDES_A_PAGE_ADDRESS, 1);
	nla_put(msg, MEDES_A_PAGE_SKETCH, 65, longer);
	assert_int_equal(medes_parse_page(nlmsg_hdr(msg), &page), -EPROTO);
	nlmsg_free(msg);
	msg = message();
	nla_put_u32(msg, MEDES_A_PAGE_ADDRESS, 1);
	assert_int_equal(medes_parse_page(nlmsg_hdr(msg), &page), -EPROTO);
	nlmsg_free(msg);
}

static void operation(void **state)
{
	struct nl_msg *msg = message();
	struct medes_op op;

	(void)state;
	nla_put_u32(msg, MEDES_A_OP_ID, 4);
	nla_put_u32(msg, MEDES_A_OP_STATE, MEDES_OP_STATE_FAILED);
	nla_put_s32(msg, MEDES_A_OP_ERROR, -ENOSPC);
	assert_int_equal(medes_parse_op(nlmsg_hdr(msg), &op), 0);
	assert_int_equal(op.error, -ENOSPC);
	assert_true(medes_op_ended(&op));
	assert_int_equal(op.stored, 0);
	nlmsg_free(msg);
}

static void parse_all(struct nlmsghdr *nlh)
{
	struct medes_base_page base_page;
	struct medes_features features;
	struct medes_sandbox sandbox;
	struct medes_base base;
	struct medes_page page;
	struct medes_record record;
	struct medes_loss loss;
	struct medes_op op;

	if (!medes_parse_sandbox(nlh, &sandbox)) {
		assert_true(strnlen(sandbox.name, sizeof(sandbox.name)) < sizeof(sandbox.name));
		medes_sandbox_clear(&sandbox);
	}
	medes_parse_base(nlh, &base);
	medes_parse_base_page(nlh, &base_page);
	medes_parse_features(nlh, &features);
	medes_parse_page(nlh, &page);
	medes_parse_loss(nlh, &loss);
	medes_parse_record(nlh, &record);
	medes_parse_op(nlh, &op);
}

/* Flipped bytes, cut short, in a buffer of exactly the message's size. */
static void damaged_messages(void **state)
{
	struct nl_msg *msg = sandbox_message(5);
	size_t len = nlmsg_hdr(msg)->nlmsg_len, cut, i, k;
	uint64_t seed = 11;
	char *copy;

	(void)state;
	for (i = 0; i < 20000; i++) {
		cut = NLMSG_HDRLEN + GENL_HDRLEN + next_random(&seed) %
		      (len - NLMSG_HDRLEN - GENL_HDRLEN + 1);
		copy = malloc(cut);
		assert_non_null(copy);
		memcpy(copy, nlmsg_hdr(msg), cut);
		((struct nlmsghdr *)copy)->nlmsg_len = cut;
		for (k = next_random(&seed) % 4; k; k--)
			if (cut > NLMSG_HDRLEN)
				copy[NLMSG_HDRLEN + next_random(&seed) % (cut - NLMSG_HDRLEN)] =
					next_random(&seed);
		parse_all((struct nlmsghdr *)copy);
		free(copy);
	}
	nlmsg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_sandbox),
		cmocka_unit_test(sandbox_without_processes),
		cmocka_unit_test(without_an_id),
		cmocka_unit_test(page_of_a_scan),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(operation),
		cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
