// SPDX-License-Identifier: MIT
import Foundation

/// An initrd of any size from three small pieces: head, a block of 1 MiB repeated with its number in its first 8 bytes,
/// tail. Host and guest put the same bytes together.
struct InitrdPieces: Sendable {
    static let blockSize = 1 << 20

    var head: [UInt8]
    var block: [UInt8]
    var count: Int
    var tail: [UInt8]

    /// A cpio archive of `/init`, a console and a file of `mebibytes` that no compressor makes smaller.
    init(program: [UInt8], mebibytes: Int) {
        var archive = CPIOArchive()
        archive.add(characterDevice: "dev/console", major: 5, minor: 1)
        archive.add(file: "init", program, executable: true)
        archive.add(headOf: "ballast", size: UInt32(mebibytes * Self.blockSize))
        head = archive.bytes
        archive.finish()
        tail = Array(archive.bytes[head.count...])
        block = Self.random(Self.blockSize)
        count = mebibytes
    }

    /// Calls `write` with the pieces of the whole file, in order.
    func assemble(_ write: ([UInt8]) throws -> Void) rethrows {
        try write(head)
        var block = block
        for number in 0..<count {
            for byte in 0..<8 { block[byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
            try write(block)
        }
        try write(tail)
    }

    /// xorshift64 from a fixed seed, little-endian.
    static func random(_ size: Int) -> [UInt8] {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return (0..<(size / 8)).flatMap { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return (0..<8).map { UInt8(truncatingIfNeeded: state >> (8 * UInt64($0))) }
        }
    }
}
