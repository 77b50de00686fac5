// SPDX-License-Identifier: MIT

/// Our kexec_test, started by kexec: its verdict is the case's.
enum KexecTestCases: CaseGroup {
    static let all: [Case] = entries + elf + controllers + restored

    private static let entries: [Case] = [KernelName.linux61, .linux612, .linux7].flatMap { kernel in
        [("64-bit", ""), ("32-bit", "--entry-32bit"), ("real-mode", "--real-mode")].map { entry, option in
            Case(
                name: "kexec-test/\(kernel.rawValue)/\(entry)",
                summary: "every check passes after a jump from \(kernel.rawValue) to the \(entry) entry",
                machine: MachineShape(options: DiskController.ide.options()), firstKernel: kernel,
                files: payload,
                script: "try load kexec -l /boot/kexec_test \(option) && jump",
                expect: [
                    "^LAB load rc=0 loaded=1", "^entry: PASS mode=\(entry == "real-mode" ? "16" : entry.prefix(2)) ",
                    "^interrupt vectors: PASS ", "^BIOS data area: PASS ", "^option ROMs and BIOS: PASS ",
                    "^timer tick: PASS ", "^int 13h, read the last sector: PASS ",
                    passes,
                ],
                quick: kernel == .linux7 && entry == "64-bit", needsOurs: true)
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
