// SPDX-License-Identifier: MIT

/// The head of a core file: what a dump says of itself.
struct CoreFile {
    struct Note {
        var name: String
        var type: Int
        var bytes: ArraySlice<UInt8>
    }

    struct Load {
        var virtual: UInt64
        var physical: Range<UInt64>
    }

    /// 1 or 2.
    let elfClass: UInt8
    private(set) var notes: [Note] = []
    private(set) var loads: [Load] = []

    /// - Parameter bytes: from the beginning, with the notes; nil where they are no core file's.
    init?(_ bytes: [UInt8]) {
        func number(_ at: Int, _ size: Int) -> UInt64 {
            guard at >= 0, at <= bytes.count - size else { return 0 }
            return (0..<size).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
        }
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]), number(16, 2) == 4 else { return nil }
        elfClass = bytes[4]
        let isWide = elfClass == 2, word = isWide ? 8 : 4
        let table = Int(clamping: number(isWide ? 0x20 : 0x1c, word)), size = isWide ? 56 : 32
        for index in 0..<Int(number(isWide ? 0x38 : 0x2c, 2)) {
            let fields = table + index * size + (isWide ? 8 : 4)
            func field(_ place: Int) -> UInt64 { number(fields + place * word, word) }
            let (offset, length) = (Int(clamping: field(0)), field(3))
            switch number(table + index * size, 4) {
            case 4:
                guard offset <= bytes.count else { continue }
                addNotes(bytes[offset..<min(bytes.count, offset + Int(clamping: length))], number)
            case 1: loads.append(Load(virtual: field(1), physical: field(2)..<field(2) + length))
            default: break
            }
        }
    }

    private mutating func addNotes(_ bytes: ArraySlice<UInt8>, _ number: (Int, Int) -> UInt64) {
        var place = bytes.startIndex
        while place + 12 <= bytes.endIndex {
            let name = Int(number(place, 4)), contents = Int(number(place + 4, 4))
            let start = place + 12 + (name + 3) / 4 * 4
            guard name > 0, start + contents <= bytes.endIndex else { return }
            notes.append(
                Note(
                    name: String(decoding: bytes[(place + 12)..<(place + 11 + name)], as: UTF8.self),
                    type: Int(number(place + 8, 4)), bytes: bytes[start..<(start + contents)]))
            place = start + (contents + 3) / 4 * 4
        }
    }

    /// All memory in it, in whole pages; of a range that is there twice, for the kernel's image, once.
    var memory: [Range<UInt64>] {
        MemoryLines.joined(loads.map { $0.physical.lowerBound & ~4095..<($0.physical.upperBound + 4095) & ~4095 })
    }
}

/// What the first kernel said of its RAM, in lines `LAB iomem 00001000-0009fbff : System RAM`.
struct MemoryLines {
    private var ram: [Range<UInt64>] = []
    private var crash: [Range<UInt64>] = [0..<0x10_0000]

    init(_ log: ConsoleLog) {
        for line in log.lines where line.text.hasPrefix("LAB iomem ") {
            let words = line.text.split(separator: " ")
            let ends = words.count > 4 ? words[2].split(separator: "-").compactMap { UInt64($0, radix: 16) } : []
            guard ends.count == 2 else { continue }
            if words[4] == "Crash" { crash.append(ends[0]..<ends[1] + 1) } else { ram.append(ends[0]..<ends[1] + 1) }
        }
    }

    /// RAM without the crash kernel's and the first mebibyte.
    var dumped: [Range<UInt64>] {
        let rest = crash.reduce(ram) { ranges, hole in
            ranges.flatMap { range in
                [
                    range.lowerBound..<max(range.lowerBound, min(range.upperBound, hole.lowerBound)),
                    min(range.upperBound, max(range.lowerBound, hole.upperBound))..<range.upperBound,
                ]
            }
        }
        return Self.joined(rest)
    }

    static func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        var joined: [Range<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }
}
