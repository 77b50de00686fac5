// SPDX-License-Identifier: MIT
// What the static program needs and musl does not have, and what stands in for parts of the codec libraries that
// are left out of it (scripts/build-embedded.sh names them). CODEC_STAND_INS: fuzzing has the latter, too.
#if hasFeature(Embedded) || CODEC_STAND_INS
    internal import CLinux
#endif
#if CODEC_STAND_INS
    @testable internal import Kexec
#endif

#if hasFeature(Embedded)
    /// Fills `count` bytes with random numbers: the seed of Dictionary's and Set's hashing, good for nothing else.
    @c(arc4random_buf)
    func fillWithRandomBytes(_ bytes: UnsafeMutableRawPointer?, _ count: Int) {
        // GRND_INSECURE never waits: hashing needs no entropy, and a kexec early in the boot must not hang for it.
        // Kernels before 5.6 refuse the flag; the buffer then keeps what it held, and any seed will do.
        _ = unsafe getrandom(bytes, count, UInt32(GRND_INSECURE))
    }
#endif

#if hasFeature(Embedded) || CODEC_STAND_INS
    /// libbz2, compiled without files, calls this where it finds a bug of its own, and does not expect it to return.
    @c(bz_internal_error)
    func endForInternalError(_ number: Int32) { exit(3) }

    /// libbz2's archive is compiled against glibc's checked `fprintf`, for a message about a bug of its own before it exits.
    @c(__fprintf_chk)
    func printNothing(_ file: UnsafeMutableRawPointer?, _ flag: Int32, _ format: UnsafePointer<CChar>?) -> Int32 { 0 }

    /// `ZSTD_error_prefix_unknown`, negated as libzstd returns it: what its own code says without the old formats.
    private let unknownFormat = -10

    /// In place of libzstd's decoders of its formats before 0.8, and of functions that are never called.
    @c(kexec_refuse_format)
    func refuseFormat() -> Int { unknownFormat }

    /// In place of `ZSTDv05_findFrameSizeInfoLegacy` and its like, which return through pointers.
    @c(kexec_refuse_frame_size)
    func refuseFrameSize(
        _ source: UnsafeRawPointer?, _ count: Int, _ compressedSize: UnsafeMutablePointer<Int>?,
        _ decompressedBound: UnsafeMutablePointer<UInt64>?
    ) {
        // The caller's own variables; `ZSTD_CONTENTSIZE_ERROR` is all ones but one.
        unsafe compressedSize?.pointee = unknownFormat
        unsafe decompressedBound?.pointee = .max - 1
    }

    /// zlib's `crc32`; of no bytes it is asked for the value to begin with.
    @c(kexec_crc32)
    func zlibChecksum(_ before: UInt, _ bytes: UnsafePointer<UInt8>?, _ count: UInt32) -> UInt {
        UInt(unsafe checksum32(bytes, Int(count), UInt32(truncatingIfNeeded: before)))
    }

    /// In place of liblzma's own, whose tables are part of the program.
    @c(lzma_crc32)
    func checksum32(_ bytes: UnsafePointer<UInt8>?, _ count: Int, _ before: UInt32) -> UInt32 {
        // As many bytes as the library says, which are its caller's.
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
        return UInt32(truncatingIfNeeded: unsafe CyclicChecksum.crc32.checksum(of: buffer, after: UInt64(before)))
    }

    /// In place of liblzma's own, whose tables are part of the program.
    @c(lzma_crc64)
    func checksum64(_ bytes: UnsafePointer<UInt8>?, _ count: Int, _ before: UInt64) -> UInt64 {
        // As many bytes as the library says, which are its caller's.
        unsafe CyclicChecksum.crc64.checksum(of: UnsafeRawBufferPointer(start: bytes, count: count), after: before)
    }
#endif

#if hasFeature(Embedded)
    // Strings are paths and kernel options here, and equal when their bytes are: no scalar is composed, decomposed or
    // reordered. The standard library's tables, which say otherwise, would be 35 KB.

    /// Combining class 0, nothing to normalise: what the standard library's own says of most scalars.
    @c(_swift_stdlib_getNormData)
    func normalizationData(_ scalar: UInt32) -> UInt16 { 0 }

    /// "None".
    @c(_swift_stdlib_getDecompositionEntry)
    func decompositionEntry(_ scalar: UInt32) -> UInt32 { .max }

    /// "None".
    @c(_swift_stdlib_getComposition)
    func composition(_ first: UInt32, _ second: UInt32) -> UInt32 { .max }
#endif
