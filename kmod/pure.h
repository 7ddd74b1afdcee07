/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One source, two homes: what the pure files (fingerprint, words, codec) need
 * from their surroundings, taken from the kernel or from user space.
 *
 * Pure means: functions over byte pages that allocate nothing, lock nothing,
 * never sleep and keep no state, so that the code that rebuilds a process's
 * memory in the kernel is the very code that is unit-tested, fuzzed and
 * measured natively. This file is the only one of them that knows where it is.
 */
#ifndef MEDES_PURE_H
#define MEDES_PURE_H

/* The page as the pure files see it: 4 KiB, words in the host's order. */
#define MEDES_PAGE_SIZE 4096
#define MEDES_PAGE_WORDS (MEDES_PAGE_SIZE / 8)

#ifdef __KERNEL__

#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/lz4.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#include <linux/xxhash.h>
#include <asm/page.h>

static inline u64 medes_xxh64(const void *data, size_t len, u64 seed)
{
	return xxh64(data, len, seed);
}

static inline int medes_lz4_compress(const void *src, void *dst, int len,
				     int room, void *state)
{
	return LZ4_compress_default(src, dst, len, room, state);
}

/* What is in its table from before is too far off to be referred to. */
static inline void medes_lz4_load(LZ4_stream_t *stream, const void *dict, int len)
{
	LZ4_loadDict(stream, dict, len);
}

#else /* user space */

#include <errno.h>
#include <lz4.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int64_t s64;

#define LZ4_MEM_COMPRESS sizeof(LZ4_stream_t)

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define fallthrough __attribute__((__fallthrough__))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define clamp(a, low, high) min(max(a, low), high)
#define hweight8(v) __builtin_popcount((u8)(v))
/* the message may be left out, as in the kernel */
#define static_assert(expr, ...) static_assert_(expr, ##__VA_ARGS__, #expr)
#define static_assert_(expr, message, ...) _Static_assert(expr, message)
#define swap(a, b) do { typeof(a) was_ = (a); (a) = (b); (b) = was_; } while (0)

static inline u16 get_unaligned_le16(const void *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u32 get_unaligned_le32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u32 get_unaligned_be32(const void *p)
{
	return __builtin_bswap32(get_unaligned_le32(p));
}

static inline u64 get_unaligned_le64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void put_unaligned_le16(u16 v, void *p)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put_unaligned_le32(u32 v, void *p)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put_unaligned_le64(u64 v, void *p)
{
	memcpy(p, &v, sizeof(v));
}

static inline u64 medes_xxh64(const void *data, size_t len, u64 seed)
{
	return XXH64(data, len, seed);
}

static inline int medes_lz4_compress(const void *src, void *dst, int len,
				     int room, void *state)
{
	return LZ4_compress_fast_extState(state, src, dst, len, room, 1);
}

/* The library clears its table for any dictionary, which a tiny one is not worth. */
static inline void medes_lz4_load(LZ4_stream_t *stream, const void *dict, int len)
{
	if (len < MEDES_PAGE_SIZE)
		LZ4_resetStream_fast(stream);
	else
		LZ4_loadDict(stream, dict, len);
}

#endif /* __KERNEL__ */

/* Is this where Linux maps user space, the lowest 4 GiB excepted? */
static __always_inline bool medes_is_address(u64 word)
{
	return word - (1ULL << 32) < (1ULL << 47) - (1ULL << 32);
}

/* A word as it would be in any process: of an address, the place in its page. */
static __always_inline u64 medes_blind(u64 word)
{
	return word & (medes_is_address(word) ? MEDES_PAGE_SIZE - 1 : ~0ULL);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "medes reads pages and records as little-endian words");
static_assert(sizeof(void *) == 8, "medes sees 8-byte words as pointers");
#ifdef __KERNEL__
static_assert(PAGE_SIZE == MEDES_PAGE_SIZE, "medes needs 4 KiB pages");
#endif

#endif /* MEDES_PURE_H */
