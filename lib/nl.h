/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A socket to the module's generic netlink family.
 */
#ifndef MEDES_NL_H
#define MEDES_NL_H

#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/genl/ctrl.h>
#include "medes.h"

#define MEDES_NL_BUFFER 65536
#define MEDES_NL_ERROR 512

struct medes_nl {
	struct nl_sock *sk;		/* NULL: closed */
	int family;
	uint32_t seq;			/* of the request that is waited for; 0: events */
	bool interrupted;		/* the running dump is inconsistent */
	int broken;			/* what the message handler returned */
	char error[MEDES_NL_ERROR];	/* why the last call failed, for people */
	char buffer[MEDES_NL_BUFFER];
};

/* Gets each message; after a negative errno the rest is skipped. */
typedef int (*medes_nl_fn)(uint8_t cmd, struct nlmsghdr *nlh, void *arg);

int medes_nl_open(struct medes_nl *nl);
void medes_nl_close(struct medes_nl *nl);
int medes_nl_subscribe(struct medes_nl *nl);
int medes_nl_fd(const struct medes_nl *nl);

struct nl_msg *medes_nl_message(struct medes_nl *nl, uint8_t cmd, int flags, size_t size);
int medes_nl_send(struct medes_nl *nl, struct nl_msg *msg);
int medes_nl_receive(struct medes_nl *nl, medes_nl_fn fn, void *arg);
int medes_nl_request(struct medes_nl *nl, struct nl_msg *msg, medes_nl_fn fn, void *arg);

int medes_nl_fail(struct medes_nl *nl, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* MEDES_NL_H */
