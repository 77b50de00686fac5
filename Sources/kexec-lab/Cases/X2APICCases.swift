// SPDX-License-Identifier: MIT

/// What is started from a kernel in x2APIC mode, which Linux enters where interrupts are remapped.
enum X2APICCases: CaseGroup {
    static let all: [Case] = programs + [thirtyTwo, sixtyFour, firmware]

    private static func machine(processors: Int = 1) -> MachineShape {
        MachineShape(
            memory: 2048, processor: "max,+x2apic", processors: processors,
            options: ["-machine", "q35,kernel-irqchip=off", "-device", "intel-iommu,intremap=on,eim=on"])
    }

    /// The emulator loses ticks on a busy host, and the first kernel may take that for a broken timer.
    private static let commandLine = "intel_iommu=on no_timer_check"
    private static let mode = "say modes=$(dmesg | grep -ci 'irq remapping in x2apic mode')\n"
    private static let inMode = "^LAB modes=[1-9]"

    /// IA32_APIC_BASE at the entry: on (bit 11), not in x2APIC mode (bit 10). The 8259's interrupts come through: the APIC is
    /// not disabled, and its line 0 is what an 8259 is at (ExtINT), not masked.
    private static let programs: [Case] = [
        ("multiboot", "", "^LAB multiboot apic=fee00[9b]00 spurious=000001[0-9a-f]{2} lint0=0000[0-9a-f]7[0-9a-f]{2}$"),
        ("elf64", "--args-elf", "^LAB tiny elf64 .* apic=00000000fee00[9b]00$"),
    ].map { name, option, line in
        Case(
            name: "x2apic/\(name)", summary: "a program (\(name)) finds the APIC as firmware leaves it",
            machine: machine(), firstKernel: .linux612Full, firstCommandLine: commandLine,
            files: {
                [
                    "boot/tiny": .host(
                        name == "elf64"
                            ? try await TinyKernel.elf64.make(in: $0) : try await MultibootKernel.one.make(in: $0))
                ]
            },
            script: mode + "try load kexec -l -c /boot/tiny \(option) --append=x && jump",
            expect: [inMode, "^LAB load rc=0 loaded=1", "^LAB jump", line], needsOurs: true)
    }

    /// It starts its second processor by the APIC as it knows it.
    private static let thirtyTwo = Case(
        name: "x2apic/linux32", summary: "a Linux of 32 bits starts from a kernel in x2APIC mode, on both processors",
        machine: machine(processors: 2), firstKernel: .linux612Full, secondKernel: .linux61PAE,
        firstCommandLine: commandLine,
        secondFiles: { ["bin/busybox": .program($0.cache.program("busybox", of: .linux61PAE))] },
        script: mode + "load && jump", secondScript: "say machine=$(uname -m) processors=$(nproc)",
        expect: [
            inMode, "^LAB load rc=0 loaded=1", Case.second, "^LAB machine=i686 processors=2$", "^LAB end second",
        ], deadline: 300, needsOurs: true)

    private static let sixtyFour = Case(
        name: "x2apic/linux64", summary: "a Linux of 64 bits is left in x2APIC mode",
        machine: machine(), firstKernel: .linux612Full, secondKernel: .linux612Full, firstCommandLine: commandLine,
        script: mode + "load -c && jump",
        secondScript: "say found=$(dmesg | grep -ci 'x2apic: enabled by bios')",
        expect: [inMode, "^LAB load rc=0 loaded=1", Case.second, "^LAB found=[1-9]", "^LAB end second"], deadline: 300)

    /// A boot sector in memdisk counts ticks, which come by the 8259.
    private static let firmware = Case(
        name: "x2apic/real-mode", summary: "the BIOS's timer ticks after a kernel in x2APIC mode",
        machine: machine(), firstKernel: .linux612Full, firstCommandLine: commandLine,
        files: {
            ["boot/memdisk": .host($0.tools.memdisk), "boot/floppy": .host(try await BootSector.floppy(in: $0))]
        },
        script: mode + "try load kexec -l /boot/memdisk --initrd=/boot/floppy --command-line=floppy && jump",
        expect: [inMode, "^LAB load rc=0 loaded=1", "^LAB jump", "^LAB sector two, 3 ticks$"], needsOurs: true)
}
