// SPDX-License-Identifier: MIT
import Foundation

/// Machines with which something is wrong, or looks so. What kexec_test says of each stands in
/// `Tests/Fixtures/kexec_test-reports` under the same name.
enum BrokenPCs {
    typealias Change = (FakePC) -> Void

    /// One service of the BIOS answers otherwise.
    private static func answering(
        _ vector: UInt8, _ service: UInt32, _ answer: @escaping (inout FakePC.Registers) -> Void
    ) -> Change {
        { pc in
            pc.answers[vector] = { registers in
                guard registers.eax & 0xffff == service else { return false }
                answer(&registers)
                return true
            }
        }
    }

    /// One service of the BIOS does not return.
    private static func hanging(_ vector: UInt8, _ function: UInt8) -> Change { { $0.hanging = [[vector, function]] } }

    nonisolated(unsafe) static let all: [(name: String, change: Change)] = [
        // MARK: Entry

        ("64-bit entry with interrupts on", { $0.entry.flags = 0x246 }),
        (
            "real-mode entry with interrupts on",
            {
                $0.entry.kind = 16
                $0.entry.flags = 0x246
                $0.entry.cr0 = 0x32
            }
        ),
        (
            "real-mode entry in protected mode",
            {
                $0.entry.kind = 16
                $0.entry.cr0 = 0x33
            }
        ),
        ("64-bit entry without paging", { $0.entry.cr0 = 0x33 }),
        ("64-bit entry without protection", { $0.entry.cr0 = 0x8000_0032 }),
        ("64-bit entry without PAE", { $0.entry.cr4 = 0 }),
        ("64-bit entry without long mode", { $0.entry.efer = 0x901 }),
        (
            "32-bit entry",
            {
                $0.entry.kind = 32
                $0.entry.cr0 = 0x33
                $0.entry.gdt.limit = 0x1f
            }
        ),
        ("32-bit entry with paging", { $0.entry.kind = 32 }),
        (
            "32-bit entry without protection",
            {
                $0.entry.kind = 32
                $0.entry.cr0 = 0x32
            }
        ),
        (
            "32-bit entry with another cs",
            {
                $0.entry.kind = 32
                $0.entry.cr0 = 0x33
                $0.entry.cs = 8
            }
        ),
        (
            "32-bit entry with another ds",
            {
                $0.entry.kind = 32
                $0.entry.cr0 = 0x33
                $0.entry.ds = 8
            }
        ),
        (
            "32-bit entry with another ss",
            {
                $0.entry.kind = 32
                $0.entry.cr0 = 0x33
                $0.entry.ss = 8
            }
        ),
        (
            "32-bit entry with a short GDT",
            {
                $0.entry.kind = 32
                $0.entry.cr0 = 0x33
                $0.entry.gdt.limit = 0x1e
            }
        ),
        ("64-bit entry with another cs", { $0.entry.cs = 8 }),
        (
            "other registers",
            {
                ($0.entry.rax, $0.entry.rbx, $0.entry.rcx, $0.entry.rdx) = (1, 2, 3, 4)
                ($0.entry.rdi, $0.entry.rbp) = (5, 6)
                $0.entry.idt.limit = 7
                $0.entry.idt.base = (1, 0, 0, 2)
            }
        ),

        // MARK: Memory

        ("another interrupt vector", { $0.set(UInt32(1), at: 0x1e0) }),
        ("another BIOS data area", { $0.set(UInt32(1), at: 0x4fc) }),
        ("another extended data area", { $0.set(UInt32(1), at: 0x9_fffc) }),
        ("another ROM", { $0.set(UInt32(1), at: 0xf_fffc) }),
        ("extended data area too low", { $0.set(UInt16(0x7fff), at: 0x40e) }),
        ("extended data area too high", { $0.set(UInt16(0xa000), at: 0x40e) }),
        ("started by 64-bit UEFI", { $0.parameters.storeBytes(of: 0x3436_4c45, toByteOffset: 0x1c0, as: UInt32.self) }),
        ("started by 32-bit UEFI", { $0.parameters.storeBytes(of: 0x3233_4c45, toByteOffset: 0x1c0, as: UInt32.self) }),
        ("vector 08 at no address", { $0.set(UInt32(0), at: 0x08 * 4) }),
        ("vector 10 at no address", { $0.set(UInt32(0), at: 0x10 * 4) }),
        ("vector 13 at no address", { $0.set(UInt32(0), at: 0x13 * 4) }),
        ("vector 15 at no address", { $0.set(UInt32(0), at: 0x15 * 4) }),
        ("vector 16 at no address", { $0.set(UInt32(0), at: 0x16 * 4) }),
        ("vector 19 at no address", { $0.set(UInt32(0), at: 0x19 * 4) }),
        (
            "vector at the end of memory",
            {
                $0.set(UInt32(0x9fc0_0000), at: 0x10 * 4)
                $0.routines[0x9fc0_0000] = 0x10
            }
        ),
        ("vector below the end of memory", { $0.set(UInt32(0x9000_fbff), at: 0x10 * 4) }),

        // MARK: Controllers

        ("8259 without masks", { $0.masksStay = false }),
        ("local APIC off", { _ in hardware.registers[0x1b] = 0xfee0_0100 }),
        ("x2APIC mode that can be left", { _ in hardware.registers[0x1b] = 0xfee0_0d00 }),
        ("x2APIC mode that stays", { _ in hardware.registers[0x1b] = 0x1_fee0_0d00 }),
        (
            "local APIC that takes nothing",
            {
                $0.registers[0xfee0_0000] = 1
                $0.apicIsDead = true
            }
        ),
        ("8254 that stands", { $0.timerCounts = false }),
        ("no tick", { $0.ticks = false }),
        ("A20 that stays off", { $0.a20CanBeOn = false }),
        ("no keyboard controller", { $0.keyboardStatus = { _ in 0xff } }),
        ("keyboard controller that is busy", { $0.keyboardStatus = { $0 | 2 } }),
        ("keyboard controller that is silent", { $0.keyboardStatus = { _ in 0 } }),

        // MARK: Clock and PCI

        ("CMOS clock that stands", { $0.clockTicks = false }),
        ("PCI BIOS with another identity", answering(0x1a, 0xb10a) { $0.ecx = 7 }),
        ("PCI BIOS that cannot read", answering(0x1a, 0xb10a) { ($0.flags, $0.ecx) = (1, 0x1237_8086) }),
        ("clock that stands", answering(0x1a, 0x0200) { $0.flags |= 1 }),
        ("PCI BIOS that refuses", answering(0x1a, 0xb101) { ($0.flags, $0.edx) = (1, 0x2049_4350) }),
        ("PCI BIOS without a signature", answering(0x1a, 0xb101) { $0.edx = 0x2049_4351 }),
        ("clock with hour 24", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0x2447, 0x5900) }),
        ("clock with minute 60", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0x2360, 0x5900) }),
        ("clock with second 60", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0x2347, 0x6000) }),
        ("clock with hour 1a", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0x1a47, 0x5900) }),
        ("clock with minute 4a", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0x234a, 0x5900) }),
        ("clock with second 5a", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0x2347, 0x5a00) }),
        ("midnight", answering(0x1a, 0x0200) { ($0.ecx, $0.edx) = (0, 0) }),

        // MARK: Services

        ("interrupt 10 service f that hangs", hanging(0x10, 0x0f)),
        ("interrupt 10 service 3 that hangs", hanging(0x10, 0x03)),
        ("interrupt 10 service 1a that hangs", hanging(0x10, 0x1a)),
        ("interrupt 10 service 4f that hangs", hanging(0x10, 0x4f)),
        ("interrupt 11 service 0 that hangs", hanging(0x11, 0x00)),
        ("interrupt 16 service 1 that hangs", hanging(0x16, 0x01)),
        ("interrupt 16 service 2 that hangs", hanging(0x16, 0x02)),
        ("interrupt 16 service 3 that hangs", hanging(0x16, 0x03)),
        ("interrupt 15 service c0 that hangs", hanging(0x15, 0xc0)),
        ("interrupt 15 service 53 that hangs", hanging(0x15, 0x53)),
        ("interrupt 15 service e8 that hangs", hanging(0x15, 0xe8)),
        ("interrupt 15 service 88 that hangs", hanging(0x15, 0x88)),
        ("interrupt 1a service 2 that hangs", hanging(0x1a, 0x02)),
        ("interrupt 1a service b1 that hangs", hanging(0x1a, 0xb1)),
        ("interrupt 13 service 0 that hangs", hanging(0x13, 0x00)),
        ("interrupt 13 service 8 that hangs", hanging(0x13, 0x08)),
        ("interrupt 13 service 15 that hangs", hanging(0x13, 0x15)),
        ("interrupt 13 service 2 that hangs", hanging(0x13, 0x02)),
        ("interrupt 13 service 41 that hangs", hanging(0x13, 0x41)),
        ("interrupt 13 service 48 that hangs", hanging(0x13, 0x48)),
        ("interrupt 13 service 42 that hangs", hanging(0x13, 0x42)),
        ("no video BIOS", answering(0x10, 0x0f00) { _ in }),
        ("another video mode", answering(0x10, 0x0f00) { $0.eax = 0x5004 }),
        ("video mode that keeps its memory", answering(0x10, 0x0f00) { $0.eax = 0x5083 }),
        ("no VBE", answering(0x10, 0x4f00) { $0.eax = 0x14f }),
        ("VBE without a signature", answering(0x10, 0x4f00) { $0.eax = 0x4f }),
        ("other equipment", { $0.set(UInt16(0x4226), at: 0x410) }),
        ("another memory size", { $0.set(UInt16(640), at: 0x413) }),
        ("another shift state", { $0.set(UInt8(0x21), at: 0x417) }),
        ("no system descriptor", answering(0x15, 0xc000) { $0.flags |= 1 }),
        ("short system descriptor", { $0.set(UInt32(0xfc_0007), at: 0xf_e6f5) }),
        ("no APM", answering(0x15, 0x5300) { ($0.ebx, $0.flags) = (0x504d, 1) }),
        ("APM without a signature", answering(0x15, 0x5300) { $0.ebx = 0x504e }),
        ("E820 that refuses", answering(0x15, 0xe820) { $0.flags |= 1 }),
        ("E820 without a signature", answering(0x15, 0xe820) { $0.eax = 0 }),
        ("E820 with short entries", answering(0x15, 0xe820) { ($0.eax, $0.ecx) = (0x534d_4150, 19) }),
        ("E820 without an end", answering(0x15, 0xe820) { ($0.eax, $0.ebx) = (0x534d_4150, 1) }),
        (
            "E820 that ends by refusing",
            { pc in
                pc.map = [(0, 0x9_fc00, 1), (0x10_0000, 0x2000_0000, 1)]
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe820 else { return false }
                    if registers.ebx == 2 {
                        registers.flags |= 1
                    } else {
                        let entry = pc.map[Int(registers.ebx)]
                        pc.set(entry.start, at: 0x8000)
                        pc.set(entry.size, at: 0x8008)
                        pc.set(entry.type, at: 0x8010)
                        (registers.eax, registers.ebx) = (0x534d_4150, registers.ebx + 1)
                    }
                    return true
                }
            }
        ),
        ("E820 with less low memory", { $0.map[0].size = 0x9_fbff }),
        ("E820 without high memory", { $0.map[2].type = 2 }),
        ("E820 with high memory above 1 MiB", { $0.map[2].start = 0x10_0001 }),
        ("E820 with memory up to 1 MiB", { $0.map[2] = (0xf_f000, 0x1000, 1) }),
        ("E820 with memory beyond 4 GiB", { $0.map[2].size = 0x2_1234_5678 }),
        ("no E801", answering(0x15, 0xe801) { $0.flags |= 1 }),
        (
            "E801 in ax and bx alone",
            answering(0x15, 0xe801) { ($0.eax, $0.ebx, $0.ecx, $0.edx) = (0x3c00, 0x1efd, 0, 0) }
        ),
        ("E801 with cx alone", answering(0x15, 0xe801) { ($0.eax, $0.ebx, $0.ecx, $0.edx) = (1, 2, 0x3c00, 0) }),
        ("E801 with dx alone", answering(0x15, 0xe801) { ($0.eax, $0.ebx, $0.ecx, $0.edx) = (1, 2, 0, 0x100) }),
        (
            "E801 with more than E820",
            answering(0x15, 0xe801) { ($0.eax, $0.ebx, $0.ecx, $0.edx) = (0x3c00, 0x1eff, 0, 0) }
        ),
        ("no 88h", answering(0x15, 0x8800) { $0.flags |= 1 }),
        ("E801 with more than E820, and 88h with as much", { $0.map[2].size = 0x3ff_f000 }),

        // MARK: Disks

        ("no disk", { $0.set(UInt8(0), at: 0x475) }),
        ("two disks", { $0.set(UInt8(2), at: 0x475) }),
        ("17 disks", { $0.set(UInt8(17), at: 0x475) }),
        ("no floppy drive", { $0.set(UInt16(0x4226), at: 0x410) }),
        (
            "floppy drive that hangs",
            {
                $0.set(UInt8(0), at: 0x475)
                $0.hanging = [[0x13, 0x15]]
            }
        ),
        ("disk that refuses to be reset", answering(0x13, 0x0000) { ($0.eax, $0.flags) = (0x0155, 1) }),
        ("disk that refuses its parameters", answering(0x13, 0x0800) { ($0.eax, $0.flags) = (0x0155, 1) }),
        ("disk that refuses its type", answering(0x13, 0x1500) { ($0.eax, $0.flags) = (0x0155, 1) }),
        ("disk that refuses to read by cylinder", answering(0x13, 0x0201) { ($0.eax, $0.flags) = (0x0155, 1) }),
        ("disk that refuses to read by LBA", answering(0x13, 0x4200) { ($0.eax, $0.flags) = (0x0155, 1) }),
        ("disk that refuses extensions", answering(0x13, 0x4100) { ($0.ebx, $0.ecx, $0.flags) = (0xaa55, 1, 1) }),
        ("extensions without a signature", answering(0x13, 0x4100) { ($0.ebx, $0.ecx) = (0xaa56, 1) }),
        ("extensions without packets", answering(0x13, 0x4100) { ($0.ebx, $0.ecx) = (0xaa55, 6) }),
        (
            "disk that refuses its size",
            // In the buffer is what was read before.
            answering(0x13, 0x4800) { ($0.eax, $0.flags) = (0x0155, 1) }
        ),
        ("disk of no size", { $0.sectors = 0 }),
        ("disk of 2 TiB", { $0.sectors = 0x1_0000_0001 }),
        ("disk of one sector", { $0.sectors = 1 }),
        ("disk that reads nothing by LBA", answering(0x13, 0x4200) { _ in }),
        ("disk that reads nothing by cylinder", answering(0x13, 0x0201) { _ in }),
        (
            "disk that reads something else each time",
            { pc in
                var count: UInt64 = 0
                pc.contents = { sector in
                    count += 1
                    return (0..<128).map { UInt32(sector + (count == 3 ? 7 : 0)) &+ $0 }
                }
            }
        ),

        // MARK: ACPI and the rest

        ("no ACPI", { $0.set(UInt8(0), at: 0xf_5a80) }),
        ("ACPI root pointer without its sum", { $0.set(UInt8(1), at: 0xf_5a8f) }),
        ("ACPI root table without its name", { $0.set(UInt8(0), at: 0x1f_0000) }),
        ("ACPI root table without its sum", { $0.set(UInt8(9), at: 0x1f_000a) }),
        (
            "ACPI root pointer in the extended data area",
            { pc in
                for offset in 0..<20 as Range<UInt> {
                    pc.set(
                        pc.memory.load(fromByteOffset: Int(0xf_5a80 + offset), as: UInt8.self),
                        at: 0x9_ffe0 + offset)
                }
            }
        ),
        ("no room for the gate", { $0.set(UInt16(0x140), at: 0x413) }),
        ("just enough room for the gate", { $0.set(UInt16(0x141), at: 0x413) }),
        (
            "more failures than there are names for",
            {
                $0.masksStay = false
                $0.timerCounts = false
                $0.a20CanBeOn = false
                $0.entry.flags = 0x246
                $0.entry.cr0 = 0x33
                $0.clockTicks = false
                $0.set(UInt16(0x4226), at: 0x410)
                $0.set(UInt8(0x21), at: 0x417)
                $0.set(UInt8(4), at: 0x449)
            }
        ),
    ]
}
