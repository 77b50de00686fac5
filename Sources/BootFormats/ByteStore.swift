// SPDX-License-Identifier: MIT

extension [UInt8] {
    /// Writes `value` in little-endian order at `offset`; what does not fit is left out.
    ///
    /// Offsets come from our own layouts, never from a file.
    public mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        var rest = value
        for index in offset..<offset + MemoryLayout<Value>.size {
            guard indices.contains(index) else { return }
            self[index] = UInt8(truncatingIfNeeded: rest)
            rest >>= 8
        }
    }

    /// Writes `bytes` at `offset`; what does not fit is left out.
    public mutating func store(_ bytes: some Collection<UInt8>, at offset: Int) {
        for (index, byte) in zip(offset..<count, bytes) { self[index] = byte }
    }

    /// Adds `value` at the end, in little-endian order.
    public mutating func appendLittle<Value: FixedWidthInteger>(_ value: Value) {
        var rest = value
        for _ in 0..<MemoryLayout<Value>.size {
            append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// Adds zeros until the count is a multiple of `alignment`.
    public mutating func pad(to alignment: Int) {
        while count % alignment != 0 { append(0) }
    }

    /// The little-endian integer at `offset`; nil where the bytes end before it does.
    public func loadLittle<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset <= count, count - offset >= size else { return nil }
        return self[offset..<offset + size].reversed().reduce(0) { $0 << 8 | Value($1) }
    }
}
