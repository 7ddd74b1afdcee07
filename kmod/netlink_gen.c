// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/medes.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/medes.h>

/* Integer value ranges */
static const struct netlink_range_validation medes_a_process_pid_range = {
	.min	= 2ULL,
	.max	= 2147483647ULL,
};

/* Common nested types */
const struct nla_policy medes_process_nl_policy[MEDES_A_PROCESS_MM + 1] = {
	[MEDES_A_PROCESS_PID] = NLA_POLICY_FULL_RANGE(NLA_U32, &medes_a_process_pid_range),
	[MEDES_A_PROCESS_START_TIME] = { .type = NLA_U64, },
	[MEDES_A_PROCESS_MM] = { .type = NLA_U32, },
};

const struct nla_policy medes_replica_nl_policy[MEDES_A_REPLICA_STATE + 1] = {
	[MEDES_A_REPLICA_PEER] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_REPLICA_BASE] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_REPLICA_GENERATION] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_REPLICA_STATE] = NLA_POLICY_MAX(NLA_U32, 2),
};

const struct nla_policy medes_target_nl_policy[MEDES_A_TARGET_INDEX + 1] = {
	[MEDES_A_TARGET_ADDRESS] = { .type = NLA_U64, },
	[MEDES_A_TARGET_BASE] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_TARGET_INDEX] = { .type = NLA_U32, },
};

/* MEDES_CMD_SANDBOX_NEW - do */
static const struct nla_policy medes_sandbox_new_nl_policy[MEDES_A_SANDBOX_PROCESS + 1] = {
	[MEDES_A_SANDBOX_NAME] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_SANDBOX_DOMAIN] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_SANDBOX_FUNCTION] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_SANDBOX_PROCESS] = NLA_POLICY_NESTED(medes_process_nl_policy),
};

/* MEDES_CMD_SANDBOX_ATTACH - do */
static const struct nla_policy medes_sandbox_attach_nl_policy[MEDES_A_SANDBOX_PROCESS + 1] = {
	[MEDES_A_SANDBOX_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_SANDBOX_PROCESS] = NLA_POLICY_NESTED(medes_process_nl_policy),
};

