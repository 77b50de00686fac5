// SPDX-License-Identifier: MIT

// Also compiled for the host, for its tests.

/// The payload's own copy of its command line: words of the form `name=value`.
@safe struct CommandLine {
    private let start: UnsafePointer<UInt8>
    private let count: Int

    /// Copies `line` up to its NUL, or its first `limit` bytes.
    /// - Parameter copy: room for `limit` bytes.
    init(copying line: UnsafePointer<UInt8>?, to copy: UnsafeMutablePointer<UInt8>, limit: Int) {
        var count = 0
        // Neither pointer is used beyond the NUL and the limit.
        if let line = unsafe line {
            while count < limit, unsafe line[count] != 0 {
                unsafe copy[count] = line[count]
                count &+= 1
            }
        }
        self.count = count
        unsafe start = UnsafePointer(copy)
    }

    /// What stands behind `name=`, of the last word that begins so.
    @inline(never) func value(of name: StaticString) -> Word? {
        var found: Word?
        var position = 0
        while position < count {
            let word = unsafe Word(start: start + position, limit: count &- position)
            if let value = word.value(of: name) { found = value }
            position &+= word.count &+ 1
        }
        return found
    }
}

/// Some characters of the command line.
@safe struct Word {
    private let start: UnsafePointer<UInt8>
    let count: Int

    /// The characters before the next blank.
    fileprivate init(start: UnsafePointer<UInt8>, limit: Int) {
        var count = 0
        // The caller's line has `limit` bytes from here.
        while count < limit, unsafe start[count] > 0x20 { count &+= 1 }
        self.count = count
        unsafe self.start = start
    }

    fileprivate func value(of name: StaticString) -> Word? {
        let length = name.utf8CodeUnitCount
        guard count > length, begins(with: name), unsafe start[length] == UInt8(ascii: "=") else { return nil }
        return unsafe Word(start: start + (length &+ 1), limit: count &- length &- 1)
    }

    /// A number in decimal, or in hexadecimal behind `0x`; nil where it is none, or has more than 64 bits.
    var number: UInt64? {
        let isHexadecimal = begins(with: "0x")
        let base: UInt64 = isHexadecimal ? 16 : 10
        var position = isHexadecimal ? 2 : 0
        guard position < count else { return nil }
        var number: UInt64 = 0
        while position < count {
            let letter = unsafe start[position]
            let digit: UInt64
            switch letter {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(letter &- 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(letter &- 0x57)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(letter &- 0x37)
            default: return nil
            }
            let (product, overflow) = number.multipliedReportingOverflow(by: base)
            guard digit < base, !overflow, product <= .max - digit else { return nil }
            number = product &+ digit
            position &+= 1
        }
        return number
    }

    static func == (word: Word, text: StaticString) -> Bool {
        word.count == text.utf8CodeUnitCount && word.begins(with: text)
    }

    private func begins(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return false }
        var position = 0
        while position < length {
            if unsafe start[position] != text.utf8Start[position] { return false }
            position &+= 1
        }
        return true
    }
}
