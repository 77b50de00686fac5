// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

/// What the BIOS keeps in the first megabyte, as sums: the diagnostic payload compares them with what it finds.
public struct FirmwareSums: Hashable, Sendable {
    /// Interrupt vectors, 0 to 0x3ff.
    public var vectors: UInt32
    /// The BIOS data area, 0x400 to 0x4ff.
    public var dataArea: UInt32
    /// Option ROMs and the BIOS, 0xc0000 to 0xfffff.
    public var roms: UInt32

    public init(vectors: UInt32, dataArea: UInt32, roms: UInt32) {
        (self.vectors, self.dataArea, self.roms) = (vectors, dataArea, roms)
    }

    /// Reads `/dev/mem`, of which every kernel that is not locked down shows this much. The extended data area shares a
    /// page with RAM, which is shown as zeros.
    /// - Returns: nil where it cannot be read.
    init?(readingMemory path: ByteString) {
        guard let file = try? FileDescriptor(reading: path),
            let vectors = Self.sum(of: 0..<0x400, in: file), let dataArea = Self.sum(of: 0x400..<0x500, in: file),
            let roms = Self.sum(of: 0xc_0000..<0x10_0000, in: file)
        else { return nil }
        self.init(vectors: vectors, dataArea: dataArea, roms: roms)
    }

    /// The words that `Payloads/KexecTest` reads, each behind a blank.
    var words: ByteString { ByteString(" ivt=\(vectors) bda=\(dataArea) rom=\(roms)") }

    private static func sum(of range: Range<Int>, in file: borrowing FileDescriptor) -> UInt32? {
        file.bytes(at: UInt64(range.lowerBound), count: range.count).map { sum(of: $0) }
    }

    /// Of 32-bit words, little-endian; the sum is rotated left by one before each of them.
    static func sum(of bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0
        for start in stride(from: 0, to: bytes.count - 3, by: 4) {
            var word: UInt32 = 0
            for index in 0..<4 { word |= UInt32(bytes[start + index]) << UInt32(8 * index) }
            sum = (sum << 1 | sum >> 31) &+ word
        }
        return sum
    }
}

extension FileDescriptor {
    /// Bytes of `/dev/mem`, or of any file; nil where not all of them can be read.
    borrowing func bytes(at offset: UInt64, count: Int) -> [UInt8]? {
        guard let offset = off_t(exactly: offset) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        // The buffer has as many bytes as the call is told.
        let read = unsafe bytes.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, offset) }
        return read == count ? bytes : nil
    }
}
