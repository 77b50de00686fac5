// SPDX-License-Identifier: MIT

// The standard library's sort comes with four kilobytes of code for each type that is sorted. Numbers are sorted once,
// and everything else is put into their order.

/// The places of `keys` in ascending order of their values; of equal ones the first stays first.
@inline(never) public func ascendingOrder(of keys: [UInt64]) -> [Int] {
    keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
}

extension Array {
    /// The elements in ascending order of `key`; those of equal keys stay in their order.
    public func sorted(by key: (Element) -> UInt64) -> [Element] { ascendingOrder(of: map(key)).map { self[$0] } }
}
