// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

@testable import Kexec
@testable import KexecCommand

private func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
    PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
}

extension MemoryPicture {
    /// Of memory that is given by use, in any order.
    init(_ memory: [(MemoryUse, PhysicalRange)], _ places: [PhysicalRange] = []) {
        self.init(
            memory: MemoryUse.allCases.map { use in PhysicalRangeSet(memory.filter { $0.0 == use }.map { $0.1 }) },
            places: places)
    }
}

/// Layouts of pictures: what holds of every bar, however odd machine and plan are.
@Suite struct MemoryBarTests {
    private static let page: UInt64 = 4096

    private static let pictures: [(name: String, picture: MemoryPicture)] = [
        ("nothing", MemoryPicture([])),
        ("no segments", MemoryPicture([(.ram, range(0, 1 << 30))])),
        ("one byte of memory", MemoryPicture([(.ram, range(0, 1))])),
        ("a segment, and no memory that is known", MemoryPicture([], [range(0x10_0000, 0x10_1000)])),
        ("a segment at 0", MemoryPicture([(.ram, range(0, 1 << 40))], [range(0, page), range(page, 2 * page)])),
        (
            "a hole of 1 TiB",
            MemoryPicture(
                [(.ram, range(0, 1 << 30)), (.ram, range(1 << 40, 1 << 40 + page))],
                [range(page, 2 * page), range(1 << 40, 1 << 40 + page)])
        ),
        (
            "64 pages in a row at the end",
            MemoryPicture(
                [(.ram, range(0, 1 << 36))],
                (0..<64).map { range(1 << 36 - (64 - $0) * page, 1 << 36 - (63 - $0) * page) })
        ),
        (
            "64 pages in a row at the beginning",
            MemoryPicture([(.ram, range(0, 1 << 36))], (0..<64).map { range($0 * page, ($0 + 1) * page) })
        ),
        ("the end at 2^52", MemoryPicture([(.ram, range(0, 1 << 52))], [range(1 << 52 - page, 1 << 52)])),
        ("the end of all addresses", MemoryPicture([(.ram, range(0, .max))], [range(.max - page, .max)])),
        (
            "a large segment among pages",
            MemoryPicture(
                [(.ram, range(0, 1 << 32))],
                [
                    range(0x1000_0000, 0x1000_1000), range(0x1000_1000, 0xf000_0000),
                    range(0xf000_0000, 0xf000_1000), range(0xf000_1000, 0xf000_2000),
                ])
        ),
        // A plan that is refused may look like that.
        (
            "segments on top of each other",
            MemoryPicture([(.ram, range(0, 1 << 30))], [range(0, 1 << 30), range(0, 1 << 30), range(page, 2 * page)])
        ),
    ]

    private static let bars: [(name: String, picture: MemoryPicture, bar: MemoryBar)] = pictures.flatMap {
        (name, picture) in
        [(1, 1), (56, 1), (196, 1), (760, 6)].flatMap { (length, smallest) in
            [picture.whole, picture.magnified].map {
                (name, picture, MemoryBar(picture, over: $0, length: length, smallest: smallest))
            }
        }
    }

    @Test func spansCoverTheBarOnceAndInOrder() {
        for (name, _, bar) in Self.bars {
            var end = 0
            for span in bar.spans {
                #expect(span.cells.lowerBound == end && !span.cells.isEmpty, "\(name), \(bar.length)")
                end = span.cells.upperBound
            }
            #expect(end == bar.length, "\(name), \(bar.length)")
        }
    }

    @Test func everySegmentIsSeenOnceAndInOrder() {
        for (name, picture, bar) in Self.bars where !picture.places.isEmpty {
            let smallest = bar.length >= 760 ? 6 : 1
            let numbers = bar.spans.compactMap { span -> Int? in
                guard case .segment(let number) = span.content else { return nil }
                #expect(span.cells.count >= smallest, "\(name), \(bar.length)")
                return number
            }
            #expect(numbers == Array(picture.places.indices), "\(name), \(bar.length)")
        }
    }

    @Test func neighbouringSpansOfMemoryDiffer() {
        for (name, _, bar) in Self.bars {
            for (one, next) in zip(bar.spans, bar.spans.dropFirst()) {
                #expect(one.content != next.content, "\(name), \(bar.length)")
            }
        }
    }

    @Test func bothRangesHoldAllSegments() {
        for (name, picture) in Self.pictures where !picture.places.isEmpty {
            for place in picture.places {
                #expect(picture.whole.contains(place) && picture.magnified.contains(place), "\(name)")
            }
            #expect(picture.whole.contains(picture.magnified), "\(name)")
        }
        #expect(Self.pictures[0].picture.whole.isEmpty && Self.pictures[1].picture.magnified.isEmpty)
    }

