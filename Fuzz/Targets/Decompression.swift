// SPDX-License-Identifier: MIT
// Whole files of each format, from the memfd that they are unpacked into to the errors of the C libraries.
import BootFormats
@testable import Kexec

/// Small, so that a file of zeros cannot slow the search down.
private let limit: UInt64 = 1 << 18

@_cdecl("LLVMFuzzerTestOneInput")
public func unpackFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    withSpan(start, count) { bytes in
        guard let compression = Compression(recognizing: bytes) else { return }
        do throws(FileProblem) { try check(compression, bytes) } catch {}
    }
}

private func check(_ compression: Compression, _ bytes: borrowing RawSpan) throws(FileProblem) {
    var output = try MemoryFile(limit: limit)
    try unpack(bytes, compression, .kernel, into: &output)
    let size = output.count
    expect(size <= Int(limit), "the limit holds")
    let file = try output.finished()
    expect(file.byteCount == size, "every byte is there")
}
