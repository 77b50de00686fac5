// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// Runs of pages beside memory that is filled byte by byte.
@Suite struct ELFPageRunsTests {
    private let bytes = (0..<0x2_0000).map { UInt8(truncatingIfNeeded: $0 >> 8 ^ $0 | 1) }
    private static let start: UInt64 = 0x10_0000

    /// Segments from `start` on, one behind the other, with gaps of any size or none between them.
    private func segments(_ count: Int, _ numbers: inout Seeded) -> [ELFLoadSegment] {
        var address = Self.start
        return (0..<count).map { _ in
            address += numbers.number(0..<3) == 0 ? 0 : numbers.number(0..<0x1800)
            let memorySize = numbers.number(1..<0x2800)
            let fileSize = Int(numbers.number(0..<3) == 0 ? numbers.number(0..<memorySize) : memorySize)
            let first = Int(numbers.number(0..<UInt64(bytes.count - fileSize)))
            defer { address += memorySize }
            return ELFLoadSegment(
                file: first..<first + fileSize, physicalAddress: PhysicalAddress(address), memorySize: memorySize,
                virtualAddress: 0)
        }
    }

    /// What lies in each page that a segment touches, by its number.
    private func pages(of segments: [ELFLoadSegment]) -> [UInt64: [UInt8]] {
        var pages: [UInt64: [UInt8]] = [:]
        for segment in segments {
            let start = segment.physicalAddress.rawValue
            let contents = Array(bytes[segment.file])
            for page in start / pageSize...(start + segment.memorySize - 1) / pageSize {
                var made = pages[page] ?? Array(repeating: 0, count: 4096)
                for (offset, byte) in contents.enumerated() where (start + UInt64(offset)) / pageSize == page {
                    made[Int((start + UInt64(offset)) % pageSize)] = byte
                }
                pages[page] = made
            }
        }
        return pages
    }

    private func pages(of runs: [ELFPageRuns.Run]) -> [UInt64: [UInt8]] {
        var pages: [UInt64: [UInt8]] = [:]
        for run in runs {
            var contents: [UInt8] =
                switch run.contents {
                case .kernel(let file): Array(bytes[file])
                case .bytes(let made): made
                case .initrd: []
                }
            #expect(UInt64(contents.count) <= run.place.size)
            contents += Array(repeating: 0, count: Int(run.place.size) - contents.count)
            for offset in stride(from: 0, to: contents.count, by: 4096) {
                pages[(run.place.start.rawValue + UInt64(offset)) / pageSize] = Array(contents[offset..<offset + 4096])
            }
        }
        return pages
    }

    /// Few enough for each to stay a run, and more than a kernel takes.
    @Test(arguments: 1...60) func holdWhatTheSegmentsSay(seed: Int) {
        var numbers = Seeded(state: UInt64(seed))
        let segments = segments(seed % 20 + 1, &numbers)
        let image = ELFImage(
            elfClass: .elf64, machine: 62, entry: 0, segments: segments.shuffled(using: &numbers), notes: [])
        let runs = ELFPageRuns.runs(of: image, bytes: bytes.span.bytes)
        for run in runs { #expect(run.place.start.rawValue % pageSize == 0 && run.place.size % pageSize == 0) }
        for (run, next) in zip(runs, runs.dropFirst()) { #expect(run.place.end <= next.place.start) }
        // The pages themselves would fill a failure's message.
        let areTheSame = pages(of: runs) == pages(of: segments)
        #expect(areTheSame)
    }
}