    @Test func marksAreInOrderWithRoomForTheirLabels() {
        for (name, _, bar) in Self.bars where bar.length >= 56 {
            let distance = bar.longestLabel + 2
            let marks = bar.marks(distance: distance)
            #expect(!marks.isEmpty, "\(name), \(bar.length)")
            for (one, next) in zip(marks, marks.dropFirst()) { #expect(next.cell - one.cell >= distance) }
            for mark in marks {
                #expect(mark.cell + distance <= bar.length && hexadecimal(mark.address).utf8.count <= distance)
                #expect(mark.address >= bar.start && (mark.address - bar.start) / bar.cellSize == UInt64(mark.cell))
            }
        }
    }

    /// A gigabyte in 64 cells: 16 MiB each.
    private func use(_ memory: (MemoryUse, PhysicalRange)...) -> [MemoryBar.Content] {
        let picture = MemoryPicture(memory)
        return MemoryBar(picture, over: range(0, 1 << 30), length: 64, smallest: 1).spans.map { $0.content }
    }

    @Test func aCellIsWhatMostOfItIs() {
        let small = range(0x200_0000, 0x210_0000)
        let ram = [range(0, 0x200_0000), range(0x210_0000, 1 << 30)]
        #expect(use((.ram, ram[0]), (.ram, ram[1]), (.reserved, small)) == [.memory(.ram)])
        #expect(use((.ram, ram[0]), (.ram, ram[1]), (.acpi, small)) == [.memory(.ram)])
        let large = range(0x200_0000, 0x280_0000)
        let rest = range(0x290_0000, 1 << 30)
        #expect(
            use((.ram, ram[0]), (.reserved, large), (.ram, rest))
                == [.memory(.ram), .memory(.reserved), .memory(.ram)])
    }

    @Test func littleMemoryInAHoleIsSeen() {
        let page = range(0x2000_0000, 0x2000_1000)
        let hole = MemoryBar.Content.memory(.nothing)
        #expect(use((.ram, page)) == [hole, .memory(.ram), hole])
        #expect(use((.acpi, page)) == [hole, .memory(.acpi), hole])
    }

    @Test(arguments: [MemoryUse.runningKernel, .crashKernel]) func littleOfAKernelInMemoryIsSeen(_ use: MemoryUse) {
        let page = range(0x2000_0000, 0x2000_1000)
        #expect(
            self.use((.ram, range(0, 1 << 30)), (use, page)) == [.memory(.ram), .memory(use), .memory(.ram)])
    }

    @Test func segmentsAreDrawnToScaleWhereThereIsRoom() {
        let picture = MemoryPicture(
            [(.ram, range(0, 1 << 30))], [range(0x1000_0000, 0x2000_0000), range(0x3000_0000, 0x3800_0000)])
        let bar = MemoryBar(picture, over: picture.whole, length: 64, smallest: 1)
        #expect(bar.spans.map { $0.cells } == [0..<16, 16..<32, 32..<48, 48..<56, 56..<64])
        #expect(bar.cellSize == 1 << 24)
    }

    /// Pages below the end of low memory are not drawn in the hole above it.
    @Test func whatIsTooCloseMovesDown() {
        let places = (0..<4).map { range(0x3fff_c000 + $0 * 0x1000, 0x3fff_d000 + $0 * 0x1000) }
        let picture = MemoryPicture([(.ram, range(0, 1 << 30)), (.ram, range(1 << 32, 1 << 33))], places)
        let bar = MemoryBar(picture, over: picture.whole, length: 64, smallest: 1)
        let segments = bar.spans.filter { if case .segment = $0.content { true } else { false } }
        #expect(segments.map { $0.cells } == [4..<5, 5..<6, 6..<7, 7..<8])
        #expect(bar.cells(of: range(0x3fff_c000, 1 << 30), in: picture) == 4..<8)
    }

    @Test func whatIsSmallerThanACellTakesOne() {
        let picture = MemoryPicture([(.ram, range(0, 1 << 30))])
        let bar = MemoryBar(picture, over: picture.whole, length: 64, smallest: 1)
        #expect(bar.cells(of: range(0x100, 0x200), in: picture) == 0..<1)
        #expect(bar.cells(of: range(0x100_0000, 0x100_0001), in: picture) == 1..<2)
        #expect(bar.cells(of: range(0x3fff_ffff, 1 << 30), in: picture) == 63..<64)
        #expect(bar.cells(of: range(1 << 30, 1 << 31), in: picture) == 63..<64)
        #expect(bar.cells(of: range(0x100_0000, 0x300_0000), in: picture) == 1..<3)
    }

    @Test func everySegmentThatASystemCallTakesHasALetterOfItsOwn() {
        let letters = (0..<62).map { MemoryPicture.letter($0) }
        #expect(Set(letters).count == 62 && letters[0] == "A" && letters[26] == "a" && letters[61] == "9")
        #expect(Set(letters).isDisjoint(with: MemoryUse.allCases.map { $0.sign }))
        #expect(MemoryPicture.letter(62) == "*")
    }
}
