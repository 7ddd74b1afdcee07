// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every operation with every attribute spoilt in every way: missing, of another
 * length, out of range, not ended, not nested, with strangers beside and inside.
 * Each is refused, with a reason, and changes nothing; the same request unspoilt
 * is accepted.
 */
#include "ask.h"
#include "harness.h"
#include "tests.h"
#include "world.h"

enum kind { END, U32, U64, STRING, PROCESS, TARGET };

enum spoil {
	NOT, ABSENT, EMPTY, SHORT, LONG, ZERO, STRANGER,
	UNENDED, OVERLONG, NO_WORD,
	NOT_NESTED, NOTHING_IN, STRANGER_IN, SHORT_IN, GARBAGE_IN,
	SPOILS
};

static const char *const spoil_names[SPOILS] = {
	"unspoilt", "absent", "empty", "too short", "too long", "zero", "beside a stranger",
	"without its end", "overlong", "no word",
	"not nested", "with nothing in it", "with a stranger in it", "with a short one in it",
	"with garbage in it",
};

enum value { NONE, SANDBOX, MM, BASE, OP, NAME, LABEL };

struct attribute {
	uint16_t type;
	enum kind kind;
	enum value value;
	bool optional;
	bool zero_is_good;
};

struct request {
	const char *name;
	uint8_t cmd;
	int flags;
	struct attribute attributes[6];
};

/* sandbox-del and base-del come last: they are accepted once. */
static const struct request requests[] = {
	{ "sandbox-new", MEDES_CMD_SANDBOX_NEW, 0, {
		{ MEDES_A_SANDBOX_NAME, STRING, NAME, false, false },
		{ MEDES_A_SANDBOX_DOMAIN, STRING, LABEL, false, false },
		{ MEDES_A_SANDBOX_FUNCTION, STRING, LABEL, true, false },
		{ MEDES_A_SANDBOX_PROCESS, PROCESS, NONE, false, false } } },
	{ "sandbox-attach", MEDES_CMD_SANDBOX_ATTACH, 0, {
		{ MEDES_A_SANDBOX_ID, U32, SANDBOX, false, false },
		{ MEDES_A_SANDBOX_PROCESS, PROCESS, NONE, false, false } } },
	{ "sandbox-get", MEDES_CMD_SANDBOX_GET, 0, {
		{ MEDES_A_SANDBOX_ID, U32, SANDBOX, false, false } } },
	{ "scan-get", MEDES_CMD_SCAN_GET, NLM_F_DUMP, {
		{ MEDES_A_PAGE_SANDBOX, U32, SANDBOX, false, false } } },
	{ "base-new", MEDES_CMD_BASE_NEW, 0, {
		{ MEDES_A_BASE_NAME, STRING, NAME, false, false },
		{ MEDES_A_BASE_DOMAIN, STRING, LABEL, false, false },
		{ MEDES_A_BASE_FUNCTION, STRING, LABEL, true, false } } },
	{ "base-get", MEDES_CMD_BASE_GET, 0, {
		{ MEDES_A_BASE_ID, U64, BASE, false, false } } },
	{ "base-page-get", MEDES_CMD_BASE_PAGE_GET, NLM_F_DUMP, {
		{ MEDES_A_BASE_PAGE_BASE, U64, BASE, false, false },
		{ MEDES_A_BASE_PAGE_INDEX, U32, NONE, true, true } } },
	{ "dedup", MEDES_CMD_DEDUP, 0, {
		{ MEDES_A_OP_SANDBOX, U32, SANDBOX, false, false },
		{ MEDES_A_OP_MM, U32, MM, false, false },
		{ MEDES_A_OP_TARGET, TARGET, NONE, false, false } } },
	{ "demarcate", MEDES_CMD_DEMARCATE, 0, {
		{ MEDES_A_OP_SANDBOX, U32, SANDBOX, false, false },
		{ MEDES_A_OP_MM, U32, MM, false, false },
		{ MEDES_A_OP_BASE, U64, BASE, false, false },
		{ MEDES_A_OP_TARGET, TARGET, NONE, false, false } } },
	{ "op-get", MEDES_CMD_OP_GET, 0, {
		{ MEDES_A_OP_ID, U32, OP, false, false } } },
	{ "op-cancel", MEDES_CMD_OP_CANCEL, 0, {
		{ MEDES_A_OP_ID, U32, OP, false, false } } },
	{ "restore", MEDES_CMD_RESTORE, 0, {
		{ MEDES_A_OP_SANDBOX, U32, SANDBOX, true, false } } },
	{ "base-del", MEDES_CMD_BASE_DEL, 0, {
		{ MEDES_A_BASE_ID, U64, BASE, false, false } } },
	{ "sandbox-del", MEDES_CMD_SANDBOX_DEL, 0, {
		{ MEDES_A_SANDBOX_ID, U32, SANDBOX, false, false } } },
};

