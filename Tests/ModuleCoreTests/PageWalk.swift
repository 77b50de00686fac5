// SPDX-License-Identifier: MIT
import PhysicalMemory

/// Page tables as an x86-64 processor reads them (Intel SDM volume 3, 4.5).
struct PageWalk {
    struct Leaf {
        /// Sign-extended, as the processor wants it.
        let address: UInt64
        let target: UInt64
        let size: UInt64
        /// Where the entry lies.
        let entry: UInt64
    }

    let memory: MockMemory
    let root: UInt64
    let levels: Int

    private static func shift(_ level: Int) -> UInt64 { 12 + 9 * UInt64(level - 1) }

    /// nil: a page fault.
    func leaf(_ address: UInt64) -> Leaf? {
        var table = root
        for level in stride(from: levels, through: 1, by: -1) {
            let slot = table + (address >> Self.shift(level) & 511) * 8
            guard let entry = memory.word(slot), entry & 1 != 0 else { return nil }
            if let leaf = leaf(address, slot, entry, level) { return leaf }
            table = entry & 0x000f_ffff_ffff_f000
        }
        return nil
    }

    func translate(_ address: UInt64) -> UInt64? { leaf(address).map { $0.target + (address - $0.address) } }

    private func leaf(_ address: UInt64, _ slot: UInt64, _ entry: UInt64, _ level: Int) -> Leaf? {
        guard level == 1 || entry & 0x80 != 0 else { return nil }
        let size: UInt64 = 1 << Self.shift(level)
        let target = entry & 0x000f_ffff_ffff_f000
        // Levels 4 and 5 have no large pages, a frame is aligned to its size, and the processor may write and run it.
        guard level <= 3, target.isMultiple(of: size), entry & (1 << 63) == 0, entry & 2 != 0 else { return nil }
        return Leaf(address: address.roundedDown(to: size), target: target, size: size, entry: slot)
    }

    /// All tables, and all they map.
    var everything: (tables: [UInt64], leaves: [Leaf]) {
        var (tables, leaves): ([UInt64], [Leaf]) = ([], [])
        collect(root, levels, 0, &tables, &leaves)
        return (tables, leaves)
    }

    private func collect(
        _ table: UInt64, _ level: Int, _ start: UInt64, _ tables: inout [UInt64], _ leaves: inout [Leaf]
    ) {
        tables.append(table)
        // A damaged entry leads anywhere.
        guard memory.pointer(table) != nil, tables.count < 1 << 12 else { return }
        for index in 0..<UInt64(512) {
            let slot = table + index * 8
            guard let entry = memory.word(slot), entry & 1 != 0 else { continue }
            var address = start | index << Self.shift(level)
            if level == levels, index >= 256 { address |= ~0 << Self.shift(level + 1) }
            if let leaf = leaf(address, slot, entry, level) {
                leaves.append(leaf)
            } else {
                collect(entry & 0x000f_ffff_ffff_f000, level - 1, address, &tables, &leaves)
            }
        }
    }
}
