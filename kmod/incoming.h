/* SPDX-License-Identifier: GPL-2.0 */
/* Nodes that connect to read our bases. */
#ifndef MEDES_INCOMING_H
#define MEDES_INCOMING_H

#include <linux/types.h>
#include "wire.h"

int medes_incoming_listen(u16 port);
void medes_incoming_stop(void);
bool medes_incoming_listens(void);
void medes_incoming_refused(enum medes_wire_status status);

#endif /* MEDES_INCOMING_H */
