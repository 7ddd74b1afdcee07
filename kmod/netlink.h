/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family: what the rest of the module tells user space. */
#ifndef MEDES_NETLINK_H
#define MEDES_NETLINK_H

#include <linux/types.h>
#include <uapi/linux/medes.h>

struct medes_op;
struct medes_peer;
struct medes_sandbox;

/* What is known of a page that could not be rebuilt. */
struct medes_loss {
	u32 sandbox;
	unsigned long address;	/* 0: not known */
	enum medes_encoding encoding;
	u64 base;		/* 0: none */
	u32 index;
	enum medes_loss_reason reason;
};

int medes_netlink_init(void);
void medes_netlink_exit(void);
u64 medes_instance(void);

void medes_events_open(void);
void medes_events_close(void);
void medes_notify_op(struct medes_op *op);
void medes_notify_sandbox(struct medes_sandbox *sandbox);
void medes_notify_peer(struct medes_peer *peer);
void medes_notify_loss(const struct medes_loss *loss);

#endif /* MEDES_NETLINK_H */
