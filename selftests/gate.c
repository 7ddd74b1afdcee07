// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may talk to the module: only holders of CAP_NET_ADMIN, CAP_SYS_ADMIN and
 * CAP_SYS_PTRACE in the initial user namespace, from the initial network
 * namespace, on a socket that such a one opened.
 */
#include <sched.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "ask.h"
#include "harness.h"
#include "tests.h"
#include "world.h"

static const struct {
	cap_value_t cap;
	const char *name;
} needed[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
};

static const struct {
	uint8_t cmd;
	int flags;
} operations[] = {
	{ MEDES_CMD_FEATURES_GET, 0 }, { MEDES_CMD_SANDBOX_NEW, 0 },
	{ MEDES_CMD_SANDBOX_ATTACH, 0 }, { MEDES_CMD_SANDBOX_DEL, 0 },
	{ MEDES_CMD_SANDBOX_GET, 0 }, { MEDES_CMD_SANDBOX_GET, NLM_F_DUMP },
	{ MEDES_CMD_SCAN_GET, NLM_F_DUMP }, { MEDES_CMD_BASE_NEW, 0 },
	{ MEDES_CMD_BASE_DEL, 0 }, { MEDES_CMD_BASE_GET, 0 },
	{ MEDES_CMD_BASE_GET, NLM_F_DUMP }, { MEDES_CMD_BASE_PAGE_GET, NLM_F_DUMP },
	{ MEDES_CMD_DEDUP, 0 }, { MEDES_CMD_DEMARCATE, 0 }, { MEDES_CMD_RESTORE, 0 },
	{ MEDES_CMD_OP_GET, 0 }, { MEDES_CMD_OP_GET, NLM_F_DUMP }, { MEDES_CMD_OP_CANCEL, 0 },
};

/* What a request needs, so that only the missing right can be the reason. */
static struct {
	struct victim v, fresh;
	struct area a;
	struct sandbox s;
	struct medes_base base;
} about;

static void set_up(void)
{
	victim_new(&about.v);
	victim_new(&about.fresh);
	victim_area(&about.v, &about.a, 16, MIX_STORED, 130);
	sandbox_new(&about.s, &about.v);
	REQUIRE(!medes_base_new(&nl, "about", DOMAIN, NULL, &about.base), "%s", nl.error);
}

static void put_request(struct nl_msg *msg, uint8_t cmd)
{
	struct nlattr *nest;

	switch (cmd) {
	case MEDES_CMD_SANDBOX_NEW:
		nla_put_string(msg, MEDES_A_SANDBOX_NAME, "intruder");
		nla_put_string(msg, MEDES_A_SANDBOX_DOMAIN, DOMAIN);
		nest = nla_nest_start(msg, NLA_F_NESTED | MEDES_A_SANDBOX_PROCESS);
		nla_put_u32(msg, MEDES_A_PROCESS_PID, about.fresh.pid);
		nla_put_u64(msg, MEDES_A_PROCESS_START_TIME, about.fresh.start_time);
		nla_nest_end(msg, nest);
		break;
	case MEDES_CMD_BASE_NEW:
		nla_put_string(msg, MEDES_A_BASE_NAME, "intruder");
		nla_put_string(msg, MEDES_A_BASE_DOMAIN, DOMAIN);
		break;
	case MEDES_CMD_BASE_DEL:
	case MEDES_CMD_BASE_GET:
	case MEDES_CMD_BASE_PAGE_GET:
		nla_put_u64(msg, MEDES_A_BASE_ID, about.base.id);
		break;
	case MEDES_CMD_SANDBOX_DEL:
	case MEDES_CMD_SANDBOX_GET:
	case MEDES_CMD_SCAN_GET:
	case MEDES_CMD_OP_GET:
	case MEDES_CMD_OP_CANCEL:
		nla_put_u32(msg, 1, about.s.id);
		break;
	case MEDES_CMD_RESTORE:
		nla_put_u32(msg, MEDES_A_OP_SANDBOX, about.s.id);
		break;
	}
}

