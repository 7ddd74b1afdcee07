/* SPDX-License-Identifier: GPL-2.0 */
/* Nodes that read our bases. */
#ifndef MEDES_INCOMING_H
#define MEDES_INCOMING_H

#include <linux/types.h>

struct medes_device;

int medes_incoming_init(void);
void medes_incoming_exit(void);
int medes_incoming_listen(u16 port);
void medes_incoming_stop(void);
bool medes_incoming_listens(void);
void medes_incoming_leave(struct medes_device *dev);

#endif /* MEDES_INCOMING_H */
