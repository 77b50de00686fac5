// SPDX-License-Identifier: MIT

extension RawSpan {
    /// The little-endian integer at `offset`, checked against the end of the bytes.
    /// - Throws: `.endsInside` naming `field` where the bytes end before the integer does.
    public func little<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, at offset: Int, _ field: FieldName
    ) throws(ImageError) -> Value {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset <= byteCount, byteCount - offset >= size else {
            let available = Swift.max(0, byteCount - Swift.max(0, offset))
            throw .endsInside(field, at: offset, needed: size, available: available)
        }
        // The guard above proved the bounds; integers have no invalid bit patterns.
        return Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