/* Every operation is refused by the gate, before anything is looked at. */
static void all_refused(int want, const char *why)
{
	struct answer answer;
	struct nl_msg *msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		msg = ask_message(operations[i].cmd, operations[i].flags);
		/* lists of objects take no attributes */
		if (!operations[i].flags || operations[i].cmd == MEDES_CMD_SCAN_GET ||
		    operations[i].cmd == MEDES_CMD_BASE_PAGE_GET)
			put_request(msg, operations[i].cmd);
		ask(msg, &answer);
		CHECK(answer.err == want && !answer.replies,
		      "%s: operation %u%s: error %d (%s), %zu replies", why, operations[i].cmd,
		      operations[i].flags ? " (dump)" : "", answer.err, answer.text,
		      answer.replies);
	}
}

static void join_refused(const char *why)
{
	int group = genl_ctrl_resolve_grp(nl.sk, MEDES_FAMILY_NAME, MEDES_MCGRP_EVENTS);
	int err = group < 0 ? group :
		  setsockopt(medes_nl_fd(&nl), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			     sizeof(group));

	CHECK(err, "%s: may listen to events", why);
}

/* In a child, since rights do not come back. */
static void in_child(void (*fn)(size_t), size_t arg)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		fn(arg);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
	CHECK(!status, "the child ended with 0x%x", status);
}

static void set_effective(cap_value_t cap, cap_flag_value_t value)
{
	cap_t caps = cap_get_proc();

	REQUIRE(caps && !cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, value) && !cap_set_proc(caps),
		"capset: %s", strerror(errno));
	cap_free(caps);
}

static void without(size_t i)
{
	set_effective(needed[i].cap, CAP_CLEAR);
	world_open();
	all_refused(-EPERM, needed[i].name);
	/* the group is behind CAP_NET_ADMIN and CAP_SYS_ADMIN */
	if (needed[i].cap != CAP_SYS_PTRACE)
		join_refused(needed[i].name);
}

static void each_capability(void)
{
	size_t i;

	set_up();
	for (i = 0; i < ARRAY_SIZE(needed); i++)
		in_child(without, i);
	CHECK_EQ(victim_wrong(&about.v, &about.a), 0);
	CHECK_EQ(live(), 0);
}

/* A socket that a powerful process opened does not make its user powerful. */
static void lent_socket(size_t i)
{
	world_open();
	set_effective(needed[i].cap, CAP_CLEAR);
	all_refused(-EPERM, "on a lent socket");
}

/* Nor does a powerful one act for who opened the socket. */
static void foisted_socket(size_t i)
{
	set_effective(needed[i].cap, CAP_CLEAR);
	world_open();
	set_effective(needed[i].cap, CAP_SET);
	all_refused(-EPERM, "on a foisted socket");
}

static void sockets_of_others(void)
{
	size_t i;

	set_up();
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		in_child(lent_socket, i);
		in_child(foisted_socket, i);
	}
}

static void as_foreign_root(size_t unused)
{
	(void)unused;
	if (unshare(CLONE_NEWUSER)) {
		note("no user namespaces: %s", strerror(errno));
		return;
	}
	world_open();
	all_refused(-EPERM, "root of another user namespace");
	join_refused("root of another user namespace");
}

static void user_namespace(void)
{
	set_up();
	in_child(as_foreign_root, 0);
}

static void elsewhere(size_t with_user)
{
	int family = nl.family;

	if (unshare(CLONE_NEWNET | (with_user ? CLONE_NEWUSER : 0))) {
		note("no network namespaces: %s", strerror(errno));
		return;
	}
	medes_nl_close(&nl);
	CHECK_EQ(medes_nl_open(&nl), -ENODEV);
	/* the family's number is known, but there is no such family here */
	nl.sk = nl_socket_alloc();
	REQUIRE(nl.sk && !genl_connect(nl.sk), "no socket");
	nl.family = family;
	all_refused(-ENOENT, "from another network namespace");
}

static void network_namespace(void)
{
	set_up();
	in_child(elsewhere, 0);
	in_child(elsewhere, 1);
}

const struct test gate_tests[] = {
	{ "gate: without each of the capabilities", each_capability },
	{ "gate: sockets that others opened", sockets_of_others },
	{ "gate: root of another user namespace", user_namespace },
	{ "gate: another network namespace", network_namespace },
	{ NULL, NULL },
};
