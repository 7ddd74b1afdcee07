/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of other nodes: what an imported base's pages are, and where. */
#ifndef MEDES_TABLE_H
#define MEDES_TABLE_H

#include "wire.h"

struct medes_remote;
struct medes_session;

struct medes_wire_table *medes_table_read(struct medes_session *session,
					  const struct medes_wire_grant *grant);
int medes_table_take(struct medes_remote *remote,
		     const struct medes_wire_table *table);

#endif /* MEDES_TABLE_H */
