/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zstd under the kernel's names: linux/zstd.h, or the library that is linked to
 * in user space. pure.h says what this is about; only entropy.c needs it.
 */
#ifndef MEDES_PURE_ZSTD_H
#define MEDES_PURE_ZSTD_H

#ifdef __KERNEL__

#include <linux/zstd.h>

#else /* user space */

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

typedef ZSTD_compressionParameters zstd_compression_parameters;
typedef ZSTD_parameters zstd_parameters;
typedef ZSTD_customMem zstd_custom_mem;
typedef ZSTD_CDict zstd_cdict;
typedef ZSTD_DDict zstd_ddict;

#define zstd_is_error(size) ZSTD_isError(size)
#define zstd_init_cctx(mem, size) ZSTD_initStaticCCtx(mem, size)
#define zstd_init_dctx(mem, size) ZSTD_initStaticDCtx(mem, size)
#define zstd_cctx_workspace_bound(tuning) ZSTD_estimateCCtxSize_usingCParams(*(tuning))
#define zstd_dctx_workspace_bound() ZSTD_estimateDCtxSize()

#define zstd_create_cdict_byreference(dict, size, tuning, mem) \
	ZSTD_createCDict_advanced(dict, size, ZSTD_dlm_byRef, ZSTD_dct_auto, tuning, mem)
#define zstd_create_ddict_byreference(dict, size, mem) \
	ZSTD_createDDict_advanced(dict, size, ZSTD_dlm_byRef, ZSTD_dct_auto, mem)
#define zstd_compress_using_cdict(cctx, dst, room, src, len, cdict) \
	ZSTD_compress_usingCDict(cctx, dst, room, src, len, cdict)
#define zstd_decompress_using_ddict(dctx, dst, room, src, len, ddict) \
	ZSTD_decompress_usingDDict(dctx, dst, room, src, len, ddict)
#define zstd_decompress_dctx(dctx, dst, room, src, len) \
	ZSTD_decompressDCtx(dctx, dst, room, src, len)

/* As the kernel's function of this name sets the context up. */
static inline size_t zstd_compress_cctx(ZSTD_CCtx *cctx, void *dst, size_t room, const void *src,
					size_t len, const ZSTD_parameters *p)
{
	const struct {
		ZSTD_cParameter name;
		int value;
	} set[] = {
		{ ZSTD_c_windowLog, p->cParams.windowLog },
		{ ZSTD_c_hashLog, p->cParams.hashLog },
		{ ZSTD_c_chainLog, p->cParams.chainLog },
		{ ZSTD_c_searchLog, p->cParams.searchLog },
		{ ZSTD_c_minMatch, p->cParams.minMatch },
		{ ZSTD_c_targetLength, p->cParams.targetLength },
		{ ZSTD_c_strategy, p->cParams.strategy },
		{ ZSTD_c_contentSizeFlag, p->fParams.contentSizeFlag },
		{ ZSTD_c_checksumFlag, p->fParams.checksumFlag },
		{ ZSTD_c_dictIDFlag, !p->fParams.noDictIDFlag },
	};
	size_t err = ZSTD_CCtx_reset(cctx, ZSTD_reset_session_and_parameters);
	unsigned int i;

	if (!ZSTD_isError(err))
		err = ZSTD_CCtx_setPledgedSrcSize(cctx, len);
	for (i = 0; i < ARRAY_SIZE(set) && !ZSTD_isError(err); i++)
		err = ZSTD_CCtx_setParameter(cctx, set[i].name, set[i].value);
	return ZSTD_isError(err) ? err : ZSTD_compress2(cctx, dst, room, src, len);
}

#endif /* __KERNEL__ */

#endif /* MEDES_PURE_ZSTD_H */
