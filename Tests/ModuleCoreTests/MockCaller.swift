// SPDX-License-Identifier: MIT

/// The memory of the process that calls the device.
final class MockCaller {
    private var regions: [(base: UInt64, bytes: [UInt8])] = []
    private var next: UInt64 = 0x7f00_0000_0000

    /// - Returns: the address of the bytes; never on a page's boundary, and never next to others.
    func add(_ bytes: [UInt8]) -> UInt64 {
        let base = next + 0x123
        next += UInt64(bytes.count) + 0x2000
        regions.append((base, bytes))
        return base
    }

    func forget() { regions = [] }

    private func region(_ address: UInt64, _ size: Int) -> (index: Int, offset: Int)? {
        for (index, region) in regions.enumerated() where address >= region.base {
            let offset = address - region.base
            if offset + UInt64(size) <= UInt64(region.bytes.count) { return (index, Int(offset)) }
        }
        return nil
    }

    /// False: not all of it is there.
    func read(_ to: UnsafeMutableRawPointer, _ address: UInt64, _ size: Int) -> Bool {
        guard let (index, offset) = region(address, size) else { return false }
        regions[index].bytes.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: to, count: size)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + size]))
        }
        return true
    }

    func write(_ address: UInt64, _ from: UnsafeRawPointer, _ size: Int) -> Bool {
        guard let (index, offset) = region(address, size) else { return false }
        regions[index].bytes.withUnsafeMutableBytes {
            $0.baseAddress?.advanced(by: offset).copyMemory(from: from, byteCount: size)
        }
        return true
    }

    func bytes(at address: UInt64, _ count: Int) -> [UInt8] {
        guard let (index, offset) = region(address, count) else { return [] }
        return Array(regions[index].bytes[offset..<offset + count])
    }
}