/* What requests are about. */
static struct {
	struct victim v, fresh;		/* in a sandbox, in none */
	struct area a;
	struct sandbox s;
	struct medes_base base;
	uint32_t op;
} about;

static bool fits(enum spoil spoil, const struct attribute *a)
{
	bool nested = a->kind == PROCESS || a->kind == TARGET;

	switch (spoil) {
	case ABSENT:
		return !a->optional;
	case EMPTY:
	case SHORT:
		return !nested;
	case LONG:
		return a->kind == U32 || a->kind == U64;
	case ZERO:
		return (a->kind == U32 || a->kind == U64) && !a->zero_is_good;
	case UNENDED:
	case OVERLONG:
	case NO_WORD:
		return a->kind == STRING;
	case STRANGER:
		return true;
	default:
		return nested;
	}
}

static uint64_t number(enum value value)
{
	switch (value) {
	case SANDBOX:
		return about.s.id;
	case MM:
		return about.s.mm;
	case BASE:
		return about.base.id;
	case OP:
		return about.op;
	default:
		return 0;
	}
}

static void put_number(struct nl_msg *msg, const struct attribute *a, enum spoil spoil)
{
	int len = a->kind == U32 ? 4 : 8;
	uint64_t bytes[2] = { spoil == ZERO ? 0 : number(a->value) };

	if (spoil == EMPTY)
		len = 0;
	else if (spoil == SHORT)
		len -= 1;
	else if (spoil == LONG)
		len += 4;
	nla_put(msg, a->type, len, bytes);
}

static void put_string(struct nl_msg *msg, const struct attribute *a, enum spoil spoil)
{
	char text[100] = "label";

	if (a->value == NAME)
		snprintf(text, sizeof(text), "name-%d", getpid());
	if (spoil == NO_WORD)
		strcpy(text, "two words\n");
	else if (spoil == OVERLONG)
		memset(text, 'x', MEDES_NAME_MAX + 1);
	else if (spoil == SHORT)
		text[0] = '\0';
	if (spoil == EMPTY)
		nla_put(msg, a->type, 0, NULL);
	else
		nla_put(msg, a->type, strlen(text) + (spoil != UNENDED), text);
}

static void put_inside(struct nl_msg *msg, enum kind kind, enum spoil spoil)
{
	uint64_t address = (uintptr_t)about.a.at;

	if (spoil == NOTHING_IN)
		return;
	if (spoil == GARBAGE_IN) {
		memset(nlmsg_data(nlmsg_hdr(msg)) + nlmsg_datalen(nlmsg_hdr(msg)), 0xff, 16);
		nlmsg_reserve(msg, 16, NLMSG_ALIGNTO);
		return;
	}
	if (spoil == STRANGER_IN)
		nla_put_u32(msg, 77, 1);
	if (kind == TARGET) {
		nla_put(msg, MEDES_A_TARGET_ADDRESS, spoil == SHORT_IN ? 4 : 8, &address);
		return;
	}
	nla_put(msg, MEDES_A_PROCESS_PID, spoil == SHORT_IN ? 2 : 4, &about.fresh.pid);
	nla_put_u64(msg, MEDES_A_PROCESS_START_TIME, about.fresh.start_time);
}

static void put_nested(struct nl_msg *msg, const struct attribute *a, enum spoil spoil)
{
	uint16_t flag = spoil == NOT_NESTED ? 0 : NLA_F_NESTED;
	struct nlattr *nest = nla_nest_start(msg, a->type);

	REQUIRE(nest, "no room");
	put_inside(msg, a->kind, spoil);
	nest->nla_type = a->type | flag;
	/* not nla_nest_end(), which takes an empty one back */
	nest->nla_len = (char *)nlmsg_data(nlmsg_hdr(msg)) + nlmsg_datalen(nlmsg_hdr(msg)) -
			(char *)nest;
}

