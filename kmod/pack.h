/* SPDX-License-Identifier: GPL-2.0 */
/* Base pages that are kept compressed. */
#ifndef MEDES_PACK_H
#define MEDES_PACK_H

#include <linux/types.h>

struct medes_base;
struct medes_bases;
struct medes_decoder;
struct medes_extent;
struct medes_op;

int medes_pack_init(void);
void medes_pack_exit(void);
int medes_pack_run(struct medes_op *op);
int medes_pack_undo(struct medes_base *base);
void medes_pack_free(struct medes_extent *extent, u32 slot);
u64 medes_pack_bytes(void);

const void *medes_extent_read(struct medes_extent *extent, u32 slot,
			      struct medes_decoder *decoder);
int medes_extent_read_all(struct medes_extent *extent, u32 slot,
			  unsigned int reach, struct medes_decoder *decoder,
			  struct medes_bases *bases);
int medes_extent_copy(struct medes_extent *extent, u32 slot, void *to);
void medes_extent_look(struct medes_extent *extent, u32 slot,
		       struct medes_bases *bases, void *to);

#endif /* MEDES_PACK_H */
