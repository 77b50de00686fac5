// SPDX-License-Identifier: MIT

/// Swift source with a constant for each name: base64 in a StaticString, the only form in which the compiler takes large
/// data quickly.
func swiftSource(_ constants: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var text = "// Made by BuildPayload. Do not edit.\n"
    for constant in constants { text += "let \(constant.name): StaticString = \"\(base64(constant.bytes))\"\n" }
    return Array(text.utf8)
}

/// RFC 4648, section 4.
func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let count = min(3, bytes.count - start)
        var group: UInt32 = 0
        for index in 0..<3 { group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
        for index in 0..<4 {
            let digit = Int(group >> UInt32(18 - 6 * index)) & 63
            text.append(index <= count ? digits[digit] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
