// SPDX-License-Identifier: MIT
import BootFormats

/// Pieces that initrds are made of.
enum InitrdBuilder {
    static let file: UInt32 = 0o100644
    static let folder: UInt32 = 0o040755
    static let link: UInt32 = 0o120777

    /// One file of a cpio archive; what is wrong with it is told by the caller.
    static func entry(
        _ name: String, _ contents: [UInt8] = [], mode: UInt32 = file, magic: String = "070701", size: Int? = nil,
        nameSize: Int? = nil
    ) -> [UInt8] {
        let fields = [
            1, mode, 0, 0, 1, 0, UInt32(size ?? contents.count), 0, 0, 0, 0, UInt32(nameSize ?? name.utf8.count + 1), 0,
        ]
        var bytes = Array(magic.utf8) + fields.flatMap { hexadecimal($0) } + Array(name.utf8) + [0]
        bytes.pad(to: 4)
        bytes += contents
        bytes.pad(to: 4)
        return bytes
    }

    private static func hexadecimal(_ value: UInt32) -> [UInt8] {
        (0..<8).map { Array("0123456789abcdef".utf8)[Int(value >> (28 - 4 * $0)) & 15] }
    }

    /// An archive of one file, padded as cpio pads it.
    static func archive(_ name: String, _ contents: [UInt8] = [1, 2, 3], padding: Int = 512) -> [UInt8] {
        var bytes = entry(name, contents) + entry("TRAILER!!!", mode: 0)
        bytes.pad(to: padding)
        return bytes
    }

    /// A gzip stream of blocks that are stored (RFC 1951, 3.2.4).
    static func gzip(_ contents: [UInt8], flags: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]
        if flags & 8 != 0 { bytes += Array("name".utf8) + [0] }
        var rest = contents[...]
        repeat {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(0xffff)
            bytes.append(rest.isEmpty ? 1 : 0)
            bytes.appendLittle(UInt16(block.count))
            bytes.appendLittle(~UInt16(block.count))
            bytes += block
        } while !rest.isEmpty
        bytes.appendLittle(checksum(contents))
        bytes.appendLittle(UInt32(contents.count))
        return bytes
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = (sum >> 1) ^ (sum & 1 == 0 ? 0 : 0xedb8_8320) }
        }
        return ~sum
    }

    /// lz4's old format, of one block of literals.
    /// - Parameters:
    ///   - matched: that many bytes of them come once more at the end, 4 to 18 or none.
    ///   - distance: how far back those are.
    static func lz4(_ contents: [UInt8], repeating matched: Int = 0, from distance: Int = 0) -> [UInt8] {
        precondition(contents.count >= 15 && contents.count < 8 << 20)
        var block: [UInt8] = [0xf0 + UInt8(max(matched - 4, 0))]
        block += [UInt8](repeating: 255, count: (contents.count - 15) / 255)
        block.append(UInt8((contents.count - 15) % 255))
        block += contents
        if matched > 0 {
            block.appendLittle(UInt16(distance))
            block.append(0)  // the last sequence: no literals, and no match
        }
        var bytes: [UInt8] = []
        bytes.appendLittle(LZ4Magic.legacy)
        bytes.appendLittle(UInt32(block.count))
        return bytes + block
    }

    /// What `bootconfig -a` appends.
    static func bootconfig(_ text: String, change: UInt32 = 0) -> [UInt8] {
        var bytes = Array(text.utf8)
        let (size, sum) = (UInt32(bytes.count), bytes.reduce(0) { $0 + UInt32($1) })
        bytes.appendLittle(size)
        bytes.appendLittle(sum ^ change)
        return bytes + Array("#BOOTCONFIG\n".utf8)
    }
}