static void put(struct nl_msg *msg, const struct attribute *a, enum spoil spoil)
{
	if (spoil == ABSENT)
		return;
	if (a->kind == STRING)
		put_string(msg, a, spoil);
	else if (a->kind == PROCESS || a->kind == TARGET)
		put_nested(msg, a, spoil);
	else
		put_number(msg, a, spoil);
	if (spoil == STRANGER)
		nla_put_u32(msg, 1234, 1);
}

/* The request with one attribute spoilt; -1: none. */
static void try(const struct request *r, int which, enum spoil spoil, struct answer *answer)
{
	struct nl_msg *msg = ask_message(r->cmd, r->flags);
	int i;

	for (i = 0; r->attributes[i].kind; i++)
		put(msg, &r->attributes[i], i == which ? spoil : NOT);
	ask(msg, answer);
}

/* A number that changes when anything is made, taken, stored or queued. */
static uint64_t state_of_all(void)
{
	struct medes_sandboxes sandboxes;
	struct medes_op_list ops;
	struct medes_bases bases;
	uint64_t sum = live();
	size_t i;

	REQUIRE(!medes_sandbox_list(&nl, &sandboxes), "%s", nl.error);
	REQUIRE(!medes_base_list(&nl, &bases), "%s", nl.error);
	REQUIRE(!medes_op_list(&nl, &ops), "%s", nl.error);
	for (i = 0; i < sandboxes.n; i++)
		sum = mix64(sum + sandboxes.v[i].id * 1000 + sandboxes.v[i].n_processes);
	for (i = 0; i < bases.n; i++)
		sum = mix64(sum + bases.v[i].id + bases.v[i].pages);
	for (i = 0; i < ops.n; i++)
		sum = mix64(sum + ops.v[i].id);
	medes_sandboxes_clear(&sandboxes);
	medes_bases_clear(&bases);
	medes_op_list_clear(&ops);
	return sum;
}

static void check_spoilt(const struct request *r, int which, enum spoil spoil)
{
	struct answer answer;

	try(r, which, spoil, &answer);
	CHECK(answer.err == -EINVAL || answer.err == -ERANGE,
	      "%s, attribute %u %s: error %d (%s)", r->name, r->attributes[which].type,
	      spoil_names[spoil], answer.err, answer.text);
	CHECK(answer.explained, "%s, attribute %u %s: refused without a reason", r->name,
	      r->attributes[which].type, spoil_names[spoil]);
	CHECK(!answer.replies, "%s, attribute %u %s: refused after %zu replies", r->name,
	      r->attributes[which].type, spoil_names[spoil], answer.replies);
}

static void set_up(void)
{
	victim_new(&about.v);
	victim_new(&about.fresh);
	victim_area(&about.v, &about.a, 16, MIX_STORED, 120);
	sandbox_new(&about.s, &about.v);
	REQUIRE(!medes_base_new(&nl, "about", DOMAIN, NULL, &about.base), "%s", nl.error);
	REQUIRE(!medes_restore(&nl, about.s.id, &about.op), "%s", nl.error);
	restore(&about.s);
}

static void spoilt_attributes(void)
{
	const struct request *r;
	unsigned int tried = 0;
	enum spoil spoil;
	uint64_t before;
	int which;

	set_up();
	before = state_of_all();
	for (r = requests; r < requests + ARRAY_SIZE(requests); r++) {
		for (which = 0; r->attributes[which].kind; which++)
			for (spoil = NOT + 1; spoil < SPOILS; spoil++) {
				if (!fits(spoil, &r->attributes[which]))
					continue;
				check_spoilt(r, which, spoil);
				tried++;
			}
		CHECK(state_of_all() == before, "a refused %s changed something", r->name);
	}
	note("%u spoilt requests", tried);
}

