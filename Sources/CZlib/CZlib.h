// SPDX-License-Identifier: MIT
// `inflateInit2` is a macro, and a z_stream must not move while it is used: Swift gets both as functions.
#pragma once
#include <stdlib.h>
#include <zlib.h>

/// A decoder for gzip's format; NULL where memory is short.
static inline z_stream *kx_gzip_open(void) {
    z_stream *stream = (z_stream *)calloc(1, sizeof *stream);
    if (stream && inflateInit2(stream, MAX_WBITS + 16) != Z_OK) { free(stream); stream = NULL; }
    return stream;
}
static inline void kx_gzip_close(z_stream *stream) { (void)inflateEnd(stream); free(stream); }
