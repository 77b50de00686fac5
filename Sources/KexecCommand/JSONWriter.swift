// SPDX-License-Identifier: MIT

/// A JSON value, as much of it as a report needs. Keys keep their order.
indirect enum JSONValue {
    case string(String)
    case number(UInt64)
    case boolean(Bool)
    case null
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// Addresses are strings: many readers round integers above 2^53.
    static func address(_ value: UInt64) -> JSONValue { .string(hexadecimal(value)) }

    static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

    /// One line of JSON (RFC 8259), without a newline.
    var text: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .string(let text): Self.quote(text, to: &bytes)
        case .number(let value): bytes += Array(String(value).utf8)
        case .boolean(let value): bytes += Array((value ? "true" : "false").utf8)
        case .null: bytes += Array("null".utf8)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.quote(member.0, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.1.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func quote(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
            // A terminal may be what reads it.
            guard let (code, length) = controlAtEnd(of: bytes) else { continue }
            bytes.removeLast(length)
            bytes += Array("\\u".utf8)
            appendHexadecimal(code, digits: 4, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