/* MEDES_CMD_SANDBOX_DEL - do */
static const struct nla_policy medes_sandbox_del_nl_policy[MEDES_A_SANDBOX_ID + 1] = {
	[MEDES_A_SANDBOX_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_SANDBOX_GET - do */
static const struct nla_policy medes_sandbox_get_nl_policy[MEDES_A_SANDBOX_ID + 1] = {
	[MEDES_A_SANDBOX_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_SCAN_GET - dump */
static const struct nla_policy medes_scan_get_nl_policy[MEDES_A_PAGE_SANDBOX + 1] = {
	[MEDES_A_PAGE_SANDBOX] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_BASE_NEW - do */
static const struct nla_policy medes_base_new_nl_policy[MEDES_A_BASE_FUNCTION + 1] = {
	[MEDES_A_BASE_NAME] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_BASE_DOMAIN] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_BASE_FUNCTION] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
};

/* MEDES_CMD_BASE_DEL - do */
static const struct nla_policy medes_base_del_nl_policy[MEDES_A_BASE_ID + 1] = {
	[MEDES_A_BASE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* MEDES_CMD_BASE_GET - do */
static const struct nla_policy medes_base_get_nl_policy[MEDES_A_BASE_ID + 1] = {
	[MEDES_A_BASE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* MEDES_CMD_BASE_PAGE_GET - dump */
static const struct nla_policy medes_base_page_get_nl_policy[MEDES_A_BASE_PAGE_INDEX + 1] = {
	[MEDES_A_BASE_PAGE_BASE] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_BASE_PAGE_INDEX] = { .type = NLA_U32, },
};

/* MEDES_CMD_DEDUP - do */
static const struct nla_policy medes_dedup_nl_policy[MEDES_A_OP_MODE + 1] = {
	[MEDES_A_OP_SANDBOX] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_OP_MM] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_OP_TARGET] = NLA_POLICY_NESTED(medes_target_nl_policy),
	[MEDES_A_OP_MODE] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* MEDES_CMD_DEMARCATE - do */
static const struct nla_policy medes_demarcate_nl_policy[MEDES_A_OP_TARGET + 1] = {
	[MEDES_A_OP_SANDBOX] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_OP_MM] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_OP_BASE] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_OP_TARGET] = NLA_POLICY_NESTED(medes_target_nl_policy),
};

/* MEDES_CMD_RESTORE - do */
static const struct nla_policy medes_restore_nl_policy[MEDES_A_OP_WORKING_SET + 1] = {
	[MEDES_A_OP_SANDBOX] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_OP_WORKING_SET] = { .type = NLA_FLAG, },
};

/* MEDES_CMD_OP_GET - do */
static const struct nla_policy medes_op_get_nl_policy[MEDES_A_OP_ID + 1] = {
	[MEDES_A_OP_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_OP_CANCEL - do */
static const struct nla_policy medes_op_cancel_nl_policy[MEDES_A_OP_ID + 1] = {
	[MEDES_A_OP_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_RECORD_GET - do */
static const struct nla_policy medes_record_get_nl_policy[MEDES_A_RECORD_ADDRESS + 1] = {
	[MEDES_A_RECORD_SANDBOX] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_RECORD_MM] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_RECORD_ADDRESS] = { .type = NLA_U64, },
};

/* MEDES_CMD_SETTLE - do */
static const struct nla_policy medes_settle_nl_policy[MEDES_A_OP_MODE + 1] = {
	[MEDES_A_OP_SANDBOX] = NLA_POLICY_MIN(NLA_U32, 1),
	[MEDES_A_OP_BASE] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_OP_MODE] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* MEDES_CMD_CLUSTER_SET - do */
static const struct nla_policy medes_cluster_set_nl_policy[MEDES_A_CLUSTER_PORT + 1] = {
	[MEDES_A_CLUSTER_NAME] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_CLUSTER_NODE] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_CLUSTER_KEY] = NLA_POLICY_MAX_LEN(MEDES_KEY_MAX),
	[MEDES_A_CLUSTER_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
};

/* MEDES_CMD_PEER_NEW - do */
static const struct nla_policy medes_peer_new_nl_policy[MEDES_A_PEER_PORT + 1] = {
	[MEDES_A_PEER_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[MEDES_A_PEER_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
};

/* MEDES_CMD_PEER_DEL - do */
static const struct nla_policy medes_peer_del_nl_policy[MEDES_A_PEER_ID + 1] = {
	[MEDES_A_PEER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_PEER_GET - do */
static const struct nla_policy medes_peer_get_nl_policy[MEDES_A_PEER_ID + 1] = {
	[MEDES_A_PEER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MEDES_CMD_BASE_EXPORT - do */
static const struct nla_policy medes_base_export_nl_policy[MEDES_A_BASE_ID + 1] = {
	[MEDES_A_BASE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* MEDES_CMD_BASE_UNEXPORT - do */
static const struct nla_policy medes_base_unexport_nl_policy[MEDES_A_BASE_FORCE + 1] = {
	[MEDES_A_BASE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_BASE_FORCE] = { .type = NLA_FLAG, },
};

/* MEDES_CMD_BASE_IMPORT - do */
static const struct nla_policy medes_base_import_nl_policy[MEDES_A_BASE_REPLICA + 1] = {
	[MEDES_A_BASE_NAME] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_BASE_DOMAIN] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_BASE_FUNCTION] = { .type = NLA_NUL_STRING, .len = MEDES_NAME_MAX, },
	[MEDES_A_BASE_REPLICA] = NLA_POLICY_NESTED(medes_replica_nl_policy),
};

/* MEDES_CMD_REPLICA_ADD - do */
static const struct nla_policy medes_replica_add_nl_policy[MEDES_A_BASE_REPLICA + 1] = {
	[MEDES_A_BASE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_BASE_REPLICA] = NLA_POLICY_NESTED(medes_replica_nl_policy),
};

/* MEDES_CMD_REPLICA_DEL - do */
static const struct nla_policy medes_replica_del_nl_policy[MEDES_A_BASE_FORCE + 1] = {
	[MEDES_A_BASE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_BASE_REPLICA] = NLA_POLICY_NESTED(medes_replica_nl_policy),
	[MEDES_A_BASE_FORCE] = { .type = NLA_FLAG, },
};

/* MEDES_CMD_COPY - do */
static const struct nla_policy medes_copy_nl_policy[MEDES_A_OP_SOURCE + 1] = {
	[MEDES_A_OP_BASE] = NLA_POLICY_MIN(NLA_U64, 1),
	[MEDES_A_OP_SOURCE] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* MEDES_CMD_LEASE_DEL - do */
static const struct nla_policy medes_lease_del_nl_policy[MEDES_A_LEASE_NODE_ID + 1] = {
	[MEDES_A_LEASE_NODE_ID] = NLA_POLICY_MIN(NLA_U64, 1),
};

/* Ops table for medes */
static const struct genl_split_ops medes_nl_ops[] = {
	{
		.cmd		= MEDES_CMD_FEATURES_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_features_get_doit,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_SANDBOX_NEW,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_sandbox_new_doit,
		.policy		= medes_sandbox_new_nl_policy,
		.maxattr	= MEDES_A_SANDBOX_PROCESS,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_SANDBOX_ATTACH,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_sandbox_attach_doit,
		.policy		= medes_sandbox_attach_nl_policy,
		.maxattr	= MEDES_A_SANDBOX_PROCESS,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_SANDBOX_DEL,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_sandbox_del_doit,
		.policy		= medes_sandbox_del_nl_policy,
		.maxattr	= MEDES_A_SANDBOX_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_SANDBOX_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_sandbox_get_doit,
		.policy		= medes_sandbox_get_nl_policy,
		.maxattr	= MEDES_A_SANDBOX_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MEDES_CMD_SANDBOX_GET,
		.start	= medes_nl_pre_dumpit,
		.dumpit	= medes_nl_sandbox_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_SCAN_GET,
		.start		= medes_nl_scan_get_start,
		.dumpit		= medes_nl_scan_get_dumpit,
		.done		= medes_nl_scan_get_done,
		.policy		= medes_scan_get_nl_policy,
		.maxattr	= MEDES_A_PAGE_SANDBOX,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_BASE_NEW,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_base_new_doit,
		.policy		= medes_base_new_nl_policy,
		.maxattr	= MEDES_A_BASE_FUNCTION,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_BASE_DEL,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_base_del_doit,
		.policy		= medes_base_del_nl_policy,
		.maxattr	= MEDES_A_BASE_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_BASE_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_base_get_doit,
		.policy		= medes_base_get_nl_policy,
		.maxattr	= MEDES_A_BASE_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MEDES_CMD_BASE_GET,
		.start	= medes_nl_pre_dumpit,
		.dumpit	= medes_nl_base_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_BASE_PAGE_GET,
		.start		= medes_nl_base_page_get_start,
		.dumpit		= medes_nl_base_page_get_dumpit,
		.done		= medes_nl_base_page_get_done,
		.policy		= medes_base_page_get_nl_policy,
		.maxattr	= MEDES_A_BASE_PAGE_INDEX,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_DEDUP,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_dedup_doit,
		.policy		= medes_dedup_nl_policy,
		.maxattr	= MEDES_A_OP_MODE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_DEMARCATE,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_demarcate_doit,
		.policy		= medes_demarcate_nl_policy,
		.maxattr	= MEDES_A_OP_TARGET,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_RESTORE,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_restore_doit,
		.policy		= medes_restore_nl_policy,
		.maxattr	= MEDES_A_OP_WORKING_SET,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_OP_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_op_get_doit,
		.policy		= medes_op_get_nl_policy,
		.maxattr	= MEDES_A_OP_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MEDES_CMD_OP_GET,
		.start	= medes_nl_pre_dumpit,
		.dumpit	= medes_nl_op_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_OP_CANCEL,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_op_cancel_doit,
		.policy		= medes_op_cancel_nl_policy,
		.maxattr	= MEDES_A_OP_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_RECORD_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_record_get_doit,
		.policy		= medes_record_get_nl_policy,
		.maxattr	= MEDES_A_RECORD_ADDRESS,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_SETTLE,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_settle_doit,
		.policy		= medes_settle_nl_policy,
		.maxattr	= MEDES_A_OP_MODE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_CLUSTER_SET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_cluster_set_doit,
		.policy		= medes_cluster_set_nl_policy,
		.maxattr	= MEDES_A_CLUSTER_PORT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_CLUSTER_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_cluster_get_doit,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_PEER_NEW,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_peer_new_doit,
		.policy		= medes_peer_new_nl_policy,
		.maxattr	= MEDES_A_PEER_PORT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_PEER_DEL,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_peer_del_doit,
		.policy		= medes_peer_del_nl_policy,
		.maxattr	= MEDES_A_PEER_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_PEER_GET,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_peer_get_doit,
		.policy		= medes_peer_get_nl_policy,
		.maxattr	= MEDES_A_PEER_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MEDES_CMD_PEER_GET,
		.start	= medes_nl_pre_dumpit,
		.dumpit	= medes_nl_peer_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_BASE_EXPORT,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_base_export_doit,
		.policy		= medes_base_export_nl_policy,
		.maxattr	= MEDES_A_BASE_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_BASE_UNEXPORT,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_base_unexport_doit,
		.policy		= medes_base_unexport_nl_policy,
		.maxattr	= MEDES_A_BASE_FORCE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_BASE_IMPORT,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_base_import_doit,
		.policy		= medes_base_import_nl_policy,
		.maxattr	= MEDES_A_BASE_REPLICA,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_REPLICA_ADD,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_replica_add_doit,
		.policy		= medes_replica_add_nl_policy,
		.maxattr	= MEDES_A_BASE_REPLICA,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_REPLICA_DEL,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_replica_del_doit,
		.policy		= medes_replica_del_nl_policy,
		.maxattr	= MEDES_A_BASE_FORCE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MEDES_CMD_COPY,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_copy_doit,
		.policy		= medes_copy_nl_policy,
		.maxattr	= MEDES_A_OP_SOURCE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MEDES_CMD_LEASE_GET,
		.start	= medes_nl_pre_dumpit,
		.dumpit	= medes_nl_lease_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MEDES_CMD_LEASE_DEL,
		.pre_doit	= medes_nl_pre_doit,
		.doit		= medes_nl_lease_del_doit,
		.policy		= medes_lease_del_nl_policy,
		.maxattr	= MEDES_A_LEASE_NODE_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group medes_nl_mcgrps[] = {
	[MEDES_NLGRP_EVENTS] = { "events", },
};

struct genl_family medes_nl_family __ro_after_init = {
	.name		= MEDES_FAMILY_NAME,
	.version	= MEDES_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= medes_nl_ops,
	.n_split_ops	= ARRAY_SIZE(medes_nl_ops),
	.mcgrps		= medes_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(medes_nl_mcgrps),
};
