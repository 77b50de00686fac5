// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// A kernel that is taken out of its payload, with real bytes.
@Suite struct UnpackedKernelTests {
    private static let place = PhysicalRange(from: PhysicalAddress(0x100_0000), to: PhysicalAddress(0x120_0000))
    private static let word: UInt64 = 0xffff_ffff_8100_0040
    /// Where the segment begins in the file, and the places in it that move.
    private static let (segment, wide, inverse, narrow) = (0x200, 0x210, 0x220, 0x230)

    /// An ELF file of one segment and no section, with these words of a relocation table behind it.
    private func kernel(_ lists: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = [0x7f] + Array("ELF".utf8) + [2, 1, 1] + [UInt8](repeating: 0, count: 0x2f9)
        for (offset, value) in [(0x10, 2), (0x12, 62), (0x34, 64), (0x36, 56), (0x38, 1), (0x3a, 64)] {
            bytes.store(UInt16(value), at: offset)
        }
        for (offset, value) in [(0x18, 0x100_0000), (0x20, 64), (0x48, 0x200), (0x58, 0x100_0000), (0x60, 0x100)] {
            bytes.store(UInt64(value), at: offset)
        }
        for (offset, value) in [(0x14, 1), (0x40, 1), (0x44, 5)] { bytes.store(UInt32(value), at: offset) }
        bytes.store(0xffff_ffff_8100_0000 as UInt64, at: 0x50)
        bytes.store(0x100 as UInt64, at: 0x68)
        // e_shoff, which means nothing where there is no section.
        bytes.store(UInt64.max, at: 0x28)
        for offset in [Self.wide, Self.inverse, Self.narrow] { bytes.store(Self.word, at: offset) }
        for word in lists { bytes.appendLittle(word) }
        return bytes
    }

    private func unpacked(
        _ kernel: [UInt8], by distance: UInt64, check: (UnpackedLinux, borrowing RawSpan) -> Void = { _, _ in }
    ) -> UnpackingObstacle? {
        let payload = InitrdBuilder.gzip(kernel)
        do throws(UnpackingObstacle) {
            let unpacked = try UnpackedKernel(
                payload.span.bytes, size: UInt64(kernel.count), linkedAt: Self.place, movedBy: distance, Progress())
            check(unpacked.image, unpacked.map.bytes)
            return nil
        } catch { return error }
    }

    @Test(arguments: [0, 0x20_0000, 0x3e00_0000] as [UInt64]) func isMovedInTheMemoryThatIsLoaded(distance: UInt64) {
        let kernel = kernel([0, 0x8100_0010, 0, 0x8100_0020, 0, 0x8100_0030])
        var isChecked = false
        let obstacle = unpacked(kernel, by: distance) { image, bytes in
            isChecked = true
            #expect(image.segments.map(\.file) == [Self.segment..<Self.segment + 0x100])
            #expect(bytes.byteCount == kernel.count)
            #expect(bytes.little(UInt64.self, at: Self.wide) == Self.word + distance)
            let low = UInt32(truncatingIfNeeded: Self.word)
            #expect(bytes.little(UInt32.self, at: Self.inverse) == low &- UInt32(distance))
            #expect(bytes.little(UInt32.self, at: Self.narrow) == low &+ UInt32(distance))
            let high = UInt32(Self.word >> 32)
            for place in [Self.inverse, Self.narrow] {
                #expect(bytes.little(UInt32.self, at: place + 4) == high, "only the low half moves")
            }
        }
        #expect(obstacle == nil && isChecked)
    }

    @Test func withoutATableItCannotBeMoved() { #expect(unpacked(kernel([]), by: 0) == .notMovable) }

    @Test func aPlaceInNoSegmentIsRefusedWhereItIsMoved() {
        let outside = kernel([0, 0x8100_0100, 0, 0, 0x8100_0030])
        #expect(unpacked(outside, by: 0) == nil)
        guard case .image(.badValue("relocation", _, _, _))? = unpacked(outside, by: 0x20_0000) else {
            Issue.record("\(String(describing: unpacked(outside, by: 0x20_0000)))")
            return
        }
    }
}
