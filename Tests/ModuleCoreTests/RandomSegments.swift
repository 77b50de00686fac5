// SPDX-License-Identifier: MIT
import Foundation
import PhysicalMemory

/// Numbers that a seed repeats (SplitMix64).
struct Seeded: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(_ seed: UInt64) { (self.seed, state) = (seed, seed) }

    /// Another seed for each run, or that of `MODULE_CORE_SEED`.
    static var fresh: Seeded {
        let wanted = ProcessInfo.processInfo.environment["MODULE_CORE_SEED"].flatMap { UInt64($0) }
        return Seeded(wanted ?? .random(in: 0 ... .max))
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &self) == 0 }

    /// 1 to 16 segments that the rules allow, anywhere in `memory`: on free pages, the kernel's, and reserved ones.
    mutating func segments(in memory: MockMemory, atMostPages limit: Int) -> [TestSegment] {
        var segments: [TestSegment] = []
        var rest = limit
        let count = Int.random(in: 1...16, using: &self)
        for _ in 0..<count {
            for _ in 0..<20 where segments.count < count {
                let place = place(in: memory, after: segments.last, atMostPages: rest)
                // As Linux has it: an empty place may lie on the border of another one, and not in it.
                let (start, end) = (place.start.rawValue, place.end.rawValue)
                guard !segments.contains(where: { $0.start < end && start < $0.start + $0.size }) else { continue }
                rest -= Int(place.size / pageSize)
                segments.append(TestSegment(place.start.rawValue, contents(atMost: Int(place.size)), size: place.size))
                break
            }
        }
        return segments.shuffled(using: &self)
    }

    private mutating func place(
        in memory: MockMemory, after last: TestSegment?, atMostPages limit: Int
    ) -> PhysicalRange {
        let bank = memory.banks[Int.random(in: 0..<memory.banks.count, using: &self)].range
        let first = bank.start.rawValue + pageSize * UInt64.random(in: 0..<bank.size / pageSize, using: &self)
        // Often right behind another one.
        let start = last.map { chance(3) ? $0.start + $0.size : first } ?? first
        let end = memory.banks.first { $0.range.contains(PhysicalAddress(start)) }?.range.end.rawValue ?? start
        let most = min(Int((end - start) / pageSize), limit, chance(3) ? 400 : 40)
        let pages = chance(10) ? 0 : Int.random(in: 0...most, using: &self)
        return MockLinux.range(start, start + UInt64(pages) * pageSize)
    }

    private mutating func contents(atMost most: Int) -> [UInt8] {
        let size = [0, most, most / 4096 / 2 * 4096, Int.random(in: 0...most, using: &self), max(0, most - 1)]
        let base = UInt8.random(in: 0...255, using: &self)
        let chosen = size[Int.random(in: 0..<size.count, using: &self)]
        return [UInt8](unsafeUninitializedCapacity: chosen) { bytes, count in
            // No two pages near each other are the same.
            for index in 0..<chosen {
                bytes[index] = UInt8(truncatingIfNeeded: index &* 3 &+ (index >> 12) &* 26) ^ base
            }
            count = chosen
        }
    }
}

/// The orders in which a machine may hand out its pages.
enum SupplyOrder: CaseIterable {
    case ascending, descending, random, everySecond
    /// The first pages that come are destinations of contents, or of zeros, or of both, or those come last.
    case contentsFirst, contentsBackwardsFirst, zerosFirst, destinationsShuffledFirst, destinationsLast
    /// One destination, one other page, and so on.
    case mixed

    func order(_ free: [UInt64], for segments: [TestSegment], _ generator: inout Seeded) -> [UInt64] {
        let contents = segments.flatMap(\.contentPages)
        let zeros = segments.flatMap(\.zeroPages)
        let wanted = Set(contents + zeros)
        let present = Set(free)
        func first(_ pages: [UInt64]) -> [UInt64] {
            let pages = pages.filter { present.contains($0) }
            let set = Set(pages)
            return pages + free.filter { !set.contains($0) }
        }
        switch self {
        case .ascending: return free
        case .descending: return free.reversed()
        case .random: return free.shuffled(using: &generator)
        case .everySecond: return free.filter { $0 & 4096 == 0 } + free.filter { $0 & 4096 != 0 }
        case .contentsFirst: return first(contents)
        case .contentsBackwardsFirst: return first(contents.reversed())
        case .zerosFirst: return first(zeros)
        case .destinationsShuffledFirst: return first((contents + zeros).shuffled(using: &generator))
        case .destinationsLast: return free.filter { !wanted.contains($0) } + free.filter { wanted.contains($0) }
        case .mixed:
            let others = free.filter { !wanted.contains($0) }
            let ours = free.filter { wanted.contains($0) }.shuffled(using: &generator)
            let pairs = zip(ours, others).flatMap { [$0, $1] }
            let shorter = min(ours.count, others.count)
            return pairs + ours[shorter...] + others[shorter...]
        }
    }
}
