/* SPDX-License-Identifier: GPL-2.0 */
/*
 * LZ4 and zstd in memory that the caller brings, with or without a page as the
 * dictionary.
 */
#ifndef MEDES_ENTROPY_H
#define MEDES_ENTROPY_H

#include "pure.h"

/* What follows a structure of the codec in its memory: zstd's own. */
struct medes_arena {
	void *mem;
	size_t size;
	size_t used;
};

/* For compressing. */
struct medes_packer {
	u64 lz4[(LZ4_MEM_COMPRESS + 7) / 8];		/* with a dictionary */
	u64 lz4_clear[(LZ4_MEM_COMPRESS + 7) / 8];	/* without: cleared each time */
	void *cctx;
	struct medes_arena cdict;
};

/* For decompressing. */
struct medes_unpacker {
	void *dctx;
	struct medes_arena ddict;
	u8 *frame;
};

/* Bytes that packing may write beyond the room that it was given. */
#define MEDES_PACK_SLACK 14

/*
 * What LZ4 refers to when there is no page to refer to: octets of zero. With a
 * dictionary its table need not be cleared each time, which takes as long as to
 * compress a short patch.
 */
#define MEDES_NO_DICT 8

size_t medes_packer_room(void);
int medes_packer_init(struct medes_packer *packer, void *mem, size_t size);
size_t medes_unpacker_room(void);
int medes_unpacker_init(struct medes_unpacker *unpacker, void *mem,
			size_t size);

int medes_lz4_pack(struct medes_packer *packer, const void *dict, int dict_len,
		   const void *src, int len, void *dst, int room);
int medes_lz4_unpack(const void *dict, int dict_len, const void *src, int len,
		     void *dst, int room);
int medes_zstd_pack(struct medes_packer *packer, bool harder, const void *dict,
		    const void *src, int len, void *dst, int room);
int medes_zstd_unpack(struct medes_unpacker *unpacker, const void *dict,
		      const void *src, int len, void *dst, int room);

#endif /* MEDES_ENTROPY_H */
