// SPDX-License-Identifier: MIT
// A bz_stream must not move while it is used.
#pragma once
#include <bzlib.h>
#include <stdlib.h>

/// A decoder; NULL where memory is short.
static inline bz_stream *kx_bzip2_open(void) {
    bz_stream *stream = (bz_stream *)calloc(1, sizeof *stream);
    if (stream && BZ2_bzDecompressInit(stream, 0, 0) != BZ_OK) { free(stream); stream = NULL; }
    return stream;
}
static inline void kx_bzip2_close(bz_stream *stream) { (void)BZ2_bzDecompressEnd(stream); free(stream); }
