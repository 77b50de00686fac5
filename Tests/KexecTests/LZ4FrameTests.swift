// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@testable import Kexec

/// Frames that are put together from their fields ("LZ4 Frame Format Description", version 1.6).
private struct FrameBuilder {
    /// Version 1, independent blocks.
    var flags: UInt8 = 0x60
    /// Blocks of 64 KiB.
    var blockDescriptor: UInt8 = 0x40
    var contentSize: UInt64?
    /// As they are in the file, and what comes out of all of them.
    var blocks: [(isPacked: Bool, bytes: [UInt8])] = [(false, [1, 2, 3, 4, 5])]
    var contents: [UInt8] = [1, 2, 3, 4, 5]
    /// Changed in the checksums of header, first block and contents.
    var errors: (header: UInt8, block: UInt32, contents: UInt32) = (0, 0, 0)

    private func sum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { xxHash32($0) } }

    var bytes: [UInt8] {
        var header = [flags, blockDescriptor]
        if let contentSize { header.appendLittle(contentSize) }
        var bytes: [UInt8] = [0x04, 0x22, 0x4d, 0x18]
        bytes += header + [UInt8(truncatingIfNeeded: sum(header) >> 8) ^ errors.header]
        for (index, block) in blocks.enumerated() {
            bytes.appendLittle(UInt32(block.bytes.count) | (block.isPacked ? 0 : 1 << 31))
            bytes += block.bytes
            if flags & 0x10 != 0 { bytes.appendLittle(sum(block.bytes) ^ (index == 0 ? errors.block : 0)) }
        }
        bytes.appendLittle(UInt32(0))
        if flags & 0x04 != 0 { bytes.appendLittle(sum(contents) ^ errors.contents) }
        return bytes
    }

    func unpacked(_ change: (inout [UInt8]) -> Void = { _ in }) -> Result<[UInt8], FileProblem> {
        var bytes = bytes
        change(&bytes)
        do throws(FileProblem) {
            var output = try MemoryFile(limit: 1 << 24)
            try unpack(bytes.span.bytes, .lz4, .payload, into: &output)
            let file = try output.finished()
            return .success(file.bytes.withUnsafeBytes { Array($0) })
        } catch { return .failure(error) }
    }

    /// Where what is wrong was found; nil where nothing is.
    var corruption: Int? { if case .failure(.corrupt(.lz4, let place)) = unpacked() { place } else { nil } }
}

@Suite struct LZ4FrameTests {
    @Test func everyBitOfTheFlagsIsAsTheFormatHasIt() {
        for flags in 0...0xff as ClosedRange<UInt8> {
            var frame = FrameBuilder()
            frame.flags = flags
            frame.contentSize = flags & 0x08 != 0 ? 5 : nil
            let isKnown = flags & 0xc0 == 0x40 && flags & 0x03 == 0
            #expect((frame.unpacked() == .success(frame.contents)) == isKnown, "\(flags)")
            #expect(frame.corruption == (isKnown ? nil : 4), "\(flags)")
        }
        for descriptor in 0...0xff as ClosedRange<UInt8> {
            var frame = FrameBuilder()
            frame.blockDescriptor = descriptor
            let isKnown = [0x40, 0x50, 0x60, 0x70].contains(descriptor)
            #expect(frame.corruption == (isKnown ? nil : 4), "\(descriptor)")
        }
    }

    @Test func everyChecksumIsChecked() {
        var frame = FrameBuilder()
        frame.errors.header = 1
        #expect(frame.corruption == 6)
        frame = FrameBuilder(flags: 0x74)
        #expect(frame.unpacked() == .success(frame.contents))
        frame.errors.block = 1
        #expect(frame.corruption != nil)
        frame.errors = (0, 0, 1 << 31)
        #expect(frame.corruption != nil)
        frame = FrameBuilder(flags: 0x68, contentSize: 6)
        #expect(frame.corruption != nil)
        frame.contentSize = 5
        #expect(frame.unpacked() == .success(frame.contents))
        // Sums that are not there are not missed.
        frame = FrameBuilder(flags: 0x60)
        frame.errors = (0, 1, 1)
        #expect(frame.unpacked() == .success(frame.contents))
    }

    @Test func aBlockIsNoLargerThanTheFrameSays() {
        for (code, size) in [(4, 1 << 16), (5, 1 << 18), (6, 1 << 20), (7, 1 << 22)] as [(UInt8, Int)] {
            var frame = FrameBuilder()
            frame.blockDescriptor = code << 4
            // What may be a kernel is unpacked to its end.
            frame.contents = [0x7f, 0x45, 0x4c, 0x46] + [UInt8](repeating: 7, count: size - 4)
            frame.blocks = [(false, frame.contents)]
            #expect(frame.unpacked() == .success(frame.contents))
            frame.blocks = [(false, frame.contents + [7])]
            #expect(frame.corruption == 11)
        }
    }

    /// Four literals, then four bytes from four before, then one literal.
    private let packed: [UInt8] = [0x40, 1, 2, 3, 4, 4, 0, 0x10, 9]

    @Test func blocksReachIntoEarlierOnesWhereTheyAreLinked() {
        // All of it is a match that begins eight bytes before the block.
        let reaching: [UInt8] = [0x04, 8, 0, 0x10, 9]
        var frame = FrameBuilder(flags: 0x40)
        frame.blocks = [(true, packed), (true, reaching)]
        let first: [UInt8] = [1, 2, 3, 4, 1, 2, 3, 4, 9]
        frame.contents = first + [2, 3, 4, 1, 2, 3, 4, 9, 9]
        #expect(frame.unpacked() == .success(frame.contents))
        frame.flags = 0x60
        #expect(frame.corruption != nil)
        // The frame before is another one.
        frame.flags = 0x40
        var second = frame
        second.blocks = [(true, reaching)]
        let both = frame.bytes + second.bytes
        guard case .failure(.corrupt) = frame.unpacked({ $0 = both }) else {
            Issue.record("reached into another frame")
            return
        }
    }

    @Test func aFrameThatIsCutIsCut() {
        var frame = FrameBuilder(flags: 0x7c, contentSize: 5)
        frame.blocks = [(false, frame.contents)]
        let bytes = frame.bytes
        for count in 4..<bytes.count {
            #expect(
                frame.unpacked { $0 = Array($0.prefix(count)) } == .failure(.truncated(.lz4, size: count)), "\(count)")
        }
    }
}
