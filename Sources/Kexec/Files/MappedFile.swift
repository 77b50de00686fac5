// SPDX-License-Identifier: MIT
internal import CLinux

/// A whole file, mapped read-only and private: its bytes are pages of the page cache, lent as long as it lives. Or memory
/// in the place of one.
///
/// A file that another process cuts short while it is mapped ends this process with SIGBUS, as it does every
/// program that maps files; `kexec` catches that.
@safe public struct MappedFile: ~Copyable {
    private let file: FileDescriptor
    @usableFromInline let base: UnsafeMutableRawPointer?
    /// In bytes.
    public let byteCount: Int

    /// Maps all of an open file.
    /// - Parameter size: the file's size in bytes; 0 maps nothing.
    init(_ file: consuming FileDescriptor, size: UInt64) throws(FileProblem) {
        // Half of the address space at most: sums of two sizes stay in range.
        let limit = UInt64(Int.max / 2)
        guard size <= limit else { throw .tooLarge(size: size, limit: limit) }
        var address: UnsafeMutableRawPointer?
        if size > 0 {
            // The kernel chooses the address.
            let result = unsafe kx_map(file.number, UInt(size), 0, &address)
            guard result == 0 else { throw .failed(CallFailure(call: .mmap, errno: -result)) }
        }
        self.file = file
        unsafe base = address
        byteCount = Int(size)
    }

    /// Takes over memory that is no file's; its descriptor is -1.
    /// - Parameter size: how many bytes of the map are kept.
    init(_ memory: consuming WritableMap, size: Int) {
        var memory = memory
        file = FileDescriptor(owning: -1)
        unsafe base = memory.release(keeping: size)
        byteCount = size
    }

    /// No file: no bytes, and the descriptor -1.
    init() {
        file = FileDescriptor(owning: -1)
        unsafe base = nil
        byteCount = 0
    }

    // Inlinable because Embedded Swift needs it wherever an owner of a map goes out of scope.
    @inlinable deinit {
        // Nobody can hold a span any more: it borrows from self.
        unsafe unmap(base, byteCount)
    }

    /// The file's bytes.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            // The map has `byteCount` bytes and lives as long as self.
            let buffer = unsafe UnsafeRawBufferPointer(start: base, count: byteCount)
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), borrowing: self)
        }
    }

    /// The open file's number, for system calls that take one.
    public var fileDescriptor: Int32 { file.number }
}

@usableFromInline func unmap(_ base: UnsafeMutableRawPointer?, _ byteCount: Int) {
    // The one caller has the address and size of its own map.
    if let base = unsafe base { _ = unsafe munmap(base, byteCount) }
}
