// SPDX-License-Identifier: MIT

/// xxHash, 32 bits, seed 0 (the algorithm's specification, version 0.1.1): lz4's checksum.
func xxHash32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let prime1: UInt32 = 0x9e37_79b1
    let prime2: UInt32 = 0x85eb_ca77
    let prime3: UInt32 = 0xc2b2_ae3d
    let prime4: UInt32 = 0x27d4_eb2f
    let prime5: UInt32 = 0x1656_67b1
    var offset = 0
    func word() -> UInt32 {
        // Only called where at least four bytes are left.
        let word = UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        offset += 4
        return word
    }
    func rotated(_ value: UInt32, by count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
    var hash = prime5
    if bytes.count >= 16 {
        var lane1 = prime1 &+ prime2
        var lane2 = prime2
        var lane3: UInt32 = 0
        var lane4 = 0 &- prime1
        while bytes.count - offset >= 16 {
            lane1 = rotated(lane1 &+ word() &* prime2, by: 13) &* prime1
            lane2 = rotated(lane2 &+ word() &* prime2, by: 13) &* prime1
            lane3 = rotated(lane3 &+ word() &* prime2, by: 13) &* prime1
            lane4 = rotated(lane4 &+ word() &* prime2, by: 13) &* prime1
        }
        hash = rotated(lane1, by: 1) &+ rotated(lane2, by: 7) &+ rotated(lane3, by: 12) &+ rotated(lane4, by: 18)
    }
    hash = hash &+ UInt32(truncatingIfNeeded: bytes.count)
    while bytes.count - offset >= 4 { hash = rotated(hash &+ word() &* prime3, by: 17) &* prime4 }
    while offset < bytes.count {
        // The loop's condition is the bound.
        hash = rotated(hash &+ UInt32(unsafe bytes[offset]) &* prime5, by: 11) &* prime1
        offset += 1
    }
    hash = (hash ^ hash >> 15) &* prime2
    hash = (hash ^ hash >> 13) &* prime3
    return hash ^ hash >> 16
}
