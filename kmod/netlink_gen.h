/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/medes.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: tools/net/ynl/ynl-regen.sh */

#ifndef _LINUX_MEDES_GEN_H
#define _LINUX_MEDES_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/medes.h>

/* Common nested types */
extern const struct nla_policy medes_process_nl_policy[MEDES_A_PROCESS_MM + 1];
extern const struct nla_policy medes_replica_nl_policy[MEDES_A_REPLICA_STATE + 1];
extern const struct nla_policy medes_target_nl_policy[MEDES_A_TARGET_INDEX + 1];

int medes_nl_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		      struct genl_info *info);
int medes_nl_pre_dumpit(struct netlink_callback *cb);
int medes_nl_scan_get_start(struct netlink_callback *cb);
int medes_nl_base_page_get_start(struct netlink_callback *cb);
int medes_nl_scan_get_done(struct netlink_callback *cb);
int medes_nl_base_page_get_done(struct netlink_callback *cb);

int medes_nl_features_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_sandbox_new_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_sandbox_attach_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_sandbox_del_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_sandbox_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_sandbox_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int medes_nl_scan_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int medes_nl_base_new_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_base_del_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_base_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_base_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int medes_nl_base_page_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int medes_nl_dedup_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_demarcate_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_restore_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_op_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_op_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int medes_nl_op_cancel_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_record_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_settle_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_cluster_set_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_cluster_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int medes_nl_base_export_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_base_unexport_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_base_import_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_replica_add_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_replica_del_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_copy_doit(struct sk_buff *skb, struct genl_info *info);
int medes_nl_lease_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int medes_nl_lease_del_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	MEDES_NLGRP_EVENTS,
};

extern struct genl_family medes_nl_family;

#endif /* _LINUX_MEDES_GEN_H */
