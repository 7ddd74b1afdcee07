// SPDX-License-Identifier: GPL-2.0
/*
 * LZ4 and zstd for the codec.
 *
 * Both libraries get all their memory from the caller, once: contexts live in
 * it for good, and what zstd wants for a dictionary, a new one for each page,
 * comes from an arena behind them that is emptied each time. So nothing here
 * allocates, sleeps or locks.
 *
 * A zstd frame of one block of known length says nothing in its headers that we
 * do not know already. They are taken off, and nine octets of the same meaning
 * are put before the block to decompress it.
 */
#include "entropy.h"
#include "pure_zstd.h"

/*
 * 8 KiB in all, a base page and a page or patch, so small tables do. The first is
 * for comparing what a page might become; the second takes five times as long, and
 * gains 0.2 to 0.4 points of memory.
 */
static const zstd_compression_parameters tuning[] = {
	{
		.windowLog = 13,
		.chainLog = 12,
		.hashLog = 12,
		.searchLog = 4,
		.minMatch = 4,
		.targetLength = 16,
		.strategy = ZSTD_lazy2,
	}, {
		.windowLog = 13,
		.chainLog = 13,
		.hashLog = 12,
		.searchLog = 6,
		.minMatch = 3,
		.targetLength = 64,
		.strategy = ZSTD_btultra,
	},
};

/*
 * The frame that a block is put in to be decompressed: magic number, no flags,
 * window of 8 KiB, a last and compressed block.
 */
#define FRAME_HEADER 9
#define FRAME_MAGIC  0xfd2fb528U
#define FRAME_WINDOW ((13 - 10) << 3)
#define BLOCK_HEADER 3
#define BLOCK_LAST   1
#define BLOCK_PACKED (2 << 1)
#define BLOCK_SHIFT  3

/* The headers that compressing writes may be longer, by the content's size. */
#define HEADERS_MAX  MEDES_PACK_SLACK
#define FLAGS_OTHERS 0x07	/* dictionary number, checksum */
#define FLAG_SINGLE  0x20	/* no window */
#define FLAGS_SIZE_SHIFT 6

/* Longest block that a record can hold. */
#define BLOCK_MAX    MEDES_PAGE_SIZE

/* Longer ones are worth a cleared table. */
#define CLEAR_ABOVE  512

/* Enough for zstd's dictionary objects; the unit tests ask for them all. */
#define CDICT_ROOM   (128 << 10)
#define DDICT_ROOM   (32 << 10)

#define ALIGNED(n)   (((n) + 63) & ~(size_t)63)

/* The contexts of both directions take what zstd itself says they need. */
static size_t cctx_room(void)
{
	return ALIGNED(max(zstd_cctx_workspace_bound(&tuning[0]),
			   zstd_cctx_workspace_bound(&tuning[1])));
}

static size_t dctx_room(void)
{
	return ALIGNED(zstd_dctx_workspace_bound());
}

static void *take(void *opaque, size_t size)
{
	struct medes_arena *arena = opaque;
	void *got = arena->mem + arena->used;

	size = ALIGNED(size);
	if (size > arena->size - arena->used)
		return NULL;
	arena->used += size;
	return got;
}

/* All of it goes at once, when the next dictionary is made. */
static void leave(void *opaque, void *address)
{
	(void)opaque;
	(void)address;
}

static zstd_custom_mem memory(struct medes_arena *arena)
{
	arena->used = 0;
	return (zstd_custom_mem) { take, leave, arena };
}

/**
 * medes_packer_room() - memory that compressing needs besides the structure
 *
 * Context: any.
 * Return: bytes.
 */
size_t medes_packer_room(void)
{
	return cctx_room() + CDICT_ROOM;
}

/**
 * medes_packer_init() - make ready to compress
 * @packer: to set up
 * @mem: at least medes_packer_room() bytes, 64-byte aligned, that live as long
 * @size: of @mem
 *
 * Context: any.
 * Return: 0, or -ENOMEM when zstd finds @mem too small.
 */
int medes_packer_init(struct medes_packer *packer, void *mem, size_t size)
{
	if (size < medes_packer_room())
		return -ENOMEM;
	memset(packer->lz4, 0, sizeof(packer->lz4));
	packer->cctx = zstd_init_cctx(mem, cctx_room());
	packer->cdict.mem = mem + cctx_room();
	packer->cdict.size = CDICT_ROOM;
	return packer->cctx ? 0 : -ENOMEM;
}

/**
 * medes_unpacker_room() - memory that decompressing needs, likewise
 *
 * Context: any.
 * Return: bytes.
 */
size_t medes_unpacker_room(void)
{
	return dctx_room() + DDICT_ROOM + ALIGNED(FRAME_HEADER + BLOCK_MAX);
}

/**
 * medes_unpacker_init() - make ready to decompress
 * @unpacker: to set up
 * @mem: at least medes_unpacker_room() bytes, 64-byte aligned, that live as long
 * @size: of @mem
 *
 * Context: any.
 * Return: 0, or -ENOMEM when zstd finds @mem too small.
 */
int medes_unpacker_init(struct medes_unpacker *unpacker, void *mem,
			size_t size)
{
	if (size < medes_unpacker_room())
		return -ENOMEM;
	unpacker->dctx = zstd_init_dctx(mem, dctx_room());
	unpacker->ddict.mem = mem + dctx_room();
	unpacker->ddict.size = DDICT_ROOM;
	unpacker->frame = mem + dctx_room() + DDICT_ROOM;
	return unpacker->dctx ? 0 : -ENOMEM;
}

/**
 * medes_lz4_pack() - compress in LZ4's block format
 * @packer: set up
 * @dict: a page to refer to, or MEDES_NO_DICT octets of zero
 * @dict_len: its length; best right before @src if that is no page
 * @src: what to compress
 * @len: its length
 * @dst: receives the block
 * @room: bytes of @dst
 *
 * Context: any.
 * Return: length of the block; 0 or less when it does not fit.
 */
