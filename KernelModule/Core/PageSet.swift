// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

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
        guard let table = unsafe glue_allocate_table((count + 63) / 64 * 8) else { return nil }
        unsafe words = table.assumingMemoryBound(to: UInt64.self)
    }

    func contains(_ number: UInt64) -> Bool {
        guard number < count, let words = unsafe words else { return false }
        return unsafe words[Int(number / 64)] >> (number % 64) & 1 == 1
    }

    mutating func insert(_ number: UInt64) {
        guard number < count, let words = unsafe words else { return }
        unsafe words[Int(number / 64)] |= 1 << (number % 64)
    }

    deinit {
        if let words = unsafe words { unsafe glue_free_table(words) }
    }
}
