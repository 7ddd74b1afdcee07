// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From netlink messages to C structures.
 *
 * The kernel is trusted to mean well but not to be of our version: lengths are
 * checked by libnl against a policy, unknown attributes are skipped, absent
 * numbers are 0. Absent ids are refused, since nothing could be done with them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include "parse.h"

#define POLICY_U32 { .type = NLA_U32 }
#define POLICY_U64 { .type = NLA_U64 }
#define POLICY_NAME { .type = NLA_NUL_STRING, .maxlen = MEDES_NAME_SIZE }
#define POLICY_SKETCH { .minlen = MEDES_SKETCH_LEN, .maxlen = MEDES_SKETCH_LEN }

static int parse(struct nlmsghdr *nlh, struct nlattr **tb, int max, const struct nla_policy *policy)
{
	return genlmsg_parse(nlh, 0, tb, max, policy) ? -EPROTO : 0;
}

static uint32_t u32_of(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint64_t u64_of(const struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static void name_of(const struct nlattr *attr, char name[MEDES_NAME_SIZE])
{
	name[0] = '\0';
	if (attr)
		nla_strlcpy(name, attr, MEDES_NAME_SIZE);
}

static void sketch_of(const struct nlattr *attr, uint64_t sketch[MEDES_SKETCH])
{
	if (attr)
		memcpy(sketch, nla_data(attr), MEDES_SKETCH_LEN);
	else
		memset(sketch, 0, MEDES_SKETCH_LEN);
}

/* Counters are all u64; ones that we do not know are skipped. */
static void stats_of(struct nlattr *nest, struct medes_stats *stats)
{
	struct nlattr *attr;
	int left;

	memset(stats, 0, sizeof(*stats));
	if (!nest)
		return;
	nla_for_each_nested(attr, nest, left)
		if (nla_type(attr) <= MEDES_A_STATS_MAX && nla_len(attr) == sizeof(uint64_t))
			stats->v[nla_type(attr)] = nla_get_u64(attr);
}

int medes_parse_features(struct nlmsghdr *nlh, struct medes_features *out)
{
	static struct nla_policy policy[MEDES_A_FEATURES_MAX + 1] = {
		[MEDES_A_FEATURES_INSTANCE] = POLICY_U64,
		[MEDES_A_FEATURES_PAGE_SIZE] = POLICY_U32,
		[MEDES_A_FEATURES_ENCODINGS] = POLICY_U32,
		[MEDES_A_FEATURES_CHUNK_BYTES] = POLICY_U64,
		[MEDES_A_FEATURES_MAX_DEVICE_PAGES] = POLICY_U64,
		[MEDES_A_FEATURES_MAX_BASE_BYTES] = POLICY_U64,
		[MEDES_A_FEATURES_MAX_RECORD_BYTES] = POLICY_U64,
		[MEDES_A_FEATURES_STATS] = { .type = NLA_NESTED },
		[MEDES_A_FEATURES_MODES] = POLICY_U32,
		[MEDES_A_FEATURES_RECORD_FORMAT] = POLICY_U32,
		[MEDES_A_FEATURES_SKETCH_FORMAT] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_FEATURES_MAX + 1];
	int err = parse(nlh, tb, MEDES_A_FEATURES_MAX, policy);

	if (err || !tb[MEDES_A_FEATURES_INSTANCE])
		return -EPROTO;
	out->instance = u64_of(tb[MEDES_A_FEATURES_INSTANCE]);
	out->page_size = u32_of(tb[MEDES_A_FEATURES_PAGE_SIZE]);
	out->encodings = u32_of(tb[MEDES_A_FEATURES_ENCODINGS]);
	out->chunk_bytes = u64_of(tb[MEDES_A_FEATURES_CHUNK_BYTES]);
	out->max_device_pages = u64_of(tb[MEDES_A_FEATURES_MAX_DEVICE_PAGES]);
	out->max_base_bytes = u64_of(tb[MEDES_A_FEATURES_MAX_BASE_BYTES]);
	out->max_record_bytes = u64_of(tb[MEDES_A_FEATURES_MAX_RECORD_BYTES]);
	stats_of(tb[MEDES_A_FEATURES_STATS], &out->stats);
	out->modes = u32_of(tb[MEDES_A_FEATURES_MODES]);
	out->record_format = u32_of(tb[MEDES_A_FEATURES_RECORD_FORMAT]);
	out->sketch_format = u32_of(tb[MEDES_A_FEATURES_SKETCH_FORMAT]);
	return 0;
}

static int process_of(struct nlattr *nest, struct medes_process *out)
{
	static struct nla_policy policy[MEDES_A_PROCESS_MAX + 1] = {
		[MEDES_A_PROCESS_PID] = POLICY_U32,
		[MEDES_A_PROCESS_START_TIME] = POLICY_U64,
		[MEDES_A_PROCESS_MM] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_PROCESS_MAX + 1];

	if (nla_parse_nested(tb, MEDES_A_PROCESS_MAX, nest, policy))
		return -EPROTO;
	out->pid = u32_of(tb[MEDES_A_PROCESS_PID]);
	out->start_time = u64_of(tb[MEDES_A_PROCESS_START_TIME]);
	out->mm = u32_of(tb[MEDES_A_PROCESS_MM]);
	return 0;
}

/* The processes: one attribute each, all of the same type. */
static int processes_of(struct nlmsghdr *nlh, struct medes_sandbox *out)
{
	struct nlattr *head = genlmsg_attrdata(nlmsg_data(nlh), 0), *attr;
	int len = genlmsg_attrlen(nlmsg_data(nlh), 0), left;
	size_t n = 0;

	nla_for_each_attr(attr, head, len, left)
		n += nla_type(attr) == MEDES_A_SANDBOX_PROCESS;
	out->processes = calloc(n ? n : 1, sizeof(*out->processes));
	if (!out->processes)
		return -ENOMEM;
	nla_for_each_attr(attr, head, len, left) {
		if (nla_type(attr) != MEDES_A_SANDBOX_PROCESS)
			continue;
		if (process_of(attr, &out->processes[out->n_processes++])) {
			medes_sandbox_clear(out);
			return -EPROTO;
		}
	}
	return 0;
}

int medes_parse_sandbox(struct nlmsghdr *nlh, struct medes_sandbox *out)
{
	static struct nla_policy policy[MEDES_A_SANDBOX_MAX + 1] = {
		[MEDES_A_SANDBOX_ID] = POLICY_U32,
		[MEDES_A_SANDBOX_NAME] = POLICY_NAME,
		[MEDES_A_SANDBOX_DOMAIN] = POLICY_NAME,
		[MEDES_A_SANDBOX_FUNCTION] = POLICY_NAME,
		[MEDES_A_SANDBOX_PROCESS] = { .type = NLA_NESTED },
		[MEDES_A_SANDBOX_STATE] = POLICY_U32,
		[MEDES_A_SANDBOX_STATS] = { .type = NLA_NESTED },
	};
	struct nlattr *tb[MEDES_A_SANDBOX_MAX + 1];
	int err = parse(nlh, tb, MEDES_A_SANDBOX_MAX, policy);

	if (err || !tb[MEDES_A_SANDBOX_ID])
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	out->id = u32_of(tb[MEDES_A_SANDBOX_ID]);
	out->state = u32_of(tb[MEDES_A_SANDBOX_STATE]);
	name_of(tb[MEDES_A_SANDBOX_NAME], out->name);
	name_of(tb[MEDES_A_SANDBOX_DOMAIN], out->domain);
	name_of(tb[MEDES_A_SANDBOX_FUNCTION], out->function);
	stats_of(tb[MEDES_A_SANDBOX_STATS], &out->stats);
	return processes_of(nlh, out);
}

/**
 * medes_sandbox_clear() - free what a parsed sandbox owns
 * @sandbox: the sandbox, usable for nothing afterwards
 */
void medes_sandbox_clear(struct medes_sandbox *sandbox)
{
	free(sandbox->processes);
	sandbox->processes = NULL;
	sandbox->n_processes = 0;
}

static int replicas_of(struct nlmsghdr *nlh, struct medes_base *out)
{
	static struct nla_policy policy[MEDES_A_REPLICA_MAX + 1] = {
		[MEDES_A_REPLICA_PEER] = POLICY_U32,
		[MEDES_A_REPLICA_BASE] = POLICY_U64,
		[MEDES_A_REPLICA_GENERATION] = POLICY_U64,
		[MEDES_A_REPLICA_STATE] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_REPLICA_MAX + 1];
	struct medes_replica *r;
	struct nlattr *attr;
	int left;

	out->n_replicas = 0;
	nlmsg_for_each_attr(attr, nlh, GENL_HDRLEN, left) {
		if (nla_type(attr) != MEDES_A_BASE_REPLICA || out->n_replicas == MEDES_REPLICAS_MAX)
			continue;
		if (nla_parse_nested(tb, MEDES_A_REPLICA_MAX, attr, policy))
			return -EPROTO;
		r = &out->replicas[out->n_replicas++];
		r->peer = u32_of(tb[MEDES_A_REPLICA_PEER]);
		r->base = u64_of(tb[MEDES_A_REPLICA_BASE]);
		r->generation = u64_of(tb[MEDES_A_REPLICA_GENERATION]);
		r->state = u32_of(tb[MEDES_A_REPLICA_STATE]);
	}
	return 0;
}

int medes_parse_base(struct nlmsghdr *nlh, struct medes_base *out)
{
	static struct nla_policy policy[MEDES_A_BASE_MAX + 1] = {
		[MEDES_A_BASE_ID] = POLICY_U64,
		[MEDES_A_BASE_NAME] = POLICY_NAME,
		[MEDES_A_BASE_DOMAIN] = POLICY_NAME,
		[MEDES_A_BASE_FUNCTION] = POLICY_NAME,
		[MEDES_A_BASE_PAGES] = POLICY_U32,
		[MEDES_A_BASE_USED_PAGES] = POLICY_U32,
		[MEDES_A_BASE_USERS] = POLICY_U64,
		[MEDES_A_BASE_BYTES] = POLICY_U64,
		[MEDES_A_BASE_GENERATION] = POLICY_U64,
		[MEDES_A_BASE_LEASES] = POLICY_U32,
		[MEDES_A_BASE_REPLICA] = { .type = NLA_NESTED },
		[MEDES_A_BASE_CACHED] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_BASE_MAX + 1];
	int err = parse(nlh, tb, MEDES_A_BASE_MAX, policy);

	if (err || !tb[MEDES_A_BASE_ID])
		return -EPROTO;
	out->id = u64_of(tb[MEDES_A_BASE_ID]);
	name_of(tb[MEDES_A_BASE_NAME], out->name);
	name_of(tb[MEDES_A_BASE_DOMAIN], out->domain);
	name_of(tb[MEDES_A_BASE_FUNCTION], out->function);
	out->pages = u32_of(tb[MEDES_A_BASE_PAGES]);
	out->used_pages = u32_of(tb[MEDES_A_BASE_USED_PAGES]);
	out->users = u64_of(tb[MEDES_A_BASE_USERS]);
	out->bytes = u64_of(tb[MEDES_A_BASE_BYTES]);
	out->generation = u64_of(tb[MEDES_A_BASE_GENERATION]);
	out->leases = u32_of(tb[MEDES_A_BASE_LEASES]);
	out->cached = u32_of(tb[MEDES_A_BASE_CACHED]);
	return replicas_of(nlh, out);
}

int medes_parse_base_page(struct nlmsghdr *nlh, struct medes_base_page *out)
{
	static struct nla_policy policy[MEDES_A_BASE_PAGE_MAX + 1] = {
		[MEDES_A_BASE_PAGE_INDEX] = POLICY_U32,
		[MEDES_A_BASE_PAGE_HASH] = POLICY_U64,
		[MEDES_A_BASE_PAGE_SKETCH] = POLICY_SKETCH,
		[MEDES_A_BASE_PAGE_USERS] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_BASE_PAGE_MAX + 1];
	int err = parse(nlh, tb, MEDES_A_BASE_PAGE_MAX, policy);

	if (err || !tb[MEDES_A_BASE_PAGE_INDEX])
		return -EPROTO;
	out->index = u32_of(tb[MEDES_A_BASE_PAGE_INDEX]);
	out->hash = u64_of(tb[MEDES_A_BASE_PAGE_HASH]);
	out->users = u32_of(tb[MEDES_A_BASE_PAGE_USERS]);
	sketch_of(tb[MEDES_A_BASE_PAGE_SKETCH], out->sketch);
	return 0;
}

int medes_parse_page(struct nlmsghdr *nlh, struct medes_page *out)
{
	static struct nla_policy policy[MEDES_A_PAGE_MAX + 1] = {
		[MEDES_A_PAGE_MM] = POLICY_U32,
		[MEDES_A_PAGE_ADDRESS] = POLICY_U64,
		[MEDES_A_PAGE_HASH] = POLICY_U64,
		[MEDES_A_PAGE_SKETCH] = POLICY_SKETCH,
	};
	struct nlattr *tb[MEDES_A_PAGE_MAX + 1];
	int err = parse(nlh, tb, MEDES_A_PAGE_MAX, policy);

	if (err || !tb[MEDES_A_PAGE_ADDRESS])
		return -EPROTO;
	out->mm = u32_of(tb[MEDES_A_PAGE_MM]);
	out->huge = tb[MEDES_A_PAGE_HUGE];
	out->address = u64_of(tb[MEDES_A_PAGE_ADDRESS]);
	out->hash = u64_of(tb[MEDES_A_PAGE_HASH]);
	sketch_of(tb[MEDES_A_PAGE_SKETCH], out->sketch);
	return 0;
}

int medes_parse_op(struct nlmsghdr *nlh, struct medes_op *out)
{
	static struct nla_policy policy[MEDES_A_OP_MAX + 1] = {
		[MEDES_A_OP_ID] = POLICY_U32,
		[MEDES_A_OP_KIND] = POLICY_U32,
		[MEDES_A_OP_STATE] = POLICY_U32,
		[MEDES_A_OP_SANDBOX] = POLICY_U32,
		[MEDES_A_OP_MM] = POLICY_U32,
		[MEDES_A_OP_BASE] = POLICY_U64,
		[MEDES_A_OP_TOTAL] = POLICY_U64,
		[MEDES_A_OP_DONE] = POLICY_U64,
		[MEDES_A_OP_STORED] = POLICY_U64,
		[MEDES_A_OP_LOST] = POLICY_U64,
		[MEDES_A_OP_ERROR] = POLICY_U32,
		[MEDES_A_OP_ELAPSED_NS] = POLICY_U64,
		[MEDES_A_OP_MODE] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_OP_MAX + 1];
	int err = parse(nlh, tb, MEDES_A_OP_MAX, policy);

	if (err || !tb[MEDES_A_OP_ID])
		return -EPROTO;
	out->id = u32_of(tb[MEDES_A_OP_ID]);
	out->kind = u32_of(tb[MEDES_A_OP_KIND]);
	out->state = u32_of(tb[MEDES_A_OP_STATE]);
	out->sandbox = u32_of(tb[MEDES_A_OP_SANDBOX]);
	out->mm = u32_of(tb[MEDES_A_OP_MM]);
	out->base = u64_of(tb[MEDES_A_OP_BASE]);
	out->total = u64_of(tb[MEDES_A_OP_TOTAL]);
	out->done = u64_of(tb[MEDES_A_OP_DONE]);
	out->stored = u64_of(tb[MEDES_A_OP_STORED]);
	out->lost = u64_of(tb[MEDES_A_OP_LOST]);
	out->working_set = tb[MEDES_A_OP_WORKING_SET];
	out->error = (int32_t)u32_of(tb[MEDES_A_OP_ERROR]);
	out->elapsed_ns = u64_of(tb[MEDES_A_OP_ELAPSED_NS]);
	out->mode = u32_of(tb[MEDES_A_OP_MODE]);
	return 0;
}

int medes_parse_record(struct nlmsghdr *nlh, struct medes_record *out)
{
	static struct nla_policy policy[MEDES_A_RECORD_MAX + 1] = {
		[MEDES_A_RECORD_SANDBOX] = POLICY_U32,
		[MEDES_A_RECORD_MM] = POLICY_U32,
		[MEDES_A_RECORD_ADDRESS] = POLICY_U64,
		[MEDES_A_RECORD_PLACE] = POLICY_U32,
		[MEDES_A_RECORD_ENCODING] = POLICY_U32,
		[MEDES_A_RECORD_LEN] = POLICY_U32,
		[MEDES_A_RECORD_BASE] = POLICY_U64,
		[MEDES_A_RECORD_INDEX] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_RECORD_MAX + 1];

	if (parse(nlh, tb, MEDES_A_RECORD_MAX, policy) || !tb[MEDES_A_RECORD_PLACE])
		return -EPROTO;
	out->sandbox = u32_of(tb[MEDES_A_RECORD_SANDBOX]);
	out->mm = u32_of(tb[MEDES_A_RECORD_MM]);
	out->address = u64_of(tb[MEDES_A_RECORD_ADDRESS]);
	out->place = u32_of(tb[MEDES_A_RECORD_PLACE]);
	out->encoding = u32_of(tb[MEDES_A_RECORD_ENCODING]);
	out->len = u32_of(tb[MEDES_A_RECORD_LEN]);
	out->base = u64_of(tb[MEDES_A_RECORD_BASE]);
	out->index = u32_of(tb[MEDES_A_RECORD_INDEX]);
	out->lost = tb[MEDES_A_RECORD_LOST];
	return 0;
}

int medes_parse_loss(struct nlmsghdr *nlh, struct medes_loss *out)
{
	static struct nla_policy policy[MEDES_A_LOSS_MAX + 1] = {
		[MEDES_A_LOSS_SANDBOX] = POLICY_U32,
		[MEDES_A_LOSS_ADDRESS] = POLICY_U64,
		[MEDES_A_LOSS_ENCODING] = POLICY_U32,
		[MEDES_A_LOSS_BASE] = POLICY_U64,
		[MEDES_A_LOSS_INDEX] = POLICY_U32,
		[MEDES_A_LOSS_REASON] = POLICY_U32,
	};
	struct nlattr *tb[MEDES_A_LOSS_MAX + 1];

	if (parse(nlh, tb, MEDES_A_LOSS_MAX, policy))
		return -EPROTO;
	out->sandbox = u32_of(tb[MEDES_A_LOSS_SANDBOX]);
	out->address = u64_of(tb[MEDES_A_LOSS_ADDRESS]);
	out->encoding = u32_of(tb[MEDES_A_LOSS_ENCODING]);
	out->base = u64_of(tb[MEDES_A_LOSS_BASE]);
	out->index = u32_of(tb[MEDES_A_LOSS_INDEX]);
	out->reason = u32_of(tb[MEDES_A_LOSS_REASON]);
	return 0;
}
