// SPDX-License-Identifier: MIT
// Our own lz4 block decoder, with room that AddressSanitizer watches on both sides.
// runs: 2
@testable import Kexec

/// 256 bytes of history, then the room for one block.
nonisolated(unsafe) private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 + 4096, alignment: 1)

@_cdecl("LLVMFuzzerTestOneInput")
public func unpackBlock(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let block = UnsafeRawBufferPointer(start: start, count: count)
    let size = unpackLZ4Block(block, into: room, at: 256, end: room.count, history: count & 1 == 0 ? 0 : 256)
    expect(size ?? 0 <= 4096, "a block keeps to its room")
    return 0
}
