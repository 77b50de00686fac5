// SPDX-License-Identifier: MIT
// `LZMA_STREAM_INIT` is a macro: Swift gets the decoders of both formats ready made.
#pragma once
#include <lzma.h>
#include <stdlib.h>

/// A decoder for one xz stream, or for the older lzma format; NULL where memory is short.
static inline lzma_stream *kx_lzma_open(int is_xz, uint64_t memory_limit) {
    const lzma_stream initial = LZMA_STREAM_INIT;
    lzma_stream *stream = (lzma_stream *)malloc(sizeof *stream);
    if (!stream) return NULL;
    *stream = initial;
    lzma_ret result = is_xz ? lzma_stream_decoder(stream, memory_limit, 0) : lzma_alone_decoder(stream, memory_limit);
    if (result != LZMA_OK) { free(stream); stream = NULL; }
    return stream;
}
static inline void kx_lzma_close(lzma_stream *stream) { lzma_end(stream); free(stream); }
