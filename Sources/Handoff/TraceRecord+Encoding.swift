// SPDX-License-Identifier: MIT
// Not part of the payloads: arrays are the loader's business.

extension TraceRecord {
    /// The record as it lies in memory, `size` bytes.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.size)
        unsafe Swift.withUnsafeBytes(of: self) { block in
            // A test asserts that the record's size is `size`.
            for index in 0..<Self.size { bytes.append(unsafe block[index]) }
        }
        return bytes
    }
}
