// SPDX-License-Identifier: MIT
internal import BootFormats

/// A decoder of a C library that takes and gives bytes as they come.
protocol StreamDecoder: ~Copyable {
    init() throws(FileProblem)

    /// Decodes as much as input and room allow.
    mutating func step(_ input: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer) -> DecodingStep
}

/// What one step did.
struct DecodingStep {
    enum State { case more, ended, corrupt, memoryShort, dictionaryTooLarge, unknownFilter }

    /// Bytes of input and output.
    var consumed: Int
    var produced: Int
    var state: State
}

/// Windows of 128 MiB and a little to manage them: more than any kernel's, and no more than a small machine has.
let decoderMemoryLimit: UInt64 = 130 << 20

/// Unpacks stream after stream, until nothing more comes out that is wanted; gzip, xz and bzip2 files may
/// have several.
/// - Returns: where the last one ends.
func unpackStreams<Decoder: StreamDecoder & ~Copyable>(
    of input: CompressedInput, _: Decoder.Type, into output: inout MemoryFile
) throws(FileProblem) -> Int {
    if !input.isArchive { output.expectedSize = expectedSize(of: input) }
    // Of a kernel its head tells what is needed.
    if case .payload = input.contents { try output.checkExpectedSize() }
    var position = 0
    repeat {
        var decoder = try Decoder()
        if try unpackStream(of: input, from: &position, with: &decoder, into: &output) { return position }
    } while input.continues(at: position)
    try input.checkEnd(at: position, unpackedSize: output.count)
    return position
}

/// - Returns: whether nothing more comes out that is wanted.
@inline(never) private func unpackStream<Decoder: StreamDecoder & ~Copyable>(
    of input: CompressedInput, from position: inout Int, with decoder: inout Decoder, into output: inout MemoryFile
) throws(FileProblem) -> Bool {
    while true {
        let rest = unsafe input.rest(from: position)
        var state = DecodingStep.State.more
        var consumed = 0
        let before = output.count
        let end = output.end
        try unsafe output.append { room, used in
            // What is beyond the bytes used is room.
            let free = input.room(behind: used, of: min(room.count, end))
            let step = unsafe decoder.step(rest, UnsafeMutableRawBufferPointer(rebasing: room[free]))
            state = step.state
            consumed = step.consumed
            return step.produced
        }
        position += consumed
        let isEnough = try input.isEnough(&output)
        switch state {
        case .ended: return isEnough
        // Ten gigabytes of zeros are recognised by their beginning.
        case .more where isEnough: return true
        case .more where consumed == 0 && output.count == before:
            throw output.remaining == 0 && position < input.count ? output.isFull : input.truncated
        case .more: break
        case .corrupt: throw .corrupt(input.compression, at: position)
        case .memoryShort: throw .memoryShort(needed: decoderMemoryLimit, available: 0)
        case .dictionaryTooLarge: throw .dictionaryTooLarge(input.compression, limit: decoderMemoryLimit)
        case .unknownFilter: throw .unknownFilter(input.compression)
        }
    }
}

/// What the file says about its unpacked size; 0 where it says nothing that can be true.
private func expectedSize(of input: CompressedInput) -> UInt64 {
    let size: UInt64
    switch input.compression {
    case .gzip: size = UInt64(input.little32(at: input.count - 4) ?? 0)
    case .lzma:
        size = UInt64(input.little32(at: 5) ?? 0) | UInt64(input.little32(at: 9) ?? 0) << 32
    default: return 0
    }
    // Neither packs better than this, so anything above is no size.
    let highest = UInt64(input.count) * (input.compression == .gzip ? 1032 : 8192)
    return size <= highest ? size : 0
}
