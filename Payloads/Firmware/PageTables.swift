// SPDX-License-Identifier: MIT
import Hardware

/// Page tables of a payload's own, in seven pages that it keeps: what 32 bits can address is mapped to itself, for the BIOS,
/// devices and all that a payload uses lie there, and the map that was found need not have all of it.
///
///     0-3 page directories   4 page directory pointers   5 fourth level   6 fifth level
/// - Parameter start: of the seven pages, below 4 GiB.
func mapFirst4GiB(by start: UnsafeMutableRawPointer) {
    let isPresentAndWritable: UInt64 = 3
    let isLarge: UInt64 = 0x80
    // Seven pages of 512 entries.
    let tables = unsafe start.assumingMemoryBound(to: UInt64.self)
    let base = UInt64(UInt(bitPattern: start))
    var index = 0
    while index < 7 * 512 {
        let value: UInt64
        switch index {
        case ..<2048: value = UInt64(index) << 21 | isLarge | isPresentAndWritable
        case 2048..<2052: value = base &+ UInt64(index &- 2048) << 12 | isPresentAndWritable
        case 5 * 512: value = base &+ 4 << 12 | isPresentAndWritable
        case 6 * 512: value = base &+ 5 << 12 | isPresentAndWritable
        default: value = 0
        }
        unsafe tables[index] = value
        index &+= 1
    }
    let has5Levels = read_cr4() & 1 << 12 != 0
    write_cr3(base &+ (has5Levels ? 6 : 5) << 12)
}
