// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// A range of addresses as a row of cells: columns of a terminal, or units of a drawing.
///
///     addresses  |----....-----|----....-----|----....-----|      each cell is `cellSize` bytes
///     cells             0             1             2        ...
///     spans      [ memory .ram        ][ segment 0  ][ memory …   without a gap, from 0 to `length`
///
/// Memory is drawn to scale. Segments are, too, but have a number of cells at least, for otherwise a page would not be
/// seen: one that comes too close to the next is moved down, and up again where that leads below the beginning. Down,
/// since segments lie at the upper end of free memory, mostly.
struct MemoryBar {
    enum Content: Hashable {
        case memory(MemoryUse)
        /// By its number in the picture.
        case segment(Int)
    }

    struct Span: Hashable {
        var content: Content
        var cells: Range<Int>
    }

    let start: UInt64
    /// In bytes.
    let cellSize: UInt64
    /// In cells.
    let length: Int
    private(set) var spans: [Span] = []

    /// - Parameters:
    ///   - length: in cells; more are made of it where the segments need them.
    ///   - smallest: the least number of cells that a segment has.
    init(_ picture: MemoryPicture, over range: PhysicalRange, length: Int, smallest: Int) {
        start = range.start.rawValue
        self.length = max(length, picture.places.count * smallest, 1)
        cellSize = range.isEmpty ? 1 : (range.size - 1) / UInt64(self.length) + 1
        var done = 0
        for (number, cells) in homes(of: picture.places, smallest: smallest).enumerated() {
            addMemory(done..<cells.lowerBound, of: picture)
            spans.append(Span(content: .segment(number), cells: cells))
            done = cells.upperBound
        }
        addMemory(done..<self.length, of: picture)
    }

    /// The cell that an address lies in; the nearest, or the end, for one outside.
    private func cell(of address: PhysicalAddress) -> Int {
        guard address.rawValue > start else { return 0 }
        return Int(min((address.rawValue - start) / cellSize, UInt64(length)))
    }

    /// At least one cell, and all segments' that lie in `range`, moved ones too.
    func cells(of range: PhysicalRange, in picture: MemoryPicture) -> Range<Int> {
        var first = min(cell(of: range.start), length - 1)
        var end = max(cell(of: range.end), first + 1)
        for span in spans {
            guard case .segment(let number) = span.content, range.contains(picture.places[number]) else { continue }
            first = min(first, span.cells.lowerBound)
            end = max(end, span.cells.upperBound)
        }
        return first..<end
    }

    func shows(_ use: MemoryUse) -> Bool { spans.contains { $0.content == .memory(use) } }

    /// Where a cell begins; the end of the address space for one beyond that.
    private func address(of cell: Int) -> PhysicalAddress {
        let (offset, isFar) = UInt64(cell).multipliedReportingOverflow(by: cellSize)
        let (address, isBeyond) = start.addingReportingOverflow(offset)
        return PhysicalAddress(isFar || isBeyond ? .max : address)
    }

    /// Characters of the longest address on its scale.
    var longestLabel: Int { hexadecimal(address(of: length).rawValue).utf8.count }

    private func homes(of places: [PhysicalRange], smallest: Int) -> [Range<Int>] {
        var homes = places.map { place in
            let first = cell(of: place.start)
            return first..<max(cell(of: place.end), first + smallest)
        }
        var end = length
        for index in homes.indices.reversed() {
            let last = min(homes[index].upperBound, end)
            end = min(homes[index].lowerBound, last - smallest)
            homes[index] = end..<last
        }
        var first = 0
        for index in homes.indices {
            let start = max(homes[index].lowerBound, first)
            first = max(homes[index].upperBound, start + smallest)
            homes[index] = start..<first
        }
        return homes
    }

    private mutating func addMemory(_ cells: Range<Int>, of picture: MemoryPicture) {
        for cell in cells {
            let range = PhysicalRange(from: address(of: cell), to: address(of: cell + 1))
            let content = Content.memory(picture.mainUse(of: range))
            if let last = spans.last, last.content == content {
                spans[spans.count - 1].cells = last.cells.lowerBound..<cell + 1
            } else {
                spans.append(Span(content: content, cells: cell..<cell + 1))
            }
        }
    }

    /// Marks of a scale: multiples of a power of two, at least `distance` cells apart, with room for a label of that
    /// length behind the last.
    func marks(distance: Int) -> [(cell: Int, address: UInt64)] {
        var step: UInt64 = 1
        while step >> 63 == 0, step / cellSize < UInt64(distance) { step <<= 1 }
        var marks: [(cell: Int, address: UInt64)] = []
        var next = start.roundedUp(to: step)
        while let address = next {
            let cell = (address - start) / cellSize
            guard cell + UInt64(distance) <= UInt64(length) else { break }
            marks.append((Int(cell), address))
            let (sum, overflow) = address.addingReportingOverflow(step)
            next = overflow ? nil : sum
        }
        return marks
    }
}

extension MemoryPicture {
    /// What most of `range` is. Memory is never lost in a hole, however large, nor are the two kernels in memory.
    fileprivate func mainUse(of range: PhysicalRange) -> MemoryUse {
        var result = MemoryUse.nothing
        var most: UInt64 = 1
        for use in MemoryUse.allCases {
            var size: UInt64 = 0
            for part in memory[Int(use.rawValue)].ranges { size += part.intersection(range)?.size ?? 0 }
            guard size >= most || size > 0 && use.isKernel else { continue }
            most = size
            result = use
        }
        return result
    }
}

extension MemoryUse {
    fileprivate var isKernel: Bool { self == .crashKernel || self == .runningKernel }
}
