// SPDX-License-Identifier: MIT

/// Text as kernels and file systems take it: bytes of no particular encoding, none of them 0.
///
/// A kernel's command line is one, and so is a file's name. Both are counted, compared and handed on as they are; only
/// `description` is made for people.
public struct ByteString: Hashable, Sendable {
    /// Without a 0 behind them.
    public let bytes: [UInt8]

    /// The bytes before the first 0, as C reads them.
    @inline(never) public init(_ bytes: [UInt8]) {
        self.bytes = bytes.firstIndex(of: 0).map { Array(bytes[..<$0]) } ?? bytes
    }

    /// The bytes before the first 0, as C reads them.
    @inline(never) public init(_ bytes: ArraySlice<UInt8>) { self.init(Array(bytes)) }

    /// The UTF-8 of `text`.
    @inline(never) public init(_ text: String) { self.init(Array(text.utf8)) }

    /// The bytes before the 0 at the end of a text of C's.
    public init(cString text: UnsafePointer<CChar>) {
        var bytes: [UInt8] = []
        // The caller promises the 0.
        while unsafe text[bytes.count] != 0 { bytes.append(UInt8(bitPattern: unsafe text[bytes.count])) }
        self.bytes = bytes
    }

    /// In bytes.
    public var count: Int { bytes.count }

    public var isEmpty: Bool { bytes.isEmpty }

    /// With the 0 at the end that boot protocols want.
    public var terminated: [UInt8] { bytes + [0] }

    /// The same for a call of the C library, which takes the array's address for the time of the call.
    public var cString: [CChar] { @inline(never) get { terminated.map { CChar(bitPattern: $0) } } }

    @inline(never) public static func += (left: inout ByteString, right: ByteString) {
        left = left + right
    }

    @inline(never) public static func + (left: ByteString, right: ByteString) -> ByteString {
        ByteString(left.bytes + right.bytes)
    }
}

extension ByteString: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self.init(text) }
}

extension ByteString: CustomStringConvertible {
    /// For people: a byte that belongs to no UTF-8 character is shown as `\xe9`. Nothing else is changed, so that a `\xe9`
    /// may also have been these four characters.
    public var description: String {
        var text: [UInt8] = []
        var offset = 0
        while offset < count {
            let length = characterLength(at: offset)
            if length > 0 {
                text += bytes[offset..<(offset + length)]
            } else {
                text += bytes[offset].escaped
            }
            offset += max(length, 1)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Bytes of the character that begins at `offset`, as RFC 3629 has them; 0 where none does.
    private func characterLength(at offset: Int) -> Int {
        let first = bytes[offset]
        let length: Int
        switch first {
        case ..<0x80: return 1
        case 0xc2...0xdf: length = 2
        case 0xe0...0xef: length = 3
        case 0xf0...0xf4: length = 4
        default: return 0
        }
        guard count - offset >= length, bytes[(offset + 1)..<(offset + length)].allSatisfy({ $0 & 0xc0 == 0x80 }) else {
            return 0
        }
        // Neither a longer form than need be, nor a surrogate, nor more than U+10FFFF.
        let second = bytes[offset + 1]
        switch first {
        case 0xe0: return second >= 0xa0 ? length : 0
        case 0xed: return second < 0xa0 ? length : 0
        case 0xf0: return second >= 0x90 ? length : 0
        case 0xf4: return second < 0x90 ? length : 0
        default: return length
        }
    }
}

extension UInt8 {
    /// "\xe9"
    fileprivate var escaped: [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return Array("\\x".utf8) + [digits[Int(self >> 4)], digits[Int(self & 15)]]
    }
}

extension DefaultStringInterpolation {
    /// As people read it.
    public mutating func appendInterpolation(_ text: ByteString) { appendInterpolation(text.description) }
}
