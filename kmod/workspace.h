/* SPDX-License-Identifier: GPL-2.0 */
/* The memory that encoding and decoding need, ready before it is needed. */
#ifndef MEDES_WORKSPACE_H
#define MEDES_WORKSPACE_H

#include <linux/local_lock.h>
#include <linux/types.h>
#include <uapi/linux/medes.h>

struct medes_coded;
struct medes_encoder;
struct medes_extent;
struct medes_scratch;

/**
 * struct medes_decoder - memory to decode in
 * @lock: keeps the CPU's other users out
 * @codec: for the codec
 * @bytes: MEDES_PATCH_MAX, for an object that zsmalloc keeps in two pieces
 * @base: MEDES_NEAR pages, for base pages that are packed
 */
struct medes_decoder {
	local_lock_t lock;
	struct medes_scratch *codec;
	u8 *bytes;
	u8 *base;
};

int medes_workspace_init_all(void);
void medes_workspace_exit_all(void);

struct medes_encoder *medes_encoder_get(void);
void medes_encoder_put(struct medes_encoder *encoder);
int medes_encoder_run(struct medes_encoder *encoder, enum medes_mode mode,
		      const void *page, struct medes_extent *extent, u32 slot,
		      struct medes_coded *coded);

struct medes_decoder *medes_decoder_get(void);
void medes_decoder_put(struct medes_decoder *decoder);

#endif /* MEDES_WORKSPACE_H */
