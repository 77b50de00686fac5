// SPDX-License-Identifier: MIT

/// Packets of the GDB remote serial protocol: `$` text `#` and two hexadecimal digits of the sum of its bytes.
enum GDBPacket {
    static func encoded(_ text: String) -> [UInt8] {
        let body = Array(text.utf8)
        return [UInt8(ascii: "$")] + body + [UInt8(ascii: "#")] + digits(body.reduce(0, &+))
    }

    /// Takes the first whole packet out of `bytes`, with the acknowledgements before it.
    /// - Returns: its text; nil when none is complete.
    /// - Throws: when the sum is wrong.
    static func take(from bytes: inout [UInt8]) throws -> String? {
        guard let start = bytes.firstIndex(of: UInt8(ascii: "$")),
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "#")), end + 2 < bytes.count
        else { return nil }
        let body = bytes[(start + 1)..<end]
        let sum = Array(bytes[(end + 1)...(end + 2)])
        bytes.removeFirst(end + 3)
        guard sum == digits(body.reduce(0, &+)) else { throw LabError("a packet of the debug stub is damaged") }
        return String(decoding: body, as: UTF8.self)
    }

    static func digits(_ byte: UInt8) -> [UInt8] {
        let table = Array("0123456789abcdef".utf8)
        return [table[Int(byte >> 4)], table[Int(byte & 15)]]
    }
}