/* Otherwise the refusals above would prove nothing. */
static void good_attributes(void)
{
	const struct request *r;
	struct answer answer;
	int want;

	set_up();
	for (r = requests; r < requests + ARRAY_SIZE(requests); r++) {
		/* a base that nobody uses any more */
		if (r->cmd == MEDES_CMD_BASE_DEL) {
			restore_all();
			usleep(100000);
		}
		try(r, -1, NOT, &answer);
		/* understood, and impossible: in another sandbox, ended */
		want = r->cmd == MEDES_CMD_SANDBOX_ATTACH ? -EBUSY :
		       r->cmd == MEDES_CMD_OP_CANCEL ? -EALREADY : 0;
		CHECK(answer.err == want, "%s: error %d (%s), wanted %d", r->name, answer.err,
		      answer.text, want);
		if (r->cmd == MEDES_CMD_DEDUP || r->cmd == MEDES_CMD_DEMARCATE)
			restore(&about.s);
	}
}

/* An operation that is no operation, and headers that are none. */
static void no_operation(void)
{
	struct answer answer;
	struct nl_msg *msg;

	msg = ask_message(MEDES_CMD_MAX + 1, 0);
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EOPNOTSUPP);
	msg = ask_message(MEDES_CMD_OP_NTF, 0);
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EOPNOTSUPP);
	msg = ask_message(MEDES_CMD_FEATURES_GET, NLM_F_DUMP);
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EOPNOTSUPP);
	msg = ask_message(MEDES_CMD_DEDUP, NLM_F_DUMP);
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EOPNOTSUPP);
	msg = ask_message(MEDES_CMD_SCAN_GET, 0);
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EOPNOTSUPP);
	msg = ask_message(MEDES_CMD_SANDBOX_GET, 0);
	((struct genlmsghdr *)nlmsg_data(nlmsg_hdr(msg)))->reserved = 1;
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EINVAL);
	msg = ask_message(MEDES_CMD_SANDBOX_GET, 0);
	nlmsg_hdr(msg)->nlmsg_len = NLMSG_HDRLEN + 2;
	ask(msg, &answer);
	CHECK_EQ(answer.err, -EINVAL);
}

/* Strangers where no attribute is expected at all. */
static void nothing_expected(void)
{
	static const struct {
		uint8_t cmd;
		int flags;
	} bare[] = {
		{ MEDES_CMD_FEATURES_GET, 0 },
		{ MEDES_CMD_SANDBOX_GET, NLM_F_DUMP },
		{ MEDES_CMD_BASE_GET, NLM_F_DUMP },
		{ MEDES_CMD_OP_GET, NLM_F_DUMP },
	};
	struct answer answer;
	struct nl_msg *msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bare); i++) {
		msg = ask_message(bare[i].cmd, bare[i].flags);
		nla_put_u32(msg, 1, 1);
		ask(msg, &answer);
		CHECK(answer.err == -EINVAL && answer.explained, "operation %u: error %d (%s)",
		      bare[i].cmd, answer.err, answer.text);
	}
}

/* Bytes by chance behind a good header; whatever they do, they harm nothing. */
static void noise(void)
{
	unsigned int i, accepted = 0;
	struct answer answer;
	uint64_t r = 1;

	set_up();
	for (i = 0; i < 3000; i++) {
		struct nlmsghdr *nlh;
		struct nl_msg *msg;
		uint32_t *at;
		size_t len, k;

		r = mix64(r);
		msg = ask_message(r % (MEDES_CMD_MAX + 2), r & 0x100 ? NLM_F_DUMP : 0);
		nlh = nlmsg_hdr(msg);
		len = (r >> 16) % 40 * 4;
		at = nlmsg_reserve(msg, len, 4);
		for (k = 0; k < len / 4; k++) {
			r = mix64(r);
			/* often a plausible head of an attribute */
			at[k] = r & 1 ? (r >> 40) % 9 << 16 | (4 + (r >> 20) % 12) : r >> 32;
		}
		if ((r & 0xf0) == 0)
			nlh->nlmsg_len -= len ? 1 + r % 3 : 0;
		ask(msg, &answer);
		accepted += !answer.err;
	}
	note("%u of %u accepted", accepted, i);
	CHECK_EQ(victim_wrong(&about.v, &about.a), 0);
}

const struct test attribute_tests[] = {
	{ "attributes: good ones are accepted", good_attributes },
	{ "attributes: spoilt ones are refused, with a reason", spoilt_attributes },
	{ "attributes: operations and headers that are none", no_operation },
	{ "attributes: where none is expected", nothing_expected },
	{ "attributes: noise", noise },
	{ NULL, NULL },
};
