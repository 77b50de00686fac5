// SPDX-License-Identifier: MIT
import Foundation

/// Our kexec_test, started by kexec: its verdict is the case's.
enum KexecTestCases: CaseGroup {
    static let all: [Case] = entries + elf + controllers + restored

    private static let entries: [Case] = [KernelName.linux61, .linux612, .linux7].flatMap { kernel in
        Entry.allCases.map { entry in
            Case(
                name: "kexec-test/\(kernel.rawValue)/\(entry.rawValue)",
                summary: "every check passes after a jump from \(kernel.rawValue) to the \(entry.rawValue) entry",
                firstKernel: kernel, files: payload,
                disks: { DiskController.ide.options(try await contents(in: $0)) },
                script: "try load kexec -l /boot/kexec_test \(entry.option) && jump",
                expect: ["^LAB load rc=0 loaded=1"] + report(entry), quick: kernel == .linux7 && entry == .longMode,
                needsOurs: true)
        }
    }

    private enum Entry: String, CaseIterable {
        case longMode = "64-bit"
        case protectedMode = "32-bit"
        case realMode = "real-mode"

        var option: String {
            switch self {
            case .longMode: ""
            case .protectedMode: "--entry-32bit"
            case .realMode: "--real-mode"
            }
        }

        /// What the boot protocol and purgatory promise; "A" stands for an address that depends on the kernel.
        var state: [String] {
            switch self {
            case .longMode:
                [
                    "entry: PASS mode=64 flags=0x46",
                    "registers: PASS rax=0x0 rbx=0x0 rcx=0x0 rdx=0x0 rsi=A rdi=0x0 rbp=0x0 rsp=A",
                    "control registers: PASS cr0=0x80000033 cr3=A cr4=0x20 efer=0xd01",
                    "descriptor tables: PASS cs=0x10 ds=0x18 ss=0x18 gdt=A limit=0x27 idt=0x0 limit=0x0",
                ]
            case .protectedMode:
                [
                    "entry: PASS mode=32 flags=0x46",
                    "registers: PASS rax=0x0 rbx=0x0 rcx=0x0 rdx=0x0 rsi=A rdi=0x0 rbp=0x0 rsp=A",
                    "control registers: PASS cr0=0x33 cr3=A cr4=0x0 efer=0x801",
                    "descriptor tables: PASS cs=0x10 ds=0x18 ss=0x18 gdt=A limit=0x1f idt=0x0 limit=0x0",
                ]
            case .realMode:
                [
                    "entry: PASS mode=16 flags=0x46",
                    "registers: PASS rax=0x0 rbx=0x0 rcx=0x0 rdx=0x0 rsi=0x0 rdi=0x0 rbp=0x0 rsp=0xe000",
                    "control registers: PASS cr0=0x32 cr3=0x0 cr4=0x0 efer=0x0",
                    "descriptor tables: PASS cs=0x1020 ds=0x1000 ss=0x1000 gdt=0x20d38 limit=0x2f idt=0x0 limit=0x3ff",
                ]
            }
        }

        /// As Linux leaves them, or as the BIOS had them before.
        var interrupts: [String] {
            self == .realMode
                ? [
                    "8259: PASS mask1=0xb8 mask2=0x8e",
                    "local APIC: PASS spurious=0x1ff lint0=0x8700 lint1=0x8400 base=0xfee00900",
                ]
                : [
                    "8259: PASS mask1=0xff mask2=0xff",
                    "local APIC: PASS spurious=0x10f lint0=0x5700 lint1=0x5400 base=0xfee00900",
                ]
        }
    }

    /// Every line of the report, with every number that QEMU's machine and SeaBIOS have; "A" stands for those that depend on
    /// their releases, on the kernel, or on the time.
    private static func report(_ entry: Entry) -> [String] {
        let sums = disk.map { "sum=0x" + String(Self.sum(of: $0), radix: 16) }
        let lines =
            ["kexec_test: what is left of this machine"] + entry.state + [
                "interrupt vectors: PASS at=0x0 sum=A", "BIOS data area: PASS at=0x400 sum=A",
                "extended BIOS data area: SKIP the loader has left nothing to compare with at=0x9fc00 sum=A",
                "option ROMs and BIOS: PASS at=0xc0000 sum=A", "vectors: PASS 08=A 10=A 13=A 15=A 16=A 19=A",
            ] + entry.interrupts + [
                "8254: PASS", "A20: PASS port92=0x2", "keyboard controller: PASS configuration=0x61",
                "timer tick: PASS kHz=[0-9]+", "int 10h: PASS mode=0x3 cursor=A adapter=0x8",
                "int 10h, VBE: PASS version=0x300", "int 11h: PASS equipment=0x4227", "int 12h: PASS KiB=639",
                "int 16h: PASS shift=0x0", "int 15h, system descriptor: PASS at=A model=0xfc",
                "int 15h, APM: PASS version=0x102 flags=0x3",
                "int 15h, E820: PASS entries=[5-9] low=0x9fc00 high=0x3ffe0000", "int 15h, E801: PASS end=0x3ffe0000",
                "int 15h, 88h: PASS KiB=64512", "int 1Ah, clock: PASS hour=A minute=A second=A", "CMOS clock: PASS",
                "int 1Ah, PCI BIOS: PASS version=0x210 identity=0x12378086", "int 13h, reset: PASS drive=0x80",
                "int 13h, parameters: PASS drive=0x80 heads=16 sectors=63", "int 13h, type: PASS drive=0x80 type=0x3",
                "int 13h, read by cylinder: PASS \(sums[0])", "int 13h, extensions: PASS drive=0x80 LBAs=0x20000",
                "int 13h, read LBA 0: PASS \(sums[0])", "int 13h, read LBA 0 again: PASS",
                "int 13h, read the middle: PASS \(sums[1])", "int 13h, read the last sector: PASS \(sums[2])",
                "int 13h, floppy drive: PASS type=0x1", "ACPI: PASS root=A", "kexec_test: 1 checks were skipped",
                #"kexec_test: PASS \(38 checks\)"#,
            ]
        return lines.map { line in
            "^" + line.replacing(/\bA\b/, with: "0x[0-9a-f]+") + "$"
        }
    }

