// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What KSM and zram would make of the same pages: equal and zero pages, LZ4 and zstd of each
 * page by itself. zram keeps a page as it is when it would not get shorter than 3/4 or so of
 * itself (huge_class_size of zsmalloc), and so do these.
 */
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "bench.h"

#define ZSTD_LEVEL	3	/* zram's default */
#define HUGE_CLASS	3264	/* zsmalloc keeps longer objects in a page of their own */

struct rival {
	int (*pack)(const u8 *page, u8 *out);
	int (*unpack)(const u8 *data, int len, u8 *page);
};

static ZSTD_CCtx *cctx;
static ZSTD_DCtx *dctx;

static int lz4_pack(const u8 *page, u8 *out)
{
	return LZ4_compress_default((const char *)page, (char *)out, MEDES_PAGE_SIZE, 2 * MEDES_PAGE_SIZE);
}

static int lz4_unpack(const u8 *data, int len, u8 *page)
{
	return LZ4_decompress_safe((const char *)data, (char *)page, len, MEDES_PAGE_SIZE);
}

static int zstd_pack(const u8 *page, u8 *out)
{
	return ZSTD_compressCCtx(cctx, out, 2 * MEDES_PAGE_SIZE, page, MEDES_PAGE_SIZE, ZSTD_LEVEL);
}

static int zstd_unpack(const u8 *data, int len, u8 *page)
{
	return ZSTD_decompressDCtx(dctx, page, MEDES_PAGE_SIZE, data, len);
}

/* A page of one word over and over costs zram nothing. */
static bool is_filled(const u8 *page)
{
	return !memcmp(page, page + 8, MEDES_PAGE_SIZE - 8);
}

static void run(const struct rival *rival, const struct options *options, const struct corpus *target,
		u64 *sum, u64 *net, struct times *packing, struct times *unpacking)
{
	static u8 out[2 * MEDES_PAGE_SIZE], back[MEDES_PAGE_SIZE];
	u64 *ns[2] = { must(calloc(target->n, sizeof(u64))), must(calloc(target->n, sizeof(u64))) };
	unsigned int run;
	size_t i;

	for (run = 0; run < options->runs; run++) {
		*sum = 0;
		*net = 0;
		for (i = 0; i < target->n; i++) {
			const u8 *page = corpus_page(target, i);
			u64 begin = now_ns(), packed;
			int len;

			len = rival->pack(page, out);
			packed = now_ns();
			keep_least(&ns[0][i], packed - begin);
			if (rival->unpack(out, len, back) != MEDES_PAGE_SIZE)
				die("page %zu does not come back", i);
			keep_least(&ns[1][i], now_ns() - packed);
			if (is_filled(page))
				continue;
			*sum += len < MEDES_PAGE_SIZE ? len : MEDES_PAGE_SIZE;
			*net += len <= HUGE_CLASS ? class_bytes(len) : MEDES_PAGE_SIZE;
		}
	}
	*packing = times_of(ns[0], target->n);
	*unpacking = times_of(ns[1], target->n);
	free(ns[0]);
	free(ns[1]);
}

void run_rivals(struct result *result, const struct options *options, const struct corpus *target)
{
	static const struct rival lz4 = { lz4_pack, lz4_unpack };
	static const struct rival zstd = { zstd_pack, zstd_unpack };
	u64 unused;

	cctx = must(ZSTD_createCCtx());
	dctx = must(ZSTD_createDCtx());
	run(&lz4, options, target, &result->lz4, &unused, &result->lz4_encode, &result->lz4_decode);
	run(&zstd, options, target, &result->zstd, &result->zstd_net, &result->zstd_encode,
	    &result->zstd_decode);
	ZSTD_freeCCtx(cctx);
	ZSTD_freeDCtx(dctx);
}
