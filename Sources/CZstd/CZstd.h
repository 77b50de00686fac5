// SPDX-License-Identifier: MIT
#pragma once
#include <zstd.h>

// In the part of zstd.h that is meant for static linking; every libzstd since 1.4.0 exports it all the same.
unsigned long long ZSTD_decompressBound(const void *bytes, size_t count);
// Block by block, straight to where the bytes stay.
size_t ZSTD_decompressBegin(ZSTD_DCtx *context);
size_t ZSTD_nextSrcSizeToDecompress(ZSTD_DCtx *context);
size_t ZSTD_decompressContinue(ZSTD_DCtx *context, void *room, size_t capacity, const void *bytes, size_t count);

/// A constant in newer versions of zstd.h, cast in ways that Swift does not import.
static inline int kx_zstd_size_is_known(unsigned long long size) {
    return size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR;
}
/// The error in a result (`ZSTD_ErrorCode`), 0 for none.
static inline int kx_zstd_error(size_t result) { return ZSTD_isError(result) ? -(int)result : 0; }
