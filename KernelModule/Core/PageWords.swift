// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// The 512 words of a page that the module owns, read and written through the running kernel's own map of RAM.
///
/// An index outside is a trap: no memory of another is touched, the calling process ends with its stack in the kernel's log,
/// and the device stays busy for the rest of this boot.
@safe struct PageWords {
    static let count = 512

    private let base: UnsafeMutablePointer<UInt64>

    /// - Parameter page: the physical address of RAM, page-aligned.
    init(_ page: PhysicalAddress) {
        // The kernel maps all RAM, and what comes here has come from its allocator.
        unsafe base = glue_pointer(page.rawValue).assumingMemoryBound(to: UInt64.self)
    }

    subscript(index: Int) -> UInt64 {
        get {
            precondition(index >= 0 && index < Self.count)
            return unsafe base[index]
        }
        nonmutating set {
            precondition(index >= 0 && index < Self.count)
            unsafe base[index] = newValue
        }
    }

    func clear() {
        unsafe base.update(repeating: 0, count: Self.count)
    }
}
