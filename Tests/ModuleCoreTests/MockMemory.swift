// SPDX-License-Identifier: MIT
import Foundation
import PhysicalMemory

/// The physical memory of a machine that is none: some ranges, each of them real memory of this process.
final class MockMemory {
    struct Bank {
        let range: PhysicalRange
        /// RAM that Linux shows in its memory map; else reserved by firmware, but there.
        let isRAM: Bool
        let base: UnsafeMutableRawPointer
        /// The number of its first page, of all pages of the machine.
        let firstPage: Int
    }

    let banks: [Bank]
    let pageCount: Int

    init(_ ranges: [(PhysicalRange, isRAM: Bool)]) {
        var banks: [Bank] = []
        var pages = 0
        for (range, isRAM) in ranges {
            let base = Self.allocate(Int(range.size))
            banks.append(Bank(range: range, isRAM: isRAM, base: base, firstPage: pages))
            pages += Int(range.size / pageSize)
        }
        self.banks = banks
        pageCount = pages
    }

    deinit {
        for bank in banks { Self.free(bank.base, Int(bank.range.size)) }
    }

    /// Memory of machines that are gone, by size: fresh memory costs more than all that a test does with it.
    nonisolated(unsafe) private static var spare: [Int: [UnsafeMutableRawPointer]] = [:]

    private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
        spare[bytes]?.popLast() ?? .allocate(byteCount: bytes, alignment: Int(pageSize))
    }

    private static func free(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
        spare[bytes, default: []].append(memory)
    }

    var ram: [PhysicalRange] { banks.filter(\.isRAM).map(\.range) }

    private func bank(of address: UInt64) -> Bank? { banks.first { $0.range.contains(PhysicalAddress(address)) } }

    /// nil: nothing is there.
    func pointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
        guard let bank = bank(of: address) else { return nil }
        return bank.base + Int(address - bank.range.start.rawValue)
    }

    /// The number of the page that `address` lies in; nil: nothing is there.
    func page(of address: UInt64) -> Int? {
        guard let bank = bank(of: address) else { return nil }
        return bank.firstPage + Int((address - bank.range.start.rawValue) / pageSize)
    }

    /// The physical address that the running kernel sees at `pointer`.
    func address(of pointer: UnsafeRawPointer) -> UInt64? {
        for bank in banks where pointer >= UnsafeRawPointer(bank.base) {
            let offset = pointer - UnsafeRawPointer(bank.base)
            if offset < Int(bank.range.size) { return bank.range.start.rawValue + UInt64(offset) }
        }
        return nil
    }

    /// A word at a physical address; nil: nothing is there.
    func word(_ address: UInt64) -> UInt64? { pointer(address)?.load(as: UInt64.self) }

    func setWord(_ address: UInt64, to value: UInt64) { pointer(address)?.storeBytes(of: value, as: UInt64.self) }

    /// Takes back what `body` writes.
    func restoring<Result>(_ body: () throws -> Result) rethrows -> Result {
        let copies = banks.map { bank in
            let copy = Self.allocate(Int(bank.range.size))
            copy.copyMemory(from: bank.base, byteCount: Int(bank.range.size))
            return copy
        }
        defer {
            for (bank, copy) in zip(banks, copies) {
                bank.base.copyMemory(from: copy, byteCount: Int(bank.range.size))
                Self.free(copy, Int(bank.range.size))
            }
        }
        return try body()
    }

    func fill(_ page: UInt64, with byte: UInt8) {
        if let pointer = pointer(page) { memset(pointer, Int32(byte), Int(pageSize)) }
    }

    func page(_ page: UInt64, isAll byte: UInt8) -> Bool {
        guard let words = pointer(page)?.assumingMemoryBound(to: UInt64.self) else { return false }
        let wanted = UInt64(byte) &* 0x0101_0101_0101_0101
        var differences: UInt64 = 0
        for index in 0..<512 { differences |= words[index] ^ wanted }
        return differences == 0
    }
}
