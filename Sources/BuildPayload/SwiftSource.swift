// SPDX-License-Identifier: MIT

/// Swift source with a constant for each name: text in a StaticString, the only form in which the compiler takes large
/// data quickly. Seven bits a character, all that UTF-8 allows without a second byte: base64 would be 2.8 KB larger.
func swiftSource(_ constants: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var text = "// Made by BuildPayload. Do not edit.\n"
    for constant in constants { text += "let \(constant.name): StaticString = \"\(septets(constant.bytes))\"\n" }
    return Array(text.utf8)
}

/// Seven bits in each character, the first bit of all first; zeros fill up the last one.
func septets(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    func add(_ value: UInt8) {
        switch value {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), value]
        case 0x20..<0x7f: text.append(value)
        default: text += Array("\\u{".utf8) + [digits[Int(value >> 4)], digits[Int(value & 15)], UInt8(ascii: "}")]
        }
    }
    var group: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
        group = group << 8 | UInt32(byte)
        bits += 8
        while bits >= 7 {
            bits -= 7
            add(UInt8(truncatingIfNeeded: group >> bits) & 0x7f)
        }
    }
    if bits > 0 { add(UInt8(truncatingIfNeeded: group << (7 - bits)) & 0x7f) }
    return String(decoding: text, as: UTF8.self)
}
