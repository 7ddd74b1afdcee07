/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink messages as the structures of medes.h.
 */
#ifndef MEDES_PARSE_H
#define MEDES_PARSE_H

#include <linux/netlink.h>
#include "medes.h"

/* All return 0, -EPROTO for what is missing or malformed, -ENOMEM. */
int medes_parse_features(struct nlmsghdr *nlh, struct medes_features *out);
int medes_parse_sandbox(struct nlmsghdr *nlh, struct medes_sandbox *out);
int medes_parse_base(struct nlmsghdr *nlh, struct medes_base *out);
int medes_parse_base_page(struct nlmsghdr *nlh, struct medes_base_page *out);
int medes_parse_page(struct nlmsghdr *nlh, struct medes_page *out);
int medes_parse_op(struct nlmsghdr *nlh, struct medes_op *out);
int medes_parse_record(struct nlmsghdr *nlh, struct medes_record *out);
int medes_parse_loss(struct nlmsghdr *nlh, struct medes_loss *out);

#endif /* MEDES_PARSE_H */
