// SPDX-License-Identifier: MIT

// Text of /proc and /sys as bytes. Characters are not used: their tables would double the size of the program, and a
// kernel's text need not be UTF-8.
extension Array<UInt8> {
    /// The lines without their newlines; empty lines are left out.
    var lines: [ArraySlice<UInt8>] { split(separator: UInt8(ascii: "\n")) }

    /// All of it without white space at either end.
    var trimmed: ArraySlice<UInt8> { self[...].trimmed }
}

extension String {
    /// Whether its bytes are those of `text`. `==` compares characters, whose tables are 12 KB of the program.
    @inline(never) package func equals(_ text: StaticString) -> Bool { Array(utf8)[...].equals(text) }
}

extension ArraySlice<UInt8> {
    /// Without white space at either end.
    var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isSpace }), let last = lastIndex(where: { !$0.isSpace }) else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }

    /// The runs of bytes between white space.
    var words: [ArraySlice<UInt8>] { split(whereSeparator: { $0.isSpace }) }

    func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && hasPrefix(text) }

    func hasPrefix(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        // The bytes of a StaticString live as long as the program; the guard proved that self has as many.
        return text.withUTF8Buffer { unsafe elementsEqualStart(of: $0) }
    }

    func hasSuffix(_ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && suffix(text.utf8CodeUnitCount).hasPrefix(text)
    }

    /// The first place at which `text` begins.
    func firstIndex(of text: StaticString) -> Int? {
        guard count >= text.utf8CodeUnitCount else { return nil }
        return (startIndex...(endIndex - text.utf8CodeUnitCount)).first { self[$0...].hasPrefix(text) }
    }

    /// What stands before and after the first `separator`, each without white space around it.
    func value(of separator: StaticString) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        guard let place = firstIndex(of: separator) else { return nil }
        return (self[..<place].trimmed, self[(place + separator.utf8CodeUnitCount)...].trimmed)
    }

    /// The number that the digits stand for, all of them; nil for none, for other bytes and beyond 64 bits.
    func number(radix: UInt64) -> UInt64? {
        guard !isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in self {
            guard let digit = byte.digit, digit < radix else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(digit)
            guard !tooLarge, !carry else { return nil }
            value = sum
        }
        return value
    }

    /// A decimal number.
    var decimal: UInt64? { number(radix: 10) }

    /// A hexadecimal number, with or without `0x`.
    var hexadecimal: UInt64? { (hasPrefix("0x") || hasPrefix("0X") ? dropFirst(2) : self).number(radix: 16) }

    /// Bytes that are no UTF-8 become U+FFFD.
    var string: String { String(decoding: self, as: UTF8.self) }

    private func elementsEqualStart(of text: UnsafeBufferPointer<UInt8>) -> Bool {
        var place = startIndex
        for index in text.indices {
            if unsafe self[place] != text[index] { return false }
            place += 1
        }
        return true
    }
}

extension UInt8 {
    /// The white space of C's locale.
    var isSpace: Bool { self == UInt8(ascii: " ") || (9...13).contains(self) }

    /// 0 to 15 for a hexadecimal digit.
    var digit: UInt64? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(self - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(self - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(self - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
