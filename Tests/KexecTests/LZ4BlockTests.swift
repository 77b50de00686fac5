// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec

/// A block that is put together from sequences, and what comes out of it.
private struct BlockBuilder {
    var block: [UInt8] = []
    /// Begins with what earlier blocks left.
    var output: [UInt8]
    let history: Int
    /// Where literals end, and a block may: how much has come out of it by then.
    private(set) var ends: [Int: Int] = [:]

    init(history: Int) {
        self.history = history
        output = (0..<history).map { UInt8(truncatingIfNeeded: $0 * 29 + 1) }
    }

    mutating func add(literals: Int, match: Int, distance: Int) {
        addLiterals(literals, matchCode: min(match - 4, 15))
        block += [UInt8(distance & 255), UInt8(distance >> 8)]
        if match - 4 >= 15 { addLength(match - 4 - 15) }
        for _ in 0..<match { output.append(output[output.count - distance]) }
    }

    mutating func end(literals: Int) { addLiterals(literals, matchCode: 0) }

    private mutating func addLiterals(_ count: Int, matchCode: Int) {
        block.append(UInt8(min(count, 15) << 4 | matchCode))
        if count >= 15 { addLength(count - 15) }
        let literals = (0..<count).map { UInt8(truncatingIfNeeded: output.count &* 31 &+ $0 &* 7) }
        block += literals
        output += literals
        ends[block.count] = output.count - history
    }

    private mutating func addLength(_ rest: Int) {
        block += [UInt8](repeating: 255, count: rest / 255) + [UInt8(rest % 255)]
    }

    /// The block's own bytes.
    var unpacked: ArraySlice<UInt8> { output[history...] }

    /// Unpacks behind the history, into so much room; what lies before and behind it must stay what it is.
    func unpack(_ block: [UInt8]? = nil, room size: Int, reach: Int? = nil) -> [UInt8]? {
        var room = Array(output[..<history]) + [UInt8](repeating: 0xa5, count: size + 64)
        let before = room
        let count = room.withUnsafeMutableBytes { room in
            (block ?? self.block).withUnsafeBytes {
                unpackLZ4Block($0, into: room, at: history, end: history + size, history: history - (reach ?? history))
            }
        }
        #expect(room[..<history] == before[..<history])
        #expect(room[(history + size)...] == before[(history + size)...])
        return count.map { Array(room[history..<history + $0]) }
    }
}

struct LZ4BlockTests {
    /// Lengths about 15 and 19, where they are written otherwise, and about 8, 16 and 32, where they are copied otherwise.
    @Test(arguments: [0, 1, 8, 14, 15, 16, 17, 33, 269, 270, 271])
    func unpacksEveryLengthAndDistance(literals: Int) {
        for match in [4, 12, 18, 19, 20, 34, 273, 274] {
            for distance in [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 300] {
                var builder = BlockBuilder(history: 300)
                builder.add(literals: literals, match: match, distance: distance)
                builder.add(literals: 3, match: match, distance: distance)
                builder.end(literals: 5)
                let size = builder.unpacked.count
                for room in [size, size + 1, size + 15, size + 40] {
                    #expect(builder.unpack(room: room).map { $0[...] } == builder.unpacked, "\(match), \(distance)")
                }
                #expect(builder.unpack(room: size - 1) == nil)
            }
        }
    }

    @Test func unpacksAThousandSequences() {
        var generator = SmallGenerator()
        for _ in 0..<5 {
            var builder = BlockBuilder(history: 70)
            for _ in 0..<1000 {
                let distance = min(builder.output.count, 1 + generator.next(below: generator.next(below: 300) + 1))
                builder.add(
                    literals: generator.next(below: 18), match: 4 + generator.next(below: 20), distance: distance)
            }
            builder.end(literals: generator.next(below: 40))
            #expect(builder.unpack(room: builder.unpacked.count).map { $0[...] } == builder.unpacked)
        }
    }

    @Test func refusesABlockCutAnywhereButBehindLiterals() {
        var builder = BlockBuilder(history: 0)
        builder.add(literals: 20, match: 30, distance: 3)
        for _ in 0..<10 { builder.add(literals: 5, match: 10, distance: 12) }
        builder.end(literals: 30)
        for size in 0..<builder.block.count {
            let expected = builder.ends[size].map { builder.unpacked.prefix($0) }
            #expect(builder.unpack(Array(builder.block[..<size]), room: 1000).map { $0[...] } == expected, "\(size)")
        }
    }

    @Test(arguments: [4, 18, 19, 400], [1, 7, 8, 40])
    func refusesAMatchBeyondTheHistory(match: Int, distance: Int) {
        var builder = BlockBuilder(history: 64)
        builder.add(literals: 0, match: match, distance: distance)
        builder.end(literals: 40)
        #expect(builder.unpack(room: 1000, reach: distance) != nil)
        #expect(builder.unpack(room: 1000, reach: distance - 1) == nil)
    }

    @Test func refusesADistanceOfZero() {
        let tail = [UInt8](repeating: 0, count: 40)
        #expect(BlockBuilder(history: 8).unpack([0x10, 1, 0, 0, 0xf0, 25] + tail, room: 1000) == nil)
    }
}

/// The same numbers in each run.
private struct SmallGenerator {
    var state: UInt64 = 88_172_645_463_325_252

    mutating func next(below limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }
}
