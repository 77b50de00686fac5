// SPDX-License-Identifier: MIT

/// `text` as one line that leaves a terminal alone: control characters, which names of files and command lines may
/// hold, become "\\x1b".
func printable(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        // U+0080 to U+009F control terminals as well; in UTF-8 they are 0xc2 and the byte.
        let isSecondHalf = bytes.last == 0xc2 && (0x80...0x9f).contains(byte)
        guard byte < 0x20 || byte == 0x7f || isSecondHalf else {
            bytes.append(byte)
            continue
        }
        if isSecondHalf { bytes.removeLast() }
        let digits = Array("0123456789abcdef".utf8)
        bytes += Array("\\x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: bytes, as: UTF8.self)
}
