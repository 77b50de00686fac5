#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles the decoders of zstd, xz, zlib and bzip2 for the static program, against musl and for size, as one archive.
#
# Debian's archives hold encoders in the same sections, and loops many times over, for other processors and for windows that
# no kernel needs. Counted over a kernel of 66 MB, in million instructions: xz 3694 (the archive's 3705), gzip 924 (966);
# bzip2, 30 MB of it, 3763 (3794); zstd, a kernel of 57 MB, 703, where only the loop over sequences has its templates
# inlined (1006 without, for 2.8 KB less).
# usage: build-codecs.sh SOURCES MUSL_HEADERS ARCHIVE [FLAG...]
# The flags are fuzzing's: sanitizers. All else is the same for it.
. "$(dirname "$0")/common.sh"
find_toolchain
sources=$1 headers=$2 archive=$3
shift 3
additional=$*
objects=$archive.objects
rm -rf "$objects"
mkdir -p "$objects"

# compile FOLDER FLAGS FILE...: the files without their ".c". Nothing unwinds the stack here, so there are no tables for it.
compile() {
    folder=$1 flags=$2
    shift 2
    for file; do
        # shellcheck disable=SC2086
        clang --target=x86_64-unknown-linux-musl -Os -std=gnu11 -ffunction-sections -fdata-sections \
            -fno-stack-protector -fno-asynchronous-unwind-tables -nostdinc -isystem "$headers" \
            -isystem "$(clang -print-resource-dir)/include" -ffile-prefix-map="$sources=codecs" -DNDEBUG $flags \
            $additional -c "$sources/$folder/$file.c" -o "$objects/$(echo "$folder/$file" | tr / -).o"
    done
}

small="-DZSTD_LEGACY_SUPPORT=0 -DDYNAMIC_BMI2=0 -DZSTD_DISABLE_ASM=1 -DHUF_DISABLE_FAST_DECODE=1 -DHUF_FORCE_DECOMPRESS_X1 \
    -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT -DZSTD_STRIP_ERROR_STRINGS -DZSTD_NO_TRACE"
compile zstd/lib "$small -DZSTD_NO_INLINE" \
    common/entropy_common common/error_private common/fse_decompress common/xxhash common/zstd_common \
    decompress/huf_decompress decompress/zstd_ddict decompress/zstd_decompress
compile zstd/lib "$small" decompress/zstd_decompress_block

# Of xz's filters for machine code that for x86: no kernel for another processor is loaded here. CRC32 and CRC64 are
# CyclicChecksum.swift's.
folders=
for folder in liblzma/api liblzma/common liblzma/check liblzma/delta liblzma/lz liblzma/lzma liblzma/rangecoder \
    liblzma/simple common; do
    folders="$folders -I$sources/xz/src/$folder"
done
compile xz/src/liblzma "$folders -DHAVE_STDBOOL_H -DHAVE_STDINT_H -DHAVE_INTTYPES_H -DHAVE_LIMITS_H -DHAVE_STRING_H \
    -DHAVE_SMALL -DHAVE_CHECK_CRC32 -DHAVE_CHECK_CRC64 -DHAVE_CHECK_SHA256 -DHAVE_DECODERS -DHAVE_DECODER_LZMA1 \
    -DHAVE_DECODER_LZMA2 -DHAVE_DECODER_X86 -DTUKLIB_SYMBOL_PREFIX=lzma_ -DTUKLIB_FAST_UNALIGNED_ACCESS=1" \
    common/common common/alone_decoder common/block_decoder common/block_header_decoder common/block_util \
    common/filter_common common/filter_decoder common/filter_flags_decoder common/index_hash common/stream_decoder \
    common/stream_flags_common common/stream_flags_decoder common/vli_decoder common/vli_size \
    check/check check/sha256 lz/lz_decoder lzma/lzma_decoder lzma/lzma2_decoder \
    simple/simple_coder simple/simple_decoder simple/x86

compile zlib "" inflate inffast inftrees zutil

compile bzip2 -DBZ_NO_STDIO bzlib decompress huffman randtable crctable

llvm-ar rcD "$archive.new" "$objects"/*.o
rm -rf "$objects"
mv -f "$archive.new" "$archive"
