// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func slice(_ text: String) -> ArraySlice<UInt8> { bytes(text)[...] }

/// What the pure readers make of text, good and bad. None of them opens a file.
@Suite struct MachineTextTests {
    @Test(
        arguments: [
            ("0", 0), ("00001000", 0x1000), ("0x1f", 0x1f), ("0XfF", 0xff), ("ffffffffffffffff", UInt64.max),
            ("000000000000000000000001", 1),
        ] as [(String, UInt64)])
    func readsHexadecimalNumbers(text: String, value: UInt64) { #expect(slice(text).hexadecimal == value) }

    @Test(arguments: ["", "0x", "g", "1 ", "-1", "0x0x1", "10000000000000000", "1.0", "é"])
    func refusesWhatIsNoHexadecimalNumber(text: String) { #expect(slice(text).hexadecimal == nil) }

    @Test(arguments: ["", "-1", "+1", "0x10", "18446744073709551616", "99999999999999999999999", "1a"])
    func refusesWhatIsNoDecimalNumber(text: String) { #expect(slice(text).decimal == nil) }

    @Test func readsTheLargestDecimalNumber() { #expect(slice("18446744073709551615").decimal == .max) }

    @Test func readsIomemByLevels() {
        let iomem = Iomem(parsing: bytes("00000000-00000fff : Reserved\n  00000010-0000001f : a : b\n"))
        #expect(iomem.entries.map(\.depth) == [0, 1])
        #expect(iomem.entries.map(\.range) == [through(0, 0xfff), through(0x10, 0x1f)])
        #expect(iomem.entries.last?.name.string == "a : b")
        #expect(!iomem.hidesAddresses)
    }

    @Test(arguments: [
        "garbage", "0-", "-0 : x", "1000-0fff : System RAM", "zz-ff : x", "0-10000000000000000 : x", " : ",
        "0:10 : x", "0-ff: System RAM", "\u{0}\u{1}\u{2}",
    ])
    func leavesOutLinesOfIomemThatMakeNoSense(line: String) {
        let iomem = Iomem(parsing: bytes(line + "\n00100000-001fffff : System RAM\n"))
        #expect(iomem.entries.map(\.range) == [through(0x10_0000, 0x1f_ffff)])
    }

    @Test func keepsARangeThatReachesTheEndOfTheAddressSpace() {
        let iomem = Iomem(parsing: bytes("ffffffff00000000-ffffffffffffffff : Reserved\n"))
        #expect(iomem.entries.first?.range.start.rawValue == 0xffff_ffff_0000_0000)
        #expect(iomem.entries.first?.range.end.rawValue == .max)
    }

    @Test func knowsHiddenAddressesFromAFewZeros() {
        #expect(Iomem(parsing: bytes("00000000-00000000 : Reserved\n  00000000-00000000 : x\n")).hidesAddresses)
        #expect(!Iomem(parsing: bytes("00000000-00000000 : a\n00000000-00000fff : b\n")).hidesAddresses)
        #expect(!Iomem(parsing: []).hidesAddresses)
    }

    @Test func sortsIomemByWhatAPlanAsks() {
        let summary = IomemSummary(
            Iomem(
                parsing: bytes(
                    """
                    00000000-00000fff : Reserved
                    00001000-0009ffff : System RAM
                    000a0000-000bffff : PCI Bus 0000:00
                    00100000-3fffffff : System RAM
                      01000000-01ffffff : Kernel code
                      02000000-020fffff : Kernel data
                      10000000-1fffffff : Crash kernel
                      20000000-20000fff : Reserved
                      21000000-21000fff : ramoops:dump(0/4)
                    b0000000-bfffffff : PCI ECAM
                      b0000000-bfffffff : Reserved
                    100000000-13fffffff : Persistent Memory
                      100000000-13fffffff : dax0.0
                        100000000-13fffffff : System RAM (kmem)
                    140000000-17fffffff : virtio0
                      140000000-14fffffff : System RAM (virtio_mem)
                    180000000-1bfffffff : Soft Reserved
                    1c0000000-2bfffffff : CXL Window 0
                      1c0000000-1ffffffff : Soft Reserved
                        1c0000000-1ffffffff : dax1.0
                    """)))
        #expect(summary.systemRAM.ranges == [through(0x1000, 0x9ffff), through(0x10_0000, 0x3fff_ffff)])
        #expect(summary.crashKernel == [through(0x1000_0000, 0x1fff_ffff)])
        #expect(summary.kernelImage == [through(0x100_0000, 0x1ff_ffff), through(0x200_0000, 0x20f_ffff)])
        for taken in [
            through(0x2000_0000, 0x2000_0fff), through(0x2100_0000, 0x2100_0fff), through(0xa0000, 0xbffff),
            through(0x1_0000_0000, 0x1_3fff_ffff), through(0x1_4000_0000, 0x1_7fff_ffff),
            through(0x1_8000_0000, 0x1_bfff_ffff), through(0x1_c000_0000, 0x2_bfff_ffff), through(0, 0xfff),
        ] { #expect(summary.reserved.contains(taken)) }
        #expect(!summary.reserved.overlaps(through(0x100_0000, 0x1fff_ffff)))
        // A reservation inside RAM is no entry of the map: the kernel that made it did not get it from firmware.
        #expect(
            summary.memoryMap.entries.map(\.type)
                == [.reserved, .ram, .ram, .reserved, .persistent, .softReserved, .softReserved])
    }

    @Test(
        arguments: [
            ("System RAM", .ram), ("Reserved", .reserved), ("reserved", .reserved), ("ACPI Tables", .acpiTables),
            ("ACPI Non-volatile Storage", .acpiNonVolatile), ("Unusable memory", .unusable),
            ("Persistent Memory", .persistent), ("Persistent Memory (legacy)", .legacyPersistent),
            ("Soft Reserved", .softReserved), ("Unknown E820 type", .reserved), ("something new", .reserved),
            ("", .reserved),
        ] as [(String, E820Type)])
    func readsEveryTypeOfMemory(shown: String, type: E820Type) {
        let entry = E820Entry(start: bytes("0x1000\n"), end: bytes("0x1fff\n"), type: bytes(shown + "\n"))
        #expect(entry == E820Entry(range: through(0x1000, 0x1fff), type: type))
    }

    @Test(arguments: [("", "0x1"), ("0x1", ""), ("0x2000", "0x1fff"), ("0x1", "0x10000000000000000"), ("x", "y")])
    func refusesMemoryThatMakesNoSense(start: String, end: String) {
        #expect(E820Entry(start: bytes(start), end: bytes(end), type: bytes("System RAM")) == nil)
    }

    @Test func splitsTheCommandLineAsLinuxDoes() {
        let line = KernelCommandLine("a=1 b  c=\"x y\" a=2 \"d=e f\" kho=on -- no5lvl")
        #expect(line.value(of: "a")?.string == "2")
        #expect(line.has("b") && line.value(of: "b") == nil)
        #expect(line.value(of: "c")?.string == "x y")
        #expect(line.flag("kho") == true)
        #expect(!line.has("no5lvl"))
        #expect(!line.has("no"))
    }

    @Test(arguments: [
        ("kho", true), ("kho=on", true), ("kho=1", true), ("kho=y", true), ("kho=off", false), ("kho=0", false),
        ("kho=n", false), ("kho=off kho=on", true), ("kho=", true), ("kho=what", false),
    ])
    func readsFlagsAsLinuxDoes(line: String, value: Bool) {
        #expect(KernelCommandLine(ByteString(line)).flag("kho") == value)
    }

    @Test func takesMemorySizesAsBytes() {
        let memory = MemoryInformation(
            parsing: bytes(
                "MemTotal:        1004512 kB\nMemFree: 5 kB\nMemAvailable:   77 kB\nSwapTotal: 9 kB\nSwapFree: 8 kB\n"))
        #expect(memory.total == 1_004_512 * 1024)
        #expect(memory.available == 77 * 1024)
        #expect(memory.swapFree == 8 * 1024)
    }

    @Test(arguments: [
        "MemTotal: 99999999999999999999 kB", "MemTotal: 18446744073709551615 kB", "MemTotal:", "MemTotal",
    ])
    func countsAMemorySizeThatMakesNoSenseAsMissing(line: String) {
        #expect(MemoryInformation(parsing: bytes(line)) == MemoryInformation(parsing: []))
    }

    @Test func readsLockdownFromItsBrackets() {
        #expect(Lockdown(parsing: bytes("[none] integrity confidentiality\n")) == .none)
        #expect(Lockdown(parsing: bytes("none [integrity] confidentiality\n")) == .integrity)
        #expect(Lockdown(parsing: bytes("none integrity [confidentiality]\n")) == .confidentiality)
        #expect(Lockdown(parsing: bytes("none integrity\n")) == .unknown)
    }

    @Test func readsFlagsOfTheFirstProcessorOnly() {
        let text = "processor : 0\nflags\t\t: fpu la57x sha_ni sev hypervisor\nprocessor : 1\nflags\t\t: la57\n"
        let flags = ProcessorFlags(parsing: bytes(text))
        #expect(flags == [.fpu, .sev, .hypervisor])
        #expect(flags.isConfidentialGuest)
        #expect(!ProcessorFlags(parsing: bytes("flags : sev sev_es sev_snp")).isConfidentialGuest)
        #expect(ProcessorFlags(parsing: bytes("flags : tdx_guest")).isConfidentialGuest)
        #expect(ProcessorFlags(parsing: bytes("Features : fp asimd")) == [])
    }

    @Test func readsTheTablesOfEFI() {
        var facts = EFIFacts()
        facts.addTables(
            parsing: bytes("ACPI20=0x7fb7e014\nACPI=0x7fb7e000\nSMBIOS3=0x7f9cd000\nSMBIOS=what\n=1\nx\nACPI20X=0x1\n"))
        #expect(facts.acpi20 == 0x7fb7_e014 && facts.acpi == 0x7fb7_e000 && facts.smbios3 == 0x7f9c_d000)
        #expect(facts.smbios == nil)
    }

    @Test func believesTheKernelsVerdictOnSecureBootFirst() {
        var block = [UInt8](repeating: 0, count: 4096)
        #expect(EFIFacts.secureBoot(bootParameters: block) == nil)
        block[0x1ec] = 1
        #expect(EFIFacts.secureBoot(bootParameters: block) == nil)
        block[0x1ec] = 2
        #expect(EFIFacts.secureBoot(bootParameters: block) == false)
        block[0x1ec] = 3
        #expect(EFIFacts.secureBoot(bootParameters: block) == true)
        #expect(EFIFacts.secureBoot(bootParameters: [1, 2, 3]) == nil)
        #expect(EFIFacts.secureBoot(variable: [6, 0, 0, 0, 1]) == true)
        #expect(EFIFacts.secureBoot(variable: [6, 0, 0, 0, 0]) == false)
        #expect(EFIFacts.secureBoot(variable: [1]) == nil)
    }

    @Test func readsKernelConfigurations() {
        let configuration = KernelConfiguration(
            parsing: bytes("CONFIG_KEXEC=y\n# CONFIG_KEXEC_FILE is not set\nCONFIG_KEXEC_SIG=m\nCONFIG_KEXECX=y\n# x\n")
        )
        #expect(configuration.has(.kexec) == true)
        #expect(configuration.has(.kexecFile) == false)
        #expect(configuration.disabled == .kexecFile)
        #expect(configuration.has(.kexecSignature) == true)
        #expect(configuration.has(.liveUpdate) == false)
        #expect(KernelConfiguration(parsing: bytes("nothing\n")).has(.kexec) == nil)
    }

    @Test func readsTheAddressOfTheNoteForCrashDumps() {
        #expect(vmcoreInfoPlace(parsing: bytes("0x000000001f310000 1024\n")) == range(0x1f31_0000, 0x1f31_1024))
        for text in ["", "0x1000", "0x1000 0", "x y", "ffffffffffffffff 2", "1 2 3"] {
            #expect(vmcoreInfoPlace(parsing: bytes(text)) == nil)
        }
    }

    @Test func knowsARuleOfIMAForKernels() {
        let rules = [
            "measure func=BPRM_CHECK", "measure func=KEXEC_KERNEL_CHECK",
            "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig", "dont_measure", "# measure",
        ]
        var state = KexecState()
        let answers = rules.map { (state.takeRule(slice($0)), state.imaAppraisesKernels) }
        #expect(answers.map(\.0) == [true, true, true, false, false])
        #expect(answers.map(\.1) == [false, false, true, true, true])
    }

    @Test func roundTripsFactsThatAreNoFiles() {
        var facts = MachineFacts()
        facts.architecture = "x86_64"
        facts.hasSysBoot = true
        facts.hasKexecFileLoad = false
        facts.hasLiveUpdateDevice = true
        #expect(MachineFacts(parsing: facts.text) == facts)
        // Earlier versions kept this, too.
        #expect(MachineFacts(parsing: bytes("cap_sys_admin=yes\n") + facts.text) == facts)
        #expect(MachineFacts(parsing: bytes("cap_sys_boot=perhaps\nwhat\n=\narchitecture=\n")) == MachineFacts())
    }
}
