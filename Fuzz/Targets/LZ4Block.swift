// SPDX-License-Identifier: MIT
// Our own lz4 block decoder, with room that AddressSanitizer watches on both sides, beside one that takes byte after byte.
// runs: 2
@testable import Kexec

/// 256 bytes of history, then the room for one block.
nonisolated(unsafe) private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 + 4096, alignment: 1)

func fuzzLZ4Block(_ input: UnsafeRawBufferPointer) {
    for index in 0..<256 { room[index] = UInt8(truncatingIfNeeded: index * 29 + 1) }
    let history = input.count & 1 == 0 ? 0 : 256
    let size = unpackLZ4Block(input, into: room, at: 256, end: room.count, history: history)
    let expected = plainlyUnpacked(input, Array(room[history..<256]), 4096)
    expect(size == expected?.count, "a block has the size that its bytes say, or is refused")
    for index in 0..<256 {
        expect(room[index] == UInt8(truncatingIfNeeded: index * 29 + 1), "what was unpacked before stays")
    }
    guard let expected else { return }
    expect(room[256..<256 + expected.count].elementsEqual(expected), "a block is unpacked to what its bytes say")
}

/// By the format's description alone ("LZ4 Block Format Description"); nil where the block is not valid.
private func plainlyUnpacked(_ block: UnsafeRawBufferPointer, _ history: [UInt8], _ limit: Int) -> [UInt8]? {
    var output = history
    var rest = Array(block)[...]
    func length(_ first: UInt8) -> Int? {
        guard first == 15 else { return Int(first) }
        var sum = 15
        while let byte = rest.popFirst() {
            sum += Int(byte)
            if byte != 255 { return sum }
        }
        return nil
    }
    while let token = rest.popFirst() {
        guard let literals = length(token >> 4), literals <= rest.count,
            output.count + literals <= limit + history.count
        else { return nil }
        output += rest.prefix(literals)
        rest = rest.dropFirst(literals)
        if rest.isEmpty { return Array(output.dropFirst(history.count)) }
        guard let low = rest.popFirst(), let high = rest.popFirst(), let extra = length(token & 15) else { return nil }
        let distance = Int(low) | Int(high) << 8
        guard distance > 0, distance <= output.count, output.count + extra + 4 <= limit + history.count else {
            return nil
        }
        for _ in 0..<extra + 4 { output.append(output[output.count - distance]) }
    }
    return nil
}
