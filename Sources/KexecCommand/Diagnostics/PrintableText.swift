// SPDX-License-Identifier: MIT

/// `text` as one line that leaves a terminal alone: control characters, which names of files and command lines may
/// hold, become "\\x1b", and what changes the direction of text or ends a line "\\u202e".
func printable(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        bytes.append(byte)
        guard let (code, length) = controlAtEnd(of: bytes) else { continue }
        bytes.removeLast(length)
        bytes += Array((code > 0xff ? "\\u" : "\\x").utf8)
        appendHexadecimal(code, digits: code > 0xff ? 4 : 2, to: &bytes)
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// The character that a terminal does not only show, where UTF-8 bytes end with one, and its number of bytes: U+0000 to U+001F,
/// U+007F to U+009F, and the marks of direction and of a line's end.
func controlAtEnd(of bytes: [UInt8]) -> (code: Int, length: Int)? {
    let count = bytes.count
    let last = Int(bytes[count - 1])
    if last < 0x20 || last == 0x7f { return (last, 1) }
    guard last & 0xc0 == 0x80, count >= 2 else { return nil }
    let code = Int(bytes[count - 2] & 0x3f) << 6 | last & 0x3f
    switch bytes[count - 2] {
    case 0xc2: return last < 0xa0 ? (code & 0xff, 2) : nil
    case 0xd8: return last == 0x9c ? (0x61c, 2) : nil
    default: break
    }
    guard count >= 3, bytes[count - 3] == 0xe2 else { return nil }
    switch code {
    case 0x0e, 0x0f, 0x28...0x2e, 0x66...0x69: return (0x2000 | code, 3)
    default: return nil
    }
}

func appendHexadecimal(_ value: Int, digits: Int, to bytes: inout [UInt8]) {
    for place in (0..<digits).reversed() {
        let digit = UInt8(value >> (4 * place) & 15)
        bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
}
