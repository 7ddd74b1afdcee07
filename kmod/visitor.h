/* SPDX-License-Identifier: GPL-2.0 */
/* Sessions of nodes that read our bases; for incoming.c. */
#ifndef MEDES_VISITOR_H
#define MEDES_VISITOR_H

#include <linux/types.h>
#include "conn.h"

struct medes_device;
struct medes_visitor;

extern const struct medes_conn_ops medes_visitor_ops;

struct medes_visitor *medes_visitor_new(const struct medes_wire_hello *hello);
void medes_visitor_put(struct medes_visitor *visitor);
void medes_visitor_welcome(const struct medes_visitor *visitor,
			   struct medes_wire_welcome *welcome);
void medes_visitor_lose(struct medes_visitor *visitor);
int medes_visitor_set_control(struct medes_visitor *visitor,
			      struct medes_conn *conn);
struct medes_visitor *medes_visitor_redeem(const u8 *secret,
					   unsigned int *token);
int medes_visitor_set_data(struct medes_visitor *visitor, unsigned int token,
			   struct medes_conn *conn);

void medes_visitors_begin(void);
void medes_visitors_leave(struct medes_device *dev);
void medes_visitors_end(void);
int medes_visitors_init(void);
void medes_visitors_exit(void);

#endif /* MEDES_VISITOR_H */
