// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import PhysicalMemory

/// A file without a name that lives in memory (memfd) and grows while it is written, through a map; or only the memory,
/// where nobody takes its descriptor.
struct MemoryFile: ~Copyable {
    /// -1 for memory of this process alone.
    private let file: FileDescriptor
    private var window = WritableMap()
    /// Bytes written.
    private(set) var count = 0
    /// Bytes that may be written.
    private let limit: Int
    /// What the writer expects to need, for the message when it is more than the limit; 0 where unknown.
    var expectedSize: UInt64 = 0
    private var knowsHead = false
    /// How many bytes are wanted: what comes behind an image of known size is nobody's.
    private(set) var end = Int.max
    /// Told by those who write.
    let progress: Progress

    /// A file that kexec_file_load can take.
    /// - Parameter limit: the memory that there is, in bytes.
    init(limit: UInt64, progress: Progress = Progress()) throws(FileProblem) {
        // The name shows in /proc/self/fd only, and lives for the call.
        let number = unsafe "kexec".withCString { unsafe kx_memfd_create($0, 1 /* MFD_CLOEXEC */) }
        guard number >= 0 else { throw .failed(CallFailure(call: .memfdCreate, errno: Int32(clamping: -number))) }
        self.init(FileDescriptor(owning: Int32(clamping: number)), limit, progress)
    }

    /// Memory of this process alone, in huge pages where Linux has them: one fault for 2 MiB. Those of a memfd come one by
    /// one, which takes longer than to unpack an lz4 kernel into them.
    /// - Parameter limit: the memory that there is, in bytes.
    init(withoutDescriptor limit: UInt64, progress: Progress = Progress()) {
        self.init(FileDescriptor(owning: -1), limit, progress)
    }

    private init(_ file: consuming FileDescriptor, _ limit: UInt64, _ progress: Progress) {
        self.file = file
        self.progress = progress
        self.limit = Int(clamping: min(limit, UInt64(Int.max / 2)))
    }

    /// Bytes that the limit leaves.
    var remaining: Int { limit - count }

    /// The limit is reached, and there is more.
    var isFull: FileProblem {
        .memoryShort(needed: max(expectedSize, UInt64(limit) + 1), available: UInt64(limit))
    }

    /// The bytes written so far.
    var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            // All of these have been written, and stay until the next change.
            let buffer = unsafe UnsafeRawBufferPointer(start: window.base, count: count)
            return unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), borrowing: self)
        }
    }

    /// Whether what is there rules out a kernel, however it goes on; what it is instead can be told by then.
    var isNoKernel: Bool { count >= Self.recognisable && end == .max && !KernelImage.isPossible(bytes) }

    private static let recognisable = 1 << 20

    /// Learns from an image's head how long it is, as soon as all of that is there: then no more is wanted than the image and
    /// a page.
    /// - Throws: `.memoryShort`
    mutating func heedHead() throws(FileProblem) {
        guard !knowsHead, count >= Self.head else { return }
        knowsHead = true
        guard let size = KernelImage.fileSize(of: bytes) else { return }
        guard size <= UInt64(limit) else { throw .memoryShort(needed: size, available: UInt64(limit)) }
        end = max(count, Int(size) + Int(pageSize))
    }

    /// As many bytes as headers lie in.
    static let head = 64 << 10

    /// Bytes that are still wanted.
    var wanted: Int { max(0, end - count) }

    /// Refuses early what cannot end well.
    func checkExpectedSize() throws(FileProblem) {
        guard expectedSize <= UInt64(limit) else {
            throw .memoryShort(needed: expectedSize, available: UInt64(limit))
        }
    }

    /// Makes room for at least `size` more bytes; the room costs memory only once it is written to.
    /// - Throws: `.memoryShort` where the limit forbids it.
    mutating func reserve(_ size: Int) throws(FileProblem) {
        guard size > window.size - count else { return }
        guard size <= limit - count else {
            let needed = UInt64(count) + UInt64(size)
            throw .memoryShort(needed: max(needed, expectedSize), available: UInt64(limit))
        }
        let doubled = min(limit, max(window.size, Self.firstSize) * 2)
        let capacity = max(doubled, count + size)
        guard file.number >= 0 else { return try window.enlarge(to: capacity) }
        try setFileSize(capacity)
        try window.enlarge(to: capacity, of: file.number)
    }

    private func setFileSize(_ size: Int) throws(FileProblem) {
        let result = kx_ftruncate(file.number, UInt64(size))
        guard result == 0 else { throw .failed(CallFailure(call: .ftruncate, errno: -result)) }
    }

    private static let firstSize = 8 << 20

    /// Lends the room for more bytes, at least one below the limit, and all of the bytes written before it.
    ///
    /// - Parameter body: gets the whole room and how much of it is written; returns how many bytes it added.
    mutating func append(
        _ body: (UnsafeMutableRawBufferPointer, Int) throws(FileProblem) -> Int
    ) throws(FileProblem) {
        try reserve(min(1, remaining))
        // The map is `window.size` bytes long and stays until the next `reserve`.
        let added = unsafe try body(
            UnsafeMutableRawBufferPointer(start: window.base, count: window.size), count)
        count += added
    }

    /// Writes zeros until the count is a multiple of `alignment`.
    mutating func pad(to alignment: Int) throws(FileProblem) {
        let padding = (alignment - count % alignment) % alignment
        guard padding > 0 else { return }
        try reserve(padding)
        try unsafe append { room, used in
            // Decoders copy in large pieces, and leave more behind than they tell of. `reserve` made room for the zeros.
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[used..<used + padding])
            _ = unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
            return padding
        }
    }

    /// Ends the writing: a file has its exact size, and is mapped read-only.
    consuming func finished() throws(FileProblem) -> MappedFile {
        let size = count
        guard file.number >= 0 else { return MappedFile(window, size: size) }
        try setFileSize(size)
        return try MappedFile(file, size: UInt64(size))
    }
}
