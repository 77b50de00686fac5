// SPDX-License-Identifier: MIT

extension RawSpan {
    /// The little-endian integer at `offset`, checked against the end of the bytes.
    /// - Throws: `.endsInside` naming `field` where the bytes end before the integer does.
    public func little<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, at offset: Int, _ field: FieldName
    ) throws(ImageError) -> Value {
        guard let value = little(type, at: offset) else {
            let available = Swift.max(0, byteCount - Swift.max(0, offset))
            throw .endsInside(field, at: offset, needed: MemoryLayout<Value>.size, available: available)
        }
        return value
    }

    /// The little-endian integer at `offset`; nil where the bytes end before it does.
    public func little<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value? {
        guard offset >= 0, offset <= byteCount, byteCount - offset >= MemoryLayout<Value>.size else { return nil }
        // The guard above proved the bounds; integers have no invalid bit patterns.
        return Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// The byte at `offset`; nil beyond the end.
    public func byte(at offset: Int) -> UInt8? { little(UInt8.self, at: offset) }

    /// Whether the bytes of `text` stand at `offset`.
    public func holds(_ text: StaticString, at offset: Int) -> Bool {
        guard offset >= 0, offset <= byteCount, byteCount - offset >= text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<expected.count {
                // The guard above proved the bounds of both.
                guard unsafe unsafeLoad(fromByteOffset: offset + index, as: UInt8.self) == expected[index] else {
                    return false
                }
            }
            return true
        }
    }
}
