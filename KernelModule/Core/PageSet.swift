// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// A set of page numbers, one bit each.
@safe struct PageSet: ~Copyable {
    private let words: UnsafeMutablePointer<UInt64>?
    private let count: UInt64

    /// The set that nothing is in and nothing can be put in.
    init() {
        unsafe words = nil
        count = 0
    }

    /// For the numbers from 0 to `count`; nil: no memory.
    init?(count: UInt64) {
        self.count = count
        guard count > 0 else {
            unsafe words = nil
            return
        }
        // Zeroed, and so an empty set.
        guard let table = unsafe glue_allocate_table(Self.size(count)) else { return nil }
        unsafe pagesHeld += Self.pages(count)
        unsafe words = table.assumingMemoryBound(to: UInt64.self)
    }

    private static func size(_ count: UInt64) -> UInt64 { (count + 63) / 64 * 8 }
    private static func pages(_ count: UInt64) -> UInt64 { (size(count) + pageSize - 1) / pageSize }

    func contains(_ number: UInt64) -> Bool {
        guard number < count, let words = unsafe words else { return false }
        return unsafe words[Int(number / 64)] >> (number % 64) & 1 == 1
    }

    mutating func insert(_ number: UInt64) {
        guard number < count, let words = unsafe words else { return }
        unsafe words[Int(number / 64)] |= 1 << (number % 64)
    }

    deinit {
        guard let words = unsafe words else { return }
        unsafe glue_free_table(words)
        unsafe pagesHeld -= Self.pages(count)
    }
}
