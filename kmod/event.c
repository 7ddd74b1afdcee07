// SPDX-License-Identifier: GPL-2.0
/*
 * Events, to whoever listens.
 *
 * Events are hints: they may be lost, by a full socket or for lack of memory,
 * and the listener then sees ENOBUFS and lists the state again. So nothing here
 * returns an error and nothing waits for a reader.
 *
 * The family's multicast group is its own only while it is registered; after
 * that another family may be given the number. An SRCU read section lasts from
 * the look at the flag to the end of the sending, and closing waits for those.
 */
#include <linux/srcu.h>
#include <net/genetlink.h>
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_put.h"
#include "sandbox.h"

DEFINE_STATIC_SRCU(sending);
static bool opened;

/**
 * medes_events_open() - the family is registered
 *
 * Context: module init.
 */
void medes_events_open(void)
{
	WRITE_ONCE(opened, true);
}

/**
 * medes_events_close() - the family is about to be unregistered
 *
 * Context: may sleep. No event is on its way after this.
 */
void medes_events_close(void)
{
	WRITE_ONCE(opened, false);
	synchronize_srcu(&sending);
}

static bool anybody(void)
{
	return READ_ONCE(opened) &&
	       genl_has_listeners(&medes_nl_family, &init_net,
				  MEDES_NLGRP_EVENTS);
}

/* An empty message; listeners are told when there is no memory for it. */
static struct sk_buff *message(struct genl_info *info, u8 cmd, size_t room,
			       gfp_t gfp)
{
	struct sk_buff *skb = genlmsg_new(room, gfp);

	if (!skb)
		genl_set_err(&medes_nl_family, &init_net, 0,
			     MEDES_NLGRP_EVENTS, -ENOBUFS);
	genl_info_init_ntf(info, &medes_nl_family, cmd);
	return skb;
}

static void send(struct sk_buff *skb, int err, gfp_t gfp)
{
	if (err)
		nlmsg_free(skb);
	else
		genlmsg_multicast(&medes_nl_family, skb, 0,
				  MEDES_NLGRP_EVENTS, gfp);
}

/**
 * medes_notify_op() - tell of an operation's progress or end
 * @op: the operation
 *
 * Context: may sleep.
 */
void medes_notify_op(struct medes_op *op)
{
	int idx = srcu_read_lock(&sending);
	struct genl_info info;
	struct sk_buff *skb;

	if (anybody()) {
		skb = message(&info, MEDES_CMD_OP_NTF, GENLMSG_DEFAULT_SIZE,
			      GFP_KERNEL);
		if (skb)
			send(skb, medes_put_op(skb, &info, op), GFP_KERNEL);
	}
	srcu_read_unlock(&sending, idx);
}

/**
 * medes_notify_sandbox() - tell of a sandbox's new state
 * @sandbox: the sandbox
 *
 * Context: may sleep; takes the sandbox's lock.
 */
void medes_notify_sandbox(struct medes_sandbox *sandbox)
{
	int idx = srcu_read_lock(&sending);
	struct genl_info info;
	struct sk_buff *skb;

	if (anybody()) {
		skb = message(&info, MEDES_CMD_SANDBOX_NTF,
			      medes_sandbox_room(sandbox), GFP_KERNEL);
		if (skb)
			send(skb, medes_put_sandbox(skb, &info, sandbox),
			     GFP_KERNEL);
	}
	srcu_read_unlock(&sending, idx);
}

/**
 * medes_notify_peer() - tell that a node came or went
 * @peer: the node
 *
 * Context: may sleep.
 */
void medes_notify_peer(struct medes_peer *peer)
{
	int idx = srcu_read_lock(&sending);
	struct genl_info info;
	struct sk_buff *skb;

	if (anybody()) {
		skb = message(&info, MEDES_CMD_PEER_NTF, GENLMSG_DEFAULT_SIZE,
			      GFP_KERNEL);
		if (skb)
			send(skb, medes_put_peer(skb, &info, peer), GFP_KERNEL);
	}
	srcu_read_unlock(&sending, idx);
}

/**
 * medes_notify_loss() - tell of a page that could not be rebuilt
 * @loss: what is known of it
 *
 * Context: any, page faults under mmap_lock included; does not sleep, and
 * memory may be short, so it takes none that is not free at once.
 */
void medes_notify_loss(const struct medes_loss *loss)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	int idx = srcu_read_lock(&sending);
	struct genl_info info;
	struct sk_buff *skb;

	if (anybody()) {
		skb = message(&info, MEDES_CMD_LOSS_NTF, GENLMSG_DEFAULT_SIZE,
			      gfp);
		if (skb)
			send(skb, medes_put_loss(skb, &info, loss), gfp);
	}
	srcu_read_unlock(&sending, idx);
}
