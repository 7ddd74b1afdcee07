/* SPDX-License-Identifier: GPL-2.0 */
/* A message to user space: begun, filled, and complete or never there. */
#ifndef MEDES_NETLINK_MESSAGE_H
#define MEDES_NETLINK_MESSAGE_H

#include <net/genetlink.h>

static inline int medes_put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put(skb, type, sizeof(value), &value);
}

static inline void *medes_message_begin(struct sk_buff *skb,
					const struct genl_info *info)
{
	bool dump = !genl_info_is_ntf(info) &&
		    (info->nlhdr->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	return __genlmsg_iput(skb, info, dump ? NLM_F_MULTI : 0);
}

/* The message is complete, or it never was. */
static inline int medes_message_end(struct sk_buff *skb, void *head, int err)
{
	if (err) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

#endif /* MEDES_NETLINK_MESSAGE_H */
