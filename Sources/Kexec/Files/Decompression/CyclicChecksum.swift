// SPDX-License-Identifier: MIT

/// A cyclic redundancy check of up to 64 bits that takes the lowest bit of each byte first.
///
/// Eight bytes are taken at a time, with a table for each of them ("slicing by 8"). The tables are calculated: in the
/// program they would be 8 KB for each polynomial.
struct CyclicChecksum {
    /// 256 entries for a byte that is the last one, then as many for one with one byte behind it, up to seven.
    private let tables: [UInt64]
    private let ones: UInt64

    /// - Parameter polynomial: its lowest bit is the coefficient of the highest power but one.
    init(bits: UInt64, polynomial: UInt64) {
        ones = .max >> (64 - bits)
        var tables: [UInt64] = []
        tables.reserveCapacity(8 * 256)
        for byte in 0..<UInt64(256) {
            tables.append((0..<8).reduce(byte) { rest, _ in rest >> 1 ^ (rest & 1 == 0 ? 0 : polynomial) })
        }
        for index in 256..<8 * 256 {
            let shorter = tables[index - 256]
            tables.append(tables[Int(shorter & 0xff)] ^ shorter >> 8)
        }
        self.tables = tables
    }

    /// The one of gzip and of XZ's headers, ISO 3309.
    static let crc32 = CyclicChecksum(bits: 32, polynomial: 0xedb8_8320)
    /// XZ's default for contents, ECMA-182.
    static let crc64 = CyclicChecksum(bits: 64, polynomial: 0xc96c_5795_d787_0f42)

    /// - Parameter before: the checksum of the bytes before these; 0 where there are none.
    func checksum(of bytes: UnsafeRawBufferPointer, after before: UInt64) -> UInt64 {
        unsafe tables.withUnsafeBufferPointer { tables in unsafe rest(bytes, before ^ ones, tables) ^ ones }
    }

    private func rest(
        _ bytes: UnsafeRawBufferPointer, _ before: UInt64, _ tables: UnsafeBufferPointer<UInt64>
    ) -> UInt64 {
        guard let input = bytes.baseAddress, let table = tables.baseAddress else { return before }
        var rest = before
        var offset = 0
        while offset <= bytes.count &- 8 {
            // The loop's condition is the bound of the input, a byte that of each table.
            var word = rest ^ UInt64(littleEndian: unsafe input.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            rest = 0
            for place in 0..<8 {
                rest ^= unsafe table[(7 &- place) &* 256 &+ Int(truncatingIfNeeded: word & 0xff)]
                word &>>= 8
            }
            offset &+= 8
        }
        while offset < bytes.count {
            let byte = UInt64(unsafe input.load(fromByteOffset: offset, as: UInt8.self))
            rest = unsafe table[Int(truncatingIfNeeded: (rest ^ byte) & 0xff)] ^ rest &>> 8
            offset &+= 1
        }
        return rest
    }
}
