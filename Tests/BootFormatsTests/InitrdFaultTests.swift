// SPDX-License-Identifier: MIT
import Testing

@testable import BootFormats

/// What Linux 6.1 and 7.x were seen to panic at, by its first bytes, and what they were seen to take.
@Suite struct InitrdFaultTests {
    private func fault(_ bytes: [UInt8], behind front: [UInt8] = []) -> InitrdFault? {
        let all = front + bytes + [UInt8](repeating: 0x55, count: 32)
        return InitrdPieces(of: all.span.bytes).fault(of: all.span.bytes)
    }

    /// The beginning of an xz file: stream header, then a block's header.
    private func xz(check: UInt8, block: [UInt8] = [2, 0, 0x21, 1, 0x1c]) -> [UInt8] {
        [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, check, 1, 2, 3, 4] + block
    }

    @Test(
        arguments: [(0, nil), (1, nil), (4, .xzCheck(4)), (10, .xzCheck(10)), (15, .xzCheck(15))]
            as [(UInt8, InitrdFault?)])
    func xzWithAnotherCheckThanCRC32(_ check: UInt8, _ expected: InitrdFault?) {
        #expect(fault(xz(check: check)) == expected)
    }

    @Test func xzWithAFilterThatLinuxLacks() {
        // The number of filters, less 1, is in the flags; two sizes may stand before the first.
        #expect(fault(xz(check: 1, block: [2, 1, 4, 0, 0x21, 1, 0x1c])) == nil)
        #expect(fault(xz(check: 1, block: [2, 1, 3, 1, 0, 0x21, 1, 0x1c])) == .xzFilter(3))
        #expect(fault(xz(check: 1, block: [2, 0xc1, 0x83, 0x83, 1, 4, 3, 1, 0, 0x21, 1, 0x1c])) == .xzFilter(3))
        #expect(fault(xz(check: 1, block: [2, 0xc1, 3, 0x84, 1, 4, 0, 0x21, 1, 0x1c])) == nil)
        // A flag of the stream that nobody knows yet is no filter's fault.
        var unknown = xz(check: 1)
        unknown[6] = 1
        #expect(fault(unknown) == nil)
        // A size that does not end in the header, 12 bytes here, leaves no filter.
        #expect(fault(xz(check: 0, block: [2, 0x41] + [UInt8](repeating: 0x80, count: 40))) == nil)
    }

    @Test(arguments: [UInt8](0...255)) func gzipWithAnotherFieldThanAName(flags: UInt8) {
        let isTaken = flags & ~0x09 == 0
        #expect(fault([0x1f, 0x8b, 8, flags]) == (isTaken ? nil : .gzipField(flags: flags)))
    }

    @Test func theFormatThatLZ4WritesByItself() {
        #expect(fault([0x04, 0x22, 0x4d, 0x18, 0x64]) == .lz4Frame)
        #expect(fault([0x02, 0x21, 0x4c, 0x18, 1, 0, 0, 0]) == nil)
    }

    @Test(arguments: [UInt8](0x50...0x5f)) func framesToSkip(number: UInt8) {
        let frame: [UInt8] = [number, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]
        #expect(fault(frame + [0x28, 0xb5, 0x2f, 0xfd, 0x24, 1]) == .skippableFrame)
        #expect(fault(frame + [0x02, 0x21, 0x4c, 0x18, 1, 0, 0, 0]) == .skippableFrame)
    }

    @Test func zstdWithAWindowOfMoreThan128MiB() {
        let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]
        #expect(fault(magic + [0, 17 << 3]) == nil)
        #expect(fault(magic + [0, 17 << 3 | 1]) == .zstdWindow)
        #expect(fault(magic + [1, 0]) == .zstdWindow, "a dictionary")
        #expect(fault(magic + [0xa0, 0, 0, 0, 8]) == nil)
        #expect(fault(magic + [0xa0, 1, 0, 0, 8]) == .zstdWindow)
    }

    @Test func archivesOfOldFormats() {
        #expect(fault(Array("070707000001".utf8)) == .oldArchive)
        #expect(fault([0xc7, 0x71, 1, 0]) == .oldArchive)
    }

    @Test func looksBehindWhatIsNotCompressedAndBehindZeros() {
        let fields = "070701" + String(repeating: "0", count: 88) + "00000002" + "00000000"
        let front = Array(fields.utf8) + [0x61, 0]
        #expect(front.count == 112)
        for zeros in [0, 4, 400] {
            #expect(fault(xz(check: 4), behind: front + [UInt8](repeating: 0, count: zeros)) == .xzCheck(4))
            #expect(fault(xz(check: 4), behind: [UInt8](repeating: 0, count: zeros)) == .xzCheck(4))
        }
    }

    /// A kernel may have another use for it: the image of a file system, a floppy disk.
    @Test func saysNothingOfWhatItDoesNotKnow() {
        for bytes in [[1, 2, 3, 4], [0x5d, 0, 0, 0x80, 0], Array("BZh9".utf8), Array("hsqs".utf8), [0x30]] as [[UInt8]]
        {
            #expect(fault(bytes) == nil)
        }
        #expect([UInt8]().withUnsafeBytes { InitrdFault(of: RawSpan(_unsafeBytes: $0), at: 0) } == nil)
    }

    /// What is cut off can only leave less to tell, and nothing is told of what lies behind the end.
    @Test func tellsTheSameOfWhatIsCutOrNothing() {
        let all = xz(check: 1, block: [2, 0xc1, 0x83, 0x83, 1, 4, 3, 1, 0, 0x21, 1, 0x1c])
        for count in 0...all.count {
            let bytes = Array(all.prefix(count))
            let fault = InitrdFault(of: bytes.span.bytes, at: 0)
            #expect(fault == nil || fault == .xzFilter(3) && count >= 19, "\(count) bytes")
            #expect(InitrdFault(of: bytes.span.bytes, at: count) == nil)
            #expect(InitrdFault(of: bytes.span.bytes, at: count + 1) == nil)
        }
    }
}
