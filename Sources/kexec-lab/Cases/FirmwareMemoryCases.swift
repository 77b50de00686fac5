// SPDX-License-Identifier: MIT
import Foundation

/// What belongs to the firmware is the same, byte by byte, when the first kernel is entered and when the next program is:
/// interrupt vectors, BIOS data, EBDA, ROMs, and every range that the memory map reserves. Read through QEMU's debug stub.
enum FirmwareMemoryCases: CaseGroup {
    static let all: [Case] = [
        unchanged(
            "bzImage", "--initrd=/boot/initrd", expect: [Case.second, "^LAB end second"]
        ) { $0.entryAddress },
        unchanged(
            "multiboot", "--module=/boot/module", kernel: "/boot/tiny",
            files: {
                [
                    "boot/tiny": .host(try await MultibootKernel.one.make(in: $0)),
                    "boot/module": .bytes(Array("module\n".utf8)),
                ]
            }, expect: ["^LAB multiboot magic=2badb002 ", "^LAB multiboot end$"]
        ) { $0.entryAddress },
        // The setup code's first instruction, behind the boot sector: its own calls of the BIOS come later.
        unchanged(
            "real-mode", "--real-mode --initrd=/boot/initrd", expect: [Case.second, "^LAB end second"]
        ) { try $0.segment("setup").address + 0x200 },
    ]

    private static func unchanged(
        _ name: String, _ options: String, kernel: String = "/boot/vmlinuz",
        files: @escaping @Sendable (Workshop) async throws -> [String: GuestFile] = { _ in [:] }, expect: [String],
        entry: @escaping @Sendable (GuestPlan) throws -> UInt64
    ) -> Case {
        let comparison = FirmwareMemory()
        return Case(
            name: "memory/unchanged/\(name)",
            summary: "firmware's memory differs in no byte between the first kernel's entry and the next (\(name))",
            machine: MachineShape(options: DiskController.ide.options()),
            firstKernel: .linux61Full, secondKernel: .linux61,
            files: { try await files($0).merging(DiskController.ide.drivers($0)) { first, _ in first } },
            script: DiskController.use + GuestPlan.script(options, kernel: kernel),
            expect: ["^LAB disk read=65536$", "^LAB load rc=0 loaded=1", "^LAB debugger$", "^LAB jump"] + expect,
            atFirstEntry: { try comparison.remember($0) },
            debugger: { connection, log in
                try comparison.compare(whenAt: try entry(try GuestPlan(in: log)), connection)
            }, needsOurs: true)
    }
}

/// Firmware's memory at the first kernel's entry, to be compared later in the same boot.
///
/// One machine of a case runs at a time, and its two stops come one after the other.
final class FirmwareMemory: @unchecked Sendable {
    private var remembered: [(start: UInt64, bytes: [UInt8])] = []

    /// Where QEMU's loader puts a bzImage's protected-mode kernel; its first byte is the 32-bit entry.
    private static let firstEntry: UInt64 = 0x10_0000
    /// Reserved ranges above this are windows of devices, or no memory at all.
    private static let largest: UInt64 = 16 << 20

    /// Runs the stopped machine to the first kernel's entry, and reads there what is firmware's.
    func remember(_ connection: GDBConnection) throws {
        try connection.setBreakpoint(at: Self.firstEntry)
        try connection.resume()
        remembered = []
        for range in try Self.ranges(connection) {
            remembered.append((range.lowerBound, try connection.read(range)))
        }
        try connection.removeBreakpoint(at: Self.firstEntry)
        try connection.release()
    }

    /// Runs to `entry` and compares.
    /// - Throws: the first byte that differs, with both values.
    func compare(whenAt entry: UInt64, _ connection: GDBConnection) throws {
        guard remembered.count > 3 else { throw LabError("the first kernel's entry was not seen") }
        try connection.setBreakpoint(at: entry)
        try connection.resume()
        for (start, before) in remembered {
            let after = try connection.read(start..<start + UInt64(before.count))
            let different = before.indices.filter { before[$0] != after[$0] }
            guard let first = different.first else { continue }
            func text(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
            throw LabError(
                "\(different.count) bytes differ from \(text(start)) on, the first at \(text(start + UInt64(first))): "
                    + "\(text(before[first])) at the first kernel's entry, \(text(after[first])) at \(text(entry))")
        }
        try connection.removeBreakpoint(at: entry)
        try connection.release()
    }

    /// The first page, ROMs, and what is not RAM in the memory map that the setup code has just got from the BIOS: `esi`
    /// holds the address of boot_params, with `e820_entries` at 0x1e8 and `e820_table` at 0x2d0 (20 bytes each).
    private static func ranges(_ connection: GDBConnection) throws -> [Range<UInt64>] {
        let parameters = try connection.register(.esi)
        let count = try connection.read(at: parameters + 0x1e8, count: 1)[0]
        guard (3...128).contains(count) else { throw LabError("the first kernel's memory map has \(count) entries") }
        let table = try connection.read(at: parameters + 0x2d0, count: Int(count) * 20)
        func number(_ offset: Int, _ size: Int) -> UInt64 {
            table[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        var ranges: [Range<UInt64>] = [0..<0x1000, 0xc_0000..<0x10_0000]
        for offset in stride(from: 0, to: table.count, by: 20) where number(offset + 16, 4) != 1 {
            let (start, size) = (number(offset, 8), number(offset + 8, 8))
            if start + size <= 1 << 32, size <= largest { ranges.append(start..<start + size) }
        }
        // The EBDA's segment, in the BIOS data area: the map must reserve all of it.
        let segment = try connection.read(at: 0x40e, count: 2)
        let extended = (UInt64(segment[0]) | UInt64(segment[1]) << 8) << 4
        guard ranges.contains(where: { $0.contains(extended) && $0.upperBound >= 0xa_0000 }) else {
            throw LabError("the memory map does not reserve the EBDA at 0x\(String(extended, radix: 16))")
        }
        return ranges
    }
}

extension GDBConnection {
    /// Reads in pieces that fit into the packets of every QEMU: 4096 characters.
    fileprivate func read(_ range: Range<UInt64>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 0x400) {
            bytes += try read(at: start, count: Int(min(0x400, range.upperBound - start)))
        }
        return bytes
    }
}