int medes_lz4_pack(struct medes_packer *packer, const void *dict, int dict_len,
		   const void *src, int len, void *dst, int room)
{
	LZ4_stream_t *stream = (LZ4_stream_t *)packer->lz4;

	if (room <= 0)
		return 0;
	/* this one has a finer table, which is cleared each time; nobody has to refer */
	if (dict_len < MEDES_PAGE_SIZE && len > CLEAR_ABOVE)
		return medes_lz4_compress(src, dst, len, room, packer->lz4_clear);
	medes_lz4_load(stream, dict, dict_len);
	return LZ4_compress_fast_continue(stream, src, dst, len, room, 1);
}

/**
 * medes_lz4_unpack() - decompress LZ4's block format
 * @dict: what it refers to
 * @dict_len: its length
 * @src: the block; nothing is assumed of it
 * @len: its length
 * @dst: receives what was compressed
 * @room: bytes of @dst
 *
 * Context: any.
 * Return: bytes in @dst, or a negative number for a malformed block.
 */
int medes_lz4_unpack(const void *dict, int dict_len, const void *src, int len,
		     void *dst, int room)
{
	return LZ4_decompress_safe_usingDict(src, dst, len, room, dict, dict_len);
}

static size_t pack_frame(struct medes_packer *packer, bool harder,
			 const void *dict, const void *src, int len, void *dst,
			 int room)
{
	const zstd_parameters parameters = {
		.cParams = tuning[harder],
		.fParams = { .noDictIDFlag = 1 },
	};
	zstd_cdict *cdict;

	if (!dict)
		return zstd_compress_cctx(packer->cctx, dst, room, src, len,
					  &parameters);
	cdict = zstd_create_cdict_byreference(dict, MEDES_PAGE_SIZE, tuning[harder],
					      memory(&packer->cdict));
	if (!cdict)
		return (size_t)-1;
	return zstd_compress_using_cdict(packer->cctx, dst, room, src, len,
					 cdict);
}

/* Where the block in a frame begins, or 0 when it is not a frame as we want. */
static size_t block_at(const u8 *frame, size_t size)
{
	static const u8 content_size[] = { 0, 2, 4, 8 };
	u8 flags = frame[4];
	size_t at = 5 + content_size[flags >> FLAGS_SIZE_SHIFT];
	u32 block;

	if (get_unaligned_le32(frame) != FRAME_MAGIC || flags & FLAGS_OTHERS)
		return 0;
	at += !(flags & FLAG_SINGLE) || !(flags >> FLAGS_SIZE_SHIFT);
	if (at + BLOCK_HEADER >= size)
		return 0;
	/* one more block, or one that is not compressed, is not worth it */
	block = get_unaligned_le16(frame + at) | (u32)frame[at + 2] << 16;
	at += BLOCK_HEADER;
	if (block != ((size - at) << BLOCK_SHIFT | BLOCK_PACKED | BLOCK_LAST))
		return 0;
	return at;
}

/**
 * medes_zstd_pack() - compress to the inside of a zstd block
 * @packer: set up
 * @harder: take long
 * @dict: a page to refer to, or NULL
 * @src: what to compress
 * @len: its length, at most 8 KiB
 * @dst: receives the block; MEDES_PACK_SLACK more bytes are written at most
 * @room: longest block wanted
 *
 * Context: any.
 * Return: length of the block; 0 or less when it does not fit.
 */
int medes_zstd_pack(struct medes_packer *packer, bool harder, const void *dict,
		    const void *src, int len, void *dst, int room)
{
	size_t size, at;

	if (room <= 0)
		return 0;
	size = pack_frame(packer, harder, dict, src, len, dst,
			  room + HEADERS_MAX);
	if (zstd_is_error(size) || size <= FRAME_HEADER)
		return 0;
	at = block_at(dst, size);
	if (!at || size - at > (size_t)room)
		return 0;
	memmove(dst, dst + at, size - at);
	return size - at;
}

/**
 * medes_zstd_unpack() - decompress the inside of a zstd block
 * @unpacker: set up
 * @dict: the page that it refers to, or NULL
 * @src: the block; nothing is assumed of it
 * @len: its length
 * @dst: receives what was compressed
 * @room: bytes of @dst
 *
 * Context: any.
 * Return: bytes in @dst, or a negative number for a malformed block.
 */
int medes_zstd_unpack(struct medes_unpacker *unpacker, const void *dict,
		      const void *src, int len, void *dst, int room)
{
	u8 *frame = unpacker->frame;
	zstd_ddict *ddict;
	size_t size;
	u32 block;

	if (len <= 0 || len > BLOCK_MAX)
		return -EBADMSG;
	block = (u32)len << BLOCK_SHIFT | BLOCK_PACKED | BLOCK_LAST;
	put_unaligned_le32(FRAME_MAGIC, frame);
	frame[4] = 0;
	frame[5] = FRAME_WINDOW;
	put_unaligned_le16(block, frame + 6);
	frame[8] = block >> 16;
	memcpy(frame + FRAME_HEADER, src, len);
	len += FRAME_HEADER;

	if (!dict) {
		size = zstd_decompress_dctx(unpacker->dctx, dst, room, frame,
					    len);
	} else {
		ddict = zstd_create_ddict_byreference(dict, MEDES_PAGE_SIZE,
						      memory(&unpacker->ddict));
		if (!ddict)
			return -EBADMSG;
		size = zstd_decompress_using_ddict(unpacker->dctx, dst, room,
						   frame, len, ddict);
	}
	return zstd_is_error(size) ? -EBADMSG : (int)size;
}
