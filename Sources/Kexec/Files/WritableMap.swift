// SPDX-License-Identifier: MIT
internal import CLinux

/// A writable map: of a file's beginning, shared with it, or of memory.
@safe struct WritableMap: ~Copyable {
    private(set) var base: UnsafeMutableRawPointer?
    private(set) var size = 0

    mutating func enlarge(to newSize: Int, of file: Int32) throws(FileProblem) {
        guard size == 0 else { return try move(to: newSize) }
        // The kernel chooses the address.
        try check(unsafe kx_map(file, UInt(newSize), 1, &base))
        size = newSize
    }

    /// Zero bytes that belong to no file; whole huge pages where they need not be enlarged a second time.
    mutating func enlarge(to newSize: Int) throws(FileProblem) {
        if size == 0 { try mapMemory(newSize) } else { try move(to: newSize) }
        // Without it the pages are small, no more. The map has this address and size.
        if let base = unsafe base { _ = unsafe madvise(base, newSize, 14 /* MADV_HUGEPAGE */) }
    }

    private static let hugePage = 2 << 20

    /// Maps so much that a part of the size begins on a huge page, and lets go of the rest.
    private mutating func mapMemory(_ newSize: Int) throws(FileProblem) {
        try check(unsafe kx_map_memory(UInt(newSize + Self.hugePage), &base))
        size = newSize + Self.hugePage
        guard let start = unsafe base else { return }
        let excess = (0 &- Int(bitPattern: start)) & (Self.hugePage - 1)
        // Both parts lie in the map: the excess is smaller than a huge page, and a multiple of a page as the address is.
        if excess > 0 { _ = unsafe munmap(start, excess) }
        unsafe base = start + excess
        size -= excess
        cut(to: newSize)
    }

    private mutating func move(to newSize: Int) throws(FileProblem) {
        // The address and the size are those of the present map.
        try check(unsafe kx_enlarge_map(&base, UInt(size), UInt(newSize)))
        size = newSize
    }

    /// Unmaps the pages behind the first `newSize` bytes.
    private mutating func cut(to newSize: Int) {
        let end = (newSize + Self.page - 1) & ~(Self.page - 1)
        // The rest of the map, which nobody has an address in.
        if let base = unsafe base, end < size { _ = unsafe munmap(base + end, size - end) }
        size = min(size, newSize)
    }

    private static let page = 4096

    private func check(_ result: Int32) throws(FileProblem) {
        guard result == 0 else { throw .failed(CallFailure(call: .mmap, errno: -result)) }
    }

    /// Gives the map of the first `count` bytes away.
    /// - Returns: its address; nil where nothing is mapped any more.
    mutating func release(keeping count: Int) -> UnsafeMutableRawPointer? {
        cut(to: count)
        defer {
            unsafe base = nil
            size = 0
        }
        return unsafe size > 0 ? base : nil
    }

    deinit {
        // Only `MemoryFile` lends it, and not beyond a call.
        if let base = unsafe base, size > 0 { _ = unsafe munmap(base, size) }
    }
}
