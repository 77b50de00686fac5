// SPDX-License-Identifier: MIT
// Whole files of each format, from the memfd that they are unpacked into to the errors of the C libraries.
import BootFormats
@testable import Kexec

/// Small, so that a file of zeros cannot slow the search down.
private let limit: UInt64 = 1 << 18

func fuzzDecompression(_ input: UnsafeRawBufferPointer) {
    let bytes = input.bytes
    guard let compression = Compression(recognizing: bytes) else { return }
    let contents = unpacked(bytes, compression, limit)
    guard let contents, !contents.isEmpty else { return }
    // Each of these takes as long as the first.
    if input.count & 1 == 0 {
        expect(unpacked(bytes, compression, limit * 2) == contents, "the limit changes nothing of what is below it")
    } else {
        expect(
            unpacked(bytes, compression, UInt64(contents.count) - 1) == nil,
            "nothing becomes more than the limit allows")
    }
}

private func unpacked(_ bytes: borrowing RawSpan, _ compression: Compression, _ limit: UInt64) -> [UInt8]? {
    do throws(FileProblem) {
        var output = try MemoryFile(limit: limit)
        try unpack(bytes, compression, .kernel, into: &output)
        let size = output.count
        expect(size <= Int(limit), "the limit holds")
        let file = try output.finished()
        expect(file.byteCount == size, "every byte is there")
        return file.bytes.withUnsafeBytes { Array($0) }
    } catch {
        check(error, bytes.byteCount)
        return nil
    }
}

/// What is told of a file that is refused is true of it.
private func check(_ problem: FileProblem, _ count: Int) {
    switch problem {
    case .corrupt(_, let offset): expect(offset <= count, "what is corrupt is in the file")
    case .truncated(_, let size): expect(size == count, "what is cut has its size")
    case .trailingBytes(_, let offset, let rest):
        expect(rest > 0 && offset + rest == count, "what follows goes on to the end")
    case .memoryShort(let needed, let available): expect(needed > available, "what is short of memory needs more")
    case .dictionaryTooLarge, .unknownFilter: break
    default: expect(false, "what is in a file is to blame")
    }
}
