/* SPDX-License-Identifier: GPL-2.0 */
/* From the attributes of a request to what they name, or a refusal. */
#ifndef MEDES_NETLINK_PARSE_H
#define MEDES_NETLINK_PARSE_H

#include <linux/types.h>

struct genl_info;
struct medes_base;
struct medes_op;
struct medes_process;
struct medes_sandbox;
struct medes_target;
struct netlink_ext_ack;
struct sk_buff;

int medes_nl_gate(const struct sk_buff *skb, struct netlink_ext_ack *extack);
int medes_nl_need(const struct genl_info *info, int type, const char *what);
int medes_nl_name(const struct genl_info *info, int type, const char *what,
		  const char **name);
struct medes_sandbox *medes_nl_sandbox(const struct genl_info *info, int type);
struct medes_base *medes_nl_base(const struct genl_info *info, int type);
int medes_nl_processes(const struct genl_info *info,
		       struct medes_process **processes);
int medes_nl_submit(struct genl_info *info, struct medes_op *op);
int medes_nl_count_targets(const struct genl_info *info);
int medes_nl_targets(const struct genl_info *info, bool bases,
		     struct medes_target *targets, unsigned int n);

#endif /* MEDES_NETLINK_PARSE_H */