    // MARK: The disk

    /// The sectors that are read, the first, the middle and the last of 64 MiB: words that differ.
    private static let disk: [[UInt32]] = (1...3).map { sector in
        (0..<128).map { UInt32(sector) &* 0x9e37_79b9 &+ UInt32($0) &* 0x85eb_ca6b }
    }
    private static let sectors = 0x2_0000

    /// As kexec_test adds them up.
    private static func sum(of sector: [UInt32]) -> UInt32 { sector.reduce(0) { ($0 << 1 | $0 >> 31) &+ $1 } }

    private static func contents(in workshop: Workshop) async throws -> String {
        try await workshop.made("kexec-test-disk") { path in
            let file = try HostFile.create(path)
            try file.truncate(atOffset: UInt64(sectors * 512))
            for (place, sector) in zip([0, sectors / 2, sectors - 1], disk) {
                try file.seek(toOffset: UInt64(place * 512))
                try file.write(
                    contentsOf: sector.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
            }
        }
    }

    /// The same in an ELF file, as kexec-tools had it. Loaded by those as a Multiboot kernel it finds out what they have done:
    /// their information block lies over the interrupt vectors.
    private static let elf: [Case] = [
        ("ours", "kexec", passes), ("kexec-tools", "peer -c --type=elf-x86 --args-linux", passes),
        ("overwritten", "peer -c", #"^kexec_test: FAIL \(vectors\)$"#),
    ].map { name, program, verdict in
        Case(
            name: "kexec-test/elf/\(name)", summary: "kexec_test in an ELF file is started by '\(program)'",
            machine: MachineShape(options: DiskController.ide.options()),
            files: {
                [
                    "boot/kexec_test.static": .host($0.payload("kexec_test.static")),
                    "sbin/peer": .program($0.tools.peer),
                ]
            },
            script: "try load \(program) -l /boot/kexec_test.static && jump",
            expect: ["^LAB load rc=0 loaded=1", "^entry: PASS mode=32 ", verdict])
    }

    private static let passes = #"^kexec_test: PASS \([0-9]+ checks\)$"#

    /// Drivers have been there, and nothing was given back: found out by name, within the limit.
    private static let controllers: [Case] = DiskController.allCases.map { controller in
        let survives = controller == .ide
        return Case(
            name: "kexec-test/driver/\(controller.rawValue)",
            summary:
                "a disk whose controller Linux has driven is \(survives ? "read" : "found to be dead"): \(controller.rawValue)",
            machine: MachineShape(options: controller.options()), firstKernel: .linux61Full,
            files: { try await controller.drivers($0).merging(payload($0)) { first, _ in first } },
            script: DiskController.use + "try load kexec -l /boot/kexec_test --command-line=limit=5 && jump",
            expect: [
                "^LAB disk read=65536$", "^LAB load rc=0 loaded=1",
                survives
                    ? passes : #"^kexec_test: FAIL \(int 13h, [a-z0-9A-Z ,]+\)$"#,
            ],
            needsOurs: true)
    }

    /// The same, with what firmware left recorded before the driver and given back.
    private static let restored: [Case] = DiskController.allCases.filter { $0 != .nvme && $0 != .ide }.map {
        controller in
        Case(
            name: "kexec-test/restored/\(controller.rawValue)",
            summary: "every check passes where the controller's state is given back: \(controller.rawValue)",
            machine: MachineShape(options: controller.options()), firstKernel: .linux61Full,
            files: { try await controller.drivers($0).merging(payload($0)) { first, _ in first } },
            script: "try record kexec --record-firmware-state=/tmp/state\n" + DiskController.use
                + "try load kexec -l /boot/kexec_test --firmware-state=/tmp/state && jump",
            expect: [
                "^LAB record rc=0 ", "^LAB disk read=65536$", "^LAB load rc=0 loaded=1",
                "^int 13h, read the last sector: PASS ", passes,
            ],
            needsOurs: true)
    }

    private static let payload: @Sendable (Workshop) throws -> [String: GuestFile] = {
        ["boot/kexec_test": .host($0.payload("kexec_test"))]
    }
}
