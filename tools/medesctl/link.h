/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module, for the commands that need no daemon.
 */
#ifndef MEDESCTL_LINK_H
#define MEDESCTL_LINK_H

#include "ops.h"

struct medes_nl *link_open(void);
void link_close(struct medes_nl *nl);
int link_follow_op(struct medes_nl *nl, uint32_t id, const char *what, struct medes_op *out);

#endif /* MEDESCTL_LINK_H */
