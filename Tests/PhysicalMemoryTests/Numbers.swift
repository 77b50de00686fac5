// SPDX-License-Identifier: MIT
import PhysicalMemory

/// SplitMix64, from a seed: the same numbers in each run.
struct Numbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }

    mutating func below(_ bound: UInt64) -> UInt64 { UInt64.random(in: 0..<bound, using: &self) }

    /// Up to `count` ranges below `bound`, of any lengths and none, in any order.
    mutating func ranges(_ count: Int, below bound: UInt64) -> [PhysicalRange] {
        (0..<Int.random(in: 0...count, using: &self)).map { _ in
            let start = below(bound)
            let end = min(bound, start + below(bound / 4))
            return PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
        }
    }
}
