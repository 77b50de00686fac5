// SPDX-License-Identifier: MIT
internal import BootFormats

/// Unpacks a compressed file into memory.
/// - Parameter memoryLimit: how many bytes it may become.
func unpacked(
    _ file: borrowing MappedFile, _ compression: Compression, memoryLimit: UInt64, progress: Progress = Progress()
) throws(FileProblem) -> MappedFile {
    var output = try MemoryFile(limit: memoryLimit, progress: progress)
    try unpack(file.bytes, compression, .kernel, into: &output)
    guard output.count > 0 else { throw .unpacksToNothing(compression) }
    return try output.finished()
}

/// Unpacks all streams in `bytes`, which begin with one of `compression`, one after the other; of a kernel no more than
/// its head tells of.
///
/// The input is read where it lies and the output written where it stays: a decoder keeps its window at most.
/// - Throws: `.corrupt`, `.truncated`, `.trailingBytes`, `.memoryShort`, `.dictionaryTooLarge`,
///   `.unknownFilter`, `.codecMissing`
func unpack(
    _ bytes: borrowing RawSpan, _ compression: Compression, _ contents: CompressedInput.Contents,
    into output: inout MemoryFile
) throws(FileProblem) {
    let progress = output.progress
    // Decoders of C libraries take pointers; these are not kept beyond the call.
    _ = try unsafe bytes.withUnsafeBytes { input throws(FileProblem) in
        try unsafe decode(CompressedInput(input, compression, contents, progress: progress), into: &output)
    }
}

/// Unpacks the first stream in `bytes`, of an initrd, as far as a cpio archive comes of it.
/// - Returns: bytes of the stream; any number where no archive begins.
@inline(never) func unpackArchive(
    _ bytes: borrowing RawSpan, _ compression: Compression, into output: inout MemoryFile
) throws(FileProblem) -> Int {
    let start = output.count
    let progress = output.progress
    // As above.
    return try unsafe bytes.withUnsafeBytes { input throws(FileProblem) in
        try unsafe decode(CompressedInput(input, compression, .archive(from: start), progress: progress), into: &output)
    }
}

/// - Returns: bytes of the input that were unpacked.
@inline(never) private func decode(_ input: CompressedInput, into output: inout MemoryFile) throws(FileProblem) -> Int {
    switch input.compression {
    case .lz4: return try LZ4Decoder(input: input).unpack(into: &output)
    case .gzip:
        #if CODEC_ZLIB
            return try unpackStreams(of: input, GzipDecoder.self, into: &output)
        #else
            throw .codecMissing(input.compression)
        #endif
    case .xz:
        #if CODEC_LZMA
            return try unpackStreams(of: input, XZDecoder.self, into: &output)
        #else
            throw .codecMissing(input.compression)
        #endif
    case .lzma:
        #if CODEC_LZMA
            return try unpackStreams(of: input, LZMADecoder.self, into: &output)
        #else
            throw .codecMissing(input.compression)
        #endif
    case .zstd:
        #if CODEC_ZSTD
            return try unpackZstd(input, into: &output)
        #else
            throw .codecMissing(input.compression)
        #endif
    case .bzip2:
        #if CODEC_BZIP2
            return try unpackStreams(of: input, Bzip2Decoder.self, into: &output)
        #else
            throw .codecMissing(input.compression)
        #endif
    }
}
