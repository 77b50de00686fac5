// SPDX-License-Identifier: MIT

/// The first bytes that a kernel runs in long mode.
enum KernelEntry {
    private static let count = 32

    /// Boot protocol 2.12: the 64-bit entry lies 0x200 behind the start of the protected-mode kernel, `setup_sects` + 1
    /// sectors into the file.
    static func compressed(_ image: [UInt8]) throws -> MilestonePlugin.CodePattern {
        guard image.count > 0x250, Array(image[0x202..<0x206]) == Array("HdrS".utf8) else {
            throw LabError("not a bzImage")
        }
        let sectors = image[0x1f1] == 0 ? 4 : Int(image[0x1f1])
        return try pattern(image, at: (sectors + 1) * 512 + 0x200, offset: 0x200)
    }

    /// The code at `e_entry`, which in a kernel is a physical address; found through the program headers.
    static func unpacked(_ elf: [UInt8]) throws -> MilestonePlugin.CodePattern {
        func number(_ at: Int, _ size: Int) -> Int {
            guard at >= 0, at + size <= elf.count else { return 0 }
            return (0..<size).reduce(0) { $0 | Int(elf[at + $1]) << (8 * $1) }
        }
        guard elf.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2]) else { throw LabError("not an ELF64 kernel") }
        let entry = number(0x18, 7)
        for index in 0..<number(0x38, 2) {
            let header = number(0x20, 6) + index * number(0x36, 2)
            let (offset, start, size) = (number(header + 8, 6), number(header + 24, 6), number(header + 32, 6))
            guard number(header, 4) == 1, entry >= start, entry < start + size else { continue }
            return try pattern(elf, at: offset + entry - start, offset: entry & 0xfff)
        }
        throw LabError("no segment holds the kernel's entry")
    }

    private static func pattern(_ file: [UInt8], at start: Int, offset: Int) throws -> MilestonePlugin.CodePattern {
        guard start >= 0, start + count <= file.count else {
            throw LabError("the kernel's entry lies too far in its file")
        }
        return .init(offset: UInt64(offset), bytes: Array(file[start..<(start + count)]))
    }
}
