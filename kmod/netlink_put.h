/* SPDX-License-Identifier: GPL-2.0 */
/* From objects of the module to netlink messages. */
#ifndef MEDES_NETLINK_PUT_H
#define MEDES_NETLINK_PUT_H

#include <linux/types.h>

struct genl_info;
struct medes_base;
struct medes_extent;
struct medes_found;
struct medes_lease_info;
struct medes_loss;
struct medes_op;
struct medes_peer;
struct medes_sandbox;
struct medes_scanned;
struct sk_buff;

size_t medes_sandbox_room(struct medes_sandbox *sandbox);
int medes_put_features(struct sk_buff *skb, const struct genl_info *info);
int medes_put_sandbox(struct sk_buff *skb, const struct genl_info *info,
		      struct medes_sandbox *sandbox);
int medes_put_base(struct sk_buff *skb, const struct genl_info *info,
		   struct medes_base *base);
int medes_put_base_page(struct sk_buff *skb, const struct genl_info *info,
			struct medes_extent *extent, u32 slot);
int medes_put_page(struct sk_buff *skb, const struct genl_info *info,
		   const struct medes_scanned *page);
int medes_put_op(struct sk_buff *skb, const struct genl_info *info,
		 struct medes_op *op);
int medes_put_op_id(struct sk_buff *skb, const struct genl_info *info, u32 id);
int medes_put_record(struct sk_buff *skb, const struct genl_info *info, u32 mm,
		     const struct medes_found *found);
int medes_put_loss(struct sk_buff *skb, const struct genl_info *info,
		   const struct medes_loss *loss);

int medes_put_cluster(struct sk_buff *skb, const struct genl_info *info);
int medes_put_peer(struct sk_buff *skb, const struct genl_info *info,
		   struct medes_peer *peer);
int medes_put_base_shared(struct sk_buff *skb, struct medes_base *base);
int medes_put_base_id(struct sk_buff *skb, const struct genl_info *info,
		      u64 id);
int medes_put_export(struct sk_buff *skb, const struct genl_info *info, u64 id,
		     u64 generation);
int medes_put_lease(struct sk_buff *skb, const struct genl_info *info,
		    const struct medes_lease_info *lease);

#endif /* MEDES_NETLINK_PUT_H */
