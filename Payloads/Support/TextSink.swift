// SPDX-License-Identifier: MIT

/// Something that text can be written to. Its functions stay calls: speed is nothing here, and size is.
protocol TextSink {
    mutating func put(_ byte: UInt8)
}

extension TextSink {
    @inline(never) mutating func put(_ text: StaticString) {
        var next = unsafe text.utf8Start
        // A static string has as many bytes as it says.
        for _ in 0..<text.utf8CodeUnitCount {
            put(unsafe next.pointee)
            unsafe next += 1
        }
    }

    @inline(never) mutating func putHexadecimal(_ value: UInt64) {
        put("0x")
        var shift: UInt64 = 64
        var leading = true
        while shift > 0 {
            shift &-= 4
            let digit = UInt8(truncatingIfNeeded: value &>> shift) & 15
            leading = leading && digit == 0 && shift > 0
            if !leading { put(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit) }
        }
    }

    @inline(never) mutating func putDecimal(_ value: UInt32) {
        var unit: UInt32 = 1_000_000_000
        while unit > 0 {
            if value >= unit || unit == 1 { put(0x30 &+ UInt8(truncatingIfNeeded: value / unit % 10)) }
            unit /= 10
        }
    }
}
