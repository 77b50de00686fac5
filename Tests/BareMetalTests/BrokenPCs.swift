// SPDX-License-Identifier: MIT
import Foundation

/// Machines with which something is wrong, or just not: what kexec_test says of them is in
/// `Tests/Fixtures/kexec_test-reports`, by these names.
enum BrokenPCs {
    nonisolated(unsafe) static let all: [(name: String, change: (FakePC) -> Void)] = [
        // MARK: Entry

        ("64-bit entry with interrupts on", { pc in pc.entry.flags = 0x246 }),
        (
            "real-mode entry with interrupts on",
            { pc in
                pc.entry.kind = 16; pc.entry.flags = 0x246; pc.entry.cr0 = 0x32
            }
        ),
        (
            "real-mode entry in protected mode",
            { pc in
                pc.entry.kind = 16; pc.entry.cr0 = 0x33
            }
        ),
        ("64-bit entry without paging", { pc in pc.entry.cr0 = 0x33 }),
        ("64-bit entry without protection", { pc in pc.entry.cr0 = 0x8000_0032 }),
        ("64-bit entry without PAE", { pc in pc.entry.cr4 = 0 }),
        ("64-bit entry without long mode", { pc in pc.entry.efer = 0x901 }),
        (
            "32-bit entry",
            { pc in
                pc.entry.kind = 32; pc.entry.cr0 = 0x33; pc.entry.gdt.limit = 0x1f
            }
        ),
        ("32-bit entry with paging", { pc in pc.entry.kind = 32 }),
        (
            "32-bit entry without protection",
            { pc in
                pc.entry.kind = 32; pc.entry.cr0 = 0x32
            }
        ),
        (
            "32-bit entry with another cs",
            { pc in
                pc.entry.kind = 32; pc.entry.cr0 = 0x33; pc.entry.cs = 8
            }
        ),
        (
            "32-bit entry with another ds",
            { pc in
                pc.entry.kind = 32; pc.entry.cr0 = 0x33; pc.entry.ds = 8
            }
        ),
        (
            "32-bit entry with another ss",
            { pc in
                pc.entry.kind = 32; pc.entry.cr0 = 0x33; pc.entry.ss = 8
            }
        ),
        (
            "32-bit entry with a short GDT",
            { pc in
                pc.entry.kind = 32; pc.entry.cr0 = 0x33; pc.entry.gdt.limit = 0x1e
            }
        ),
        ("64-bit entry with another cs", { pc in pc.entry.cs = 8 }),
        (
            "other registers",
            { pc in
                (pc.entry.rax, pc.entry.rbx, pc.entry.rcx, pc.entry.rdx) = (1, 2, 3, 4);
                (pc.entry.rdi, pc.entry.rbp) = (5, 6); pc.entry.idt.limit = 7; pc.entry.idt.base = (1, 0, 0, 2)
            }
        ),

        // MARK: Memory

        ("another interrupt vector", { pc in pc.set(UInt32(1), at: 0x1e0) }),
        ("another BIOS data area", { pc in pc.set(UInt32(1), at: 0x4fc) }),
        ("another extended data area", { pc in pc.set(UInt32(1), at: 0x9_fffc) }),
        ("another ROM", { pc in pc.set(UInt32(1), at: 0xf_fffc) }),
        ("extended data area too low", { pc in pc.set(UInt16(0x7fff), at: 0x40e) }),
        ("extended data area too high", { pc in pc.set(UInt16(0xa000), at: 0x40e) }),
        (
            "started by 64-bit UEFI",
            { pc in pc.parameters.storeBytes(of: 0x3436_4c45, toByteOffset: 0x1c0, as: UInt32.self) }
        ),
        (
            "started by 32-bit UEFI",
            { pc in pc.parameters.storeBytes(of: 0x3233_4c45, toByteOffset: 0x1c0, as: UInt32.self) }
        ),
        ("vector 08 at no address", { pc in pc.set(UInt32(0), at: 0x08 * 4) }),
        ("vector 10 at no address", { pc in pc.set(UInt32(0), at: 0x10 * 4) }),
        ("vector 13 at no address", { pc in pc.set(UInt32(0), at: 0x13 * 4) }),
        ("vector 15 at no address", { pc in pc.set(UInt32(0), at: 0x15 * 4) }),
        ("vector 16 at no address", { pc in pc.set(UInt32(0), at: 0x16 * 4) }),
        ("vector 19 at no address", { pc in pc.set(UInt32(0), at: 0x19 * 4) }),
        (
            "vector at the end of memory",
            { pc in
                pc.set(UInt32(0x9fc0_0000), at: 0x10 * 4)
                pc.routines[0x9fc0_0000] = 0x10
            }
        ),
        ("vector below the end of memory", { pc in pc.set(UInt32(0x9000_fbff), at: 0x10 * 4) }),

        // MARK: Controllers

        ("8259 without masks", { pc in pc.masksStay = false }),
        ("local APIC off", { pc in hardware.registers[0x1b] = 0xfee0_0100 }),
        ("x2APIC mode that can be left", { pc in hardware.registers[0x1b] = 0xfee0_0d00 }),
        ("x2APIC mode that stays", { pc in hardware.registers[0x1b] = 0x1_fee0_0d00 }),
        (
            "local APIC that takes nothing",
            { pc in
                pc.registers[0xfee0_0000] = 1; pc.apicIsDead = true
            }
        ),
        ("8254 that stands", { pc in pc.timerCounts = false }),
        ("no tick", { pc in pc.ticks = false }),
        ("A20 that stays off", { pc in pc.a20CanBeOn = false }),
        ("no keyboard controller", { pc in pc.keyboardStatus = { _ in 0xff } }),
        ("keyboard controller that is busy", { pc in pc.keyboardStatus = { $0 | 2 } }),
        ("keyboard controller that is silent", { pc in pc.keyboardStatus = { _ in 0 } }),

        // MARK: Clock and PCI

        ("CMOS clock that stands", { pc in pc.clockTicks = false }),
        (
            "PCI BIOS with another identity",
            { pc in
                pc.answers[0x1a] = { registers in
                    registers.ecx = 7; return registers.eax == 0xb10a
                }
            }
        ),
        (
            "PCI BIOS that cannot read",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0xb10a { (registers.flags, registers.ecx) = (1, 0x1237_8086) };
                    return registers.eax == 0xb10a
                }
            }
        ),
        (
            "clock that stands",
            { pc in
                pc.answers[0x1a] = { registers in
                    registers.flags |= 1; return registers.eax == 0x200
                }
            }
        ),
        (
            "PCI BIOS that refuses",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0xb101 { (registers.flags, registers.edx) = (1, 0x2049_4350) };
                    return registers.eax == 0xb101
                }
            }
        ),
        (
            "PCI BIOS without a signature",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0xb101 { registers.edx = 0x2049_4351 }; return registers.eax == 0xb101
                }
            }
        ),
        (
            "clock with hour 24",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x2447, 0x5900) };
                    return registers.eax == 0x200
                }
            }
        ),
        (
            "clock with minute 60",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x2360, 0x5900) };
                    return registers.eax == 0x200
                }
            }
        ),
        (
            "clock with second 60",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x2347, 0x6000) };
                    return registers.eax == 0x200
                }
            }
        ),
        (
            "clock with hour 1a",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x1a47, 0x5900) };
                    return registers.eax == 0x200
                }
            }
        ),
        (
            "clock with minute 4a",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x234a, 0x5900) };
                    return registers.eax == 0x200
                }
            }
        ),
        (
            "clock with second 5a",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x2347, 0x5a00) };
                    return registers.eax == 0x200
                }
            }
        ),
        (
            "midnight",
            { pc in
                pc.answers[0x1a] = { registers in
                    if registers.eax == 0x200 { (registers.ecx, registers.edx) = (0x0, 0x0) };
                    return registers.eax == 0x200
                }
            }
        ),

        // MARK: Services

        ("interrupt 10 service f that hangs", { pc in pc.hanging = [[0x10, 0xf]] }),
        ("interrupt 10 service 3 that hangs", { pc in pc.hanging = [[0x10, 0x3]] }),
        ("interrupt 10 service 1a that hangs", { pc in pc.hanging = [[0x10, 0x1a]] }),
        ("interrupt 10 service 4f that hangs", { pc in pc.hanging = [[0x10, 0x4f]] }),
        ("interrupt 11 service 0 that hangs", { pc in pc.hanging = [[0x11, 0x0]] }),
        ("interrupt 16 service 1 that hangs", { pc in pc.hanging = [[0x16, 0x1]] }),
        ("interrupt 16 service 2 that hangs", { pc in pc.hanging = [[0x16, 0x2]] }),
        ("interrupt 16 service 3 that hangs", { pc in pc.hanging = [[0x16, 0x3]] }),
        ("interrupt 15 service c0 that hangs", { pc in pc.hanging = [[0x15, 0xc0]] }),
        ("interrupt 15 service 53 that hangs", { pc in pc.hanging = [[0x15, 0x53]] }),
        ("interrupt 15 service e8 that hangs", { pc in pc.hanging = [[0x15, 0xe8]] }),
        ("interrupt 15 service 88 that hangs", { pc in pc.hanging = [[0x15, 0x88]] }),
        ("interrupt 1a service 2 that hangs", { pc in pc.hanging = [[0x1a, 0x2]] }),
        ("interrupt 1a service b1 that hangs", { pc in pc.hanging = [[0x1a, 0xb1]] }),
        ("interrupt 13 service 0 that hangs", { pc in pc.hanging = [[0x13, 0x0]] }),
        ("interrupt 13 service 8 that hangs", { pc in pc.hanging = [[0x13, 0x8]] }),
        ("interrupt 13 service 15 that hangs", { pc in pc.hanging = [[0x13, 0x15]] }),
        ("interrupt 13 service 2 that hangs", { pc in pc.hanging = [[0x13, 0x2]] }),
        ("interrupt 13 service 41 that hangs", { pc in pc.hanging = [[0x13, 0x41]] }),
        ("interrupt 13 service 48 that hangs", { pc in pc.hanging = [[0x13, 0x48]] }),
        ("interrupt 13 service 42 that hangs", { pc in pc.hanging = [[0x13, 0x42]] }),
        (
            "no video BIOS",
            { pc in
                pc.answers[0x10] = { registers in
                    guard registers.eax & 0xffff == 0xf00 else { return false }; _ = 0; return true
                }
            }
        ),
        (
            "another video mode",
            { pc in
                pc.answers[0x10] = { registers in
                    guard registers.eax & 0xffff == 0xf00 else { return false }; registers.eax = 0x5004; return true
                }
            }
        ),
        (
            "video mode that keeps its memory",
            { pc in
                pc.answers[0x10] = { registers in
                    guard registers.eax & 0xffff == 0xf00 else { return false }; registers.eax = 0x5083; return true
                }
            }
        ),
        (
            "no VBE",
            { pc in
                pc.answers[0x10] = { registers in
                    guard registers.eax & 0xffff == 0x4f00 else { return false }; registers.eax = 0x14f; return true
                }
            }
        ),
        (
            "VBE without a signature",
            { pc in
                pc.answers[0x10] = { registers in
                    guard registers.eax & 0xffff == 0x4f00 else { return false }; registers.eax = 0x4f; return true
                }
            }
        ),
        ("other equipment", { pc in pc.set(UInt16(0x4226), at: 0x410) }),
        ("another memory size", { pc in pc.set(UInt16(640), at: 0x413) }),
        ("another shift state", { pc in pc.set(UInt8(0x21), at: 0x417) }),
        (
            "no system descriptor",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xc000 else { return false }; registers.flags |= 1; return true
                }
            }
        ),
        ("short system descriptor", { pc in pc.set(UInt32(0xfc_0007), at: 0xf_e6f5) }),
        (
            "no APM",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0x5300 else { return false };
                    (registers.ebx, registers.flags) = (0x504d, 1); return true
                }
            }
        ),
        (
            "APM without a signature",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0x5300 else { return false }; registers.ebx = 0x504e; return true
                }
            }
        ),
        (
            "E820 that refuses",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe820 else { return false }; registers.flags |= 1; return true
                }
            }
        ),
        (
            "E820 without a signature",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe820 else { return false }; registers.eax = 0; return true
                }
            }
        ),
        (
            "E820 with short entries",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe820 else { return false };
                    (registers.eax, registers.ecx) = (0x534d_4150, 19); return true
                }
            }
        ),
        (
            "E820 without an end",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe820 else { return false };
                    (registers.eax, registers.ebx) = (0x534d_4150, 1); return true
                }
            }
        ),
        (
            "E820 that ends by refusing",
            { pc in
                pc.map = [(0, 0x9_fc00, 1), (0x10_0000, 0x2000_0000, 1)];
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe820 else { return false };
                    if registers.ebx == 2 {
                        registers.flags |= 1
                    } else {
                        let entry = pc.map[Int(registers.ebx)]; pc.set(entry.start, at: 0x8000);
                        pc.set(entry.size, at: 0x8008); pc.set(entry.type, at: 0x8010);
                        (registers.eax, registers.ebx) = (0x534d_4150, registers.ebx + 1)
                    }; return true
                }
            }
        ),
        ("E820 with less low memory", { pc in pc.map[0].size = 0x9_fbff }),
        ("E820 without high memory", { pc in pc.map[2].type = 2 }),
        ("E820 with high memory above 1 MiB", { pc in pc.map[2].start = 0x10_0001 }),
        ("E820 with memory up to 1 MiB", { pc in pc.map[2] = (0xf_f000, 0x1000, 1) }),
        ("E820 with memory beyond 4 GiB", { pc in pc.map[2].size = 0x2_1234_5678 }),
        (
            "no E801",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe801 else { return false }; registers.flags |= 1; return true
                }
            }
        ),
        (
            "E801 in ax and bx alone",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe801 else { return false };
                    (registers.eax, registers.ebx, registers.ecx, registers.edx) = (0x3c00, 0x1efd, 0, 0); return true
                }
            }
        ),
        (
            "E801 with cx alone",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe801 else { return false };
                    (registers.eax, registers.ebx, registers.ecx, registers.edx) = (1, 2, 0x3c00, 0); return true
                }
            }
        ),
        (
            "E801 with dx alone",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe801 else { return false };
                    (registers.eax, registers.ebx, registers.ecx, registers.edx) = (1, 2, 0, 0x100); return true
                }
            }
        ),
        (
            "E801 with more than E820",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0xe801 else { return false };
                    (registers.eax, registers.ebx, registers.ecx, registers.edx) = (0x3c00, 0x1eff, 0, 0); return true
                }
            }
        ),
        (
            "no 88h",
            { pc in
                pc.answers[0x15] = { registers in
                    guard registers.eax & 0xffff == 0x8800 else { return false }; registers.flags |= 1; return true
                }
            }
        ),
        ("E801 with more than E820, and 88h with as much", { pc in pc.map[2].size = 0x3ff_f000 }),

        // MARK: Disks

        ("no disk", { pc in pc.set(UInt8(0), at: 0x475) }),
        ("two disks", { pc in pc.set(UInt8(2), at: 0x475) }),
        ("17 disks", { pc in pc.set(UInt8(17), at: 0x475) }),
        ("no floppy drive", { pc in pc.set(UInt16(0x4226), at: 0x410) }),
        (
            "floppy drive that hangs",
            { pc in
                pc.set(UInt8(0), at: 0x475); pc.hanging = [[0x13, 0x15]]
            }
        ),
        (
            "disk that refuses to be reset",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x0 else { return false };
                    (registers.eax, registers.flags) = (0x0155, 1); return true
                }
            }
        ),
        (
            "disk that refuses its parameters",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x800 else { return false };
                    (registers.eax, registers.flags) = (0x0155, 1); return true
                }
            }
        ),
        (
            "disk that refuses its type",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x1500 else { return false };
                    (registers.eax, registers.flags) = (0x0155, 1); return true
                }
            }
        ),
        (
            "disk that refuses to read by cylinder",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x201 else { return false };
                    (registers.eax, registers.flags) = (0x0155, 1); return true
                }
            }
        ),
        (
            "disk that refuses to read by LBA",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x4200 else { return false };
                    (registers.eax, registers.flags) = (0x0155, 1); return true
                }
            }
        ),
        (
            "disk that refuses extensions",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x4100 else { return false };
                    (registers.ebx, registers.ecx, registers.flags) = (0xaa55, 1, 1); return true
                }
            }
        ),
        (
            "extensions without a signature",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x4100 else { return false };
                    (registers.ebx, registers.ecx) = (0xaa56, 1); return true
                }
            }
        ),
        (
            "extensions without packets",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x4100 else { return false };
                    (registers.ebx, registers.ecx) = (0xaa55, 6); return true
                }
            }
        ),
        (
            "disk that refuses its size",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x4800 else { return false }; pc.set(UInt64(5), at: 0x8010);
                    (registers.eax, registers.flags) = (0x0155, 1); return true
                }
            }
        ),
        ("disk of no size", { pc in pc.sectors = 0 }),
        ("disk of 2 TiB", { pc in pc.sectors = 0x1_0000_0001 }),
        ("disk of one sector", { pc in pc.sectors = 1 }),
        (
            "disk that reads nothing by LBA",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x4200 else { return false }; _ = 0; return true
                }
            }
        ),
        (
            "disk that reads nothing by cylinder",
            { pc in
                pc.answers[0x13] = { registers in
                    guard registers.eax & 0xffff == 0x201 else { return false }; _ = 0; return true
                }
            }
        ),
        (
            "disk that reads something else each time",
            { pc in
                var count: UInt64 = 0;
                pc.contents = { sector in
                    count += 1; return (0..<128).map { UInt32(sector + (count == 3 ? 7 : 0)) &+ $0 }
                }
            }
        ),

        // MARK: ACPI and the rest

        ("no ACPI", { pc in pc.set(UInt8(0), at: 0xf_5a80) }),
        ("ACPI root pointer without its sum", { pc in pc.set(UInt8(1), at: 0xf_5a8f) }),
        ("ACPI root table without its name", { pc in pc.set(UInt8(0), at: 0x1f_0000) }),
        ("ACPI root table without its sum", { pc in pc.set(UInt8(9), at: 0x1f_000a) }),
        (
            "ACPI root pointer in the extended data area",
            { pc in
                for offset in 0..<20 as Range<UInt> {
                    pc.set(
                        pc.memory.load(fromByteOffset: Int(0xf_5a80 + offset), as: UInt8.self),
                        at: 0x9_fff0 - 0x10 + offset)
                }
            }
        ),
        ("no room for the gate", { pc in pc.set(UInt16(0x140), at: 0x413) }),
        ("just enough room for the gate", { pc in pc.set(UInt16(0x141), at: 0x413) }),
        (
            "more failures than there are names for",
            { pc in
                pc.masksStay = false; pc.timerCounts = false; pc.a20CanBeOn = false; pc.entry.flags = 0x246;
                pc.entry.cr0 = 0x33; pc.clockTicks = false; pc.set(UInt16(0x4226), at: 0x410);
                pc.set(UInt8(0x21), at: 0x417); pc.set(UInt8(4), at: 0x449)
            }
        ),
    ]
}
