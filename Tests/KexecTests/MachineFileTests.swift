// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// Single files of a machine: how long they may be, and what each of their words means.
@Suite struct MachineFileTests {
    private struct Limited: Sendable {
        var path: String
        var text: String
        var limit: Int
        var isRead: @Sendable (MachineDescription) -> Bool
    }

    /// Each is longer than any that Linux makes; of what is longer still nothing is believed.
    @Test func noFileIsReadThatIsLongerThanItCanBe() throws {
        let runtime = "sys/firmware/efi/runtime-map/0/"
        let files: [Limited] = [
            .init(path: "proc/cmdline", text: "quiet", limit: 1 << 16) { !$0.commandLine.isEmpty },
            .init(path: "sys/firmware/efi/systab", text: "ACPI20=0x2000", limit: 1 << 16) { $0.efi?.acpi20 == 0x2000 },
            .init(path: runtime + "type", text: "0x5", limit: 4096) { $0.efi?.runtimeMap.count == 1 },
            .init(path: runtime + "phys_addr", text: "0x1000", limit: 4096) { $0.efi?.runtimeMap.count == 1 },
            .init(path: runtime + "virt_addr", text: "0x2000", limit: 4096) { $0.efi?.runtimeMap.count == 1 },
            .init(path: runtime + "num_pages", text: "0x3", limit: 4096) { $0.efi?.runtimeMap.count == 1 },
            .init(path: runtime + "attribute", text: "0x4", limit: 4096) { $0.efi?.runtimeMap.count == 1 },
            .init(path: "sys/firmware/memmap/0/start", text: "0x0", limit: 4096) { $0.memoryMap.entries.count == 1 },
            .init(path: "sys/firmware/memmap/0/end", text: "0xfff", limit: 4096) { $0.memoryMap.entries.count == 1 },
            .init(path: "sys/firmware/memmap/0/type", text: "System RAM", limit: 4096) {
                $0.memoryMap.entries.count == 1
            },
            .init(path: "sys/kernel/security/lockdown", text: "[integrity]", limit: 4096) {
                $0.kexec.lockdown == .integrity
            },
            .init(path: "sys/kernel/vmcoreinfo", text: "1000 400", limit: 4096) { $0.vmcoreInfo != nil },
            .init(path: "swift-kexec/facts", text: "cap_sys_boot=yes", limit: 1 << 16) { $0.hasSysBoot == true },
            .init(path: "proc/sys/kernel/osrelease", text: "6.1", limit: 1 << 16) { $0.release == "6.1" },
        ]
        for file in files {
            for (size, isRead) in [(file.limit, true), (file.limit + 1, false)] {
                let folder = try MachineFolder()
                try folder.addSomeMemory()
                for name in ["type", "phys_addr", "virt_addr", "num_pages", "attribute"] {
                    try folder.add(runtime + name, "0x1")
                }
                if file.path.contains("memmap") { try folder.addMemory(0, 0, 0xfff, "System RAM") }
                let padding = String(repeating: "\n", count: size - file.text.utf8.count)
                try folder.add(file.path, file.text + padding)
                let machine = MachineDescription(
                    readingWhatIsShown: try MachineRoot(path: ByteString(folder.path)))
                let found =
                    file.isRead(machine) && (!file.path.contains("memmap") || machine.memoryMap.ram.size == 4096)
                #expect(found == isRead, "\(file.path), \(size) bytes")
            }
        }
    }

    @Test func xensCapabilitiesAreAFewWords() throws {
        for (size, isXen) in [(4096, true), (4097, false)] {
            let folder = try MachineFolder()
            try folder.addSomeMemory()
            try folder.add("sys/hypervisor/type", "xen\n")
            try folder.add("sys/hypervisor/guest_type", "PVH\n")
            try folder.add("proc/xen/capabilities", String(repeating: " ", count: size - 9) + "control_d")
            #expect(try folder.describe().isXen == isXen)
        }
    }

    @Test func everyDigitIsItsNumberAndNothingElseIsADigit() {
        for byte in 0...0xff as ClosedRange<UInt8> {
            let character = Character(Unicode.Scalar(byte))
            #expect(byte.digit == (byte < 0x80 ? character.hexDigitValue.map { UInt64($0) } : nil), "\(byte)")
            #expect(byte.isSpace == [9, 10, 11, 12, 13, 32].contains(byte), "\(byte)")
        }
    }

    @Test func readsEveryOptionOfAConfigurationBothWays() {
        #expect(KernelOptions.names.count == 12)
        for (name, option) in KernelOptions.names {
            let name = "\(name)"
            for (line, isOn) in [
                (name + "=y", true), (name + "=m", true), ("# " + name + " is not set", false), (name + "=n", nil),
                (name + "=yes", nil), (name, nil), ("# " + name + " is not set.", nil),
                ("#" + name + " is not set", nil),
                (" " + name + "=y", nil),
            ] as [(String, Bool?)] {
                let configuration = KernelConfiguration(parsing: Array(line.utf8))
                #expect(configuration.isKnown == (isOn != nil), "\(line)")
                #expect(configuration.enabled == (isOn == true ? option : []), "\(line)")
                #expect(configuration.disabled == (isOn == false ? option : []), "\(line)")
            }
        }
    }

    /// Which rules of IMA's say that what programs read is measured or appraised, kernels among it.
    @Test(
        arguments: [
            ("measure", true, nil), ("appraise", true, nil), ("measure func=KEXEC_KERNEL_CHECK", true, nil),
            ("measure func=KEXEC_INITRAMFS_CHECK", true, nil), ("measure func=KEXEC_CMDLINE", true, nil),
            ("measure func=FILE_CHECK mask=MAY_READ", true, nil), ("  appraise func=PATH_CHECK", true, nil),
            ("appraise func=KEXEC_KERNEL_CHECK", true, true), ("measure func=BPRM_CHECK", false, nil),
            ("appraise func=MODULE_CHECK", false, nil), ("measure func=MMAP_CHECK mask=MAY_EXEC", false, nil),
            ("dont_appraise", nil, nil), ("dont_measure fsmagic=0x9fa0", nil, nil), ("", nil, nil),
        ] as [(String, Bool?, Bool?)])
    func knowsTheRulesThatAreAboutFiles(rule: String, isAboutFiles: Bool?, appraisesKernels: Bool?) {
        var state = KexecState()
        let isRule = state.takeRule(Array(rule.utf8)[...])
        #expect(isRule == (isAboutFiles != nil))
        #expect(state.fileChecks == (isAboutFiles == true ? .policyRule : nil))
        #expect(state.imaAppraisesKernels == (isRule ? appraisesKernels ?? false : nil))
    }

    @Test func keepsEveryFactThatIsNoFile() {
        for flag in [true, false] {
            var facts = MachineFacts()
            (facts.architecture, facts.hasSysBoot) = ("i686", flag)
            (facts.hasKexecLoad, facts.hasKexecFileLoad) = (flag, !flag)
            (facts.hasKexecDevice, facts.hasLiveUpdateDevice) = (flag, !flag)
            facts.module = ModuleState(interface: 7)
            facts.module?.isLoaded = flag
            facts.module?.isDisabled = !flag
            facts.module?.isBesideNative = flag
            for left in [nil, 0, 3] as [UInt64?] {
                facts.module?.loadsLeft = left
                #expect(MachineFacts(parsing: facts.text) == facts)
            }
        }
        // Without its interface nothing of the module is known.
        #expect(MachineFacts(parsing: Array("module_loaded=yes\nmodule_loads_left=3\n".utf8)) == MachineFacts())
        let wide = MachineFacts(parsing: Array("module_interface=4294967296\n".utf8))
        #expect(wide.module == nil)
        let silent = MachineFacts(parsing: Array("module_interface=1\nmodule_loaded=what\n".utf8))
        #expect(silent.module == ModuleState(interface: 1))
        #expect(MachineFacts().text.isEmpty)
    }

    @Test func readsAllThatEFIShows() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        let efi = "sys/firmware/efi/"
        for (name, text) in [
            ("fw_vendor", "0x1f000018"), ("runtime", "0x2f000018"), ("config_table", "0x3f000018"),
            ("fw_platform_size", "64"), ("systab", "ACPI=0x1000\nSMBIOS=0x2000\nSMBIOS3=0x3000\nACPI20=0x4000\n"),
        ] { try folder.add(efi + name, text + "\n") }
        // Their numbers count, not the order of their names; what is not whole is left out.
        for number in [10, 2, 0, 3] {
            for (place, name) in ["type", "phys_addr", "virt_addr", "num_pages", "attribute"].enumerated() {
                if number == 3, place == 4 { continue }
                let value = String(number * 0x100 + place, radix: 16)
                try folder.add(efi + "runtime-map/\(number)/\(name)", "0x" + value + "\n")
            }
        }
        let facts = try #require(try folder.describe().efi)
        #expect(facts.firmwareVendor == 0x1f00_0018 && facts.runtime == 0x2f00_0018)
        #expect(facts.configurationTable == 0x3f00_0018 && facts.platformSize == 64)
        #expect([facts.acpi, facts.smbios, facts.smbios3, facts.acpi20] == [0x1000, 0x2000, 0x3000, 0x4000])
        #expect(facts.secureBoot == nil)
        #expect(
            facts.runtimeMap
                == [0, 2, 10].map { number in
                    let base = UInt64(number) * 0x100
                    return EFIRuntimeRange(
                        type: UInt32(base), physicalAddress: base + 1, virtualAddress: base + 2, pageCount: base + 3,
                        attribute: base + 4)
                })
        #expect(
            EFIRuntimeRange(
                type: Array("0x100000000".utf8), physicalAddress: [0x31], virtualAddress: [0x31], pageCount: [0x31],
                attribute: [0x31]) == nil)
    }

    @Test(arguments: [
        ([6, 0, 0, 0, 1], true), ([6, 0, 0, 0, 0], false), ([6, 0, 0, 0, 2], false), ([6, 0, 0, 0, 1, 0], nil),
    ])
    func aVariableOfEFIHasItsAttributesInFront(variable: [UInt8], expected: Bool?) {
        #expect(EFIFacts.secureBoot(variable: variable) == expected)
    }

    @Test func findsEveryPCIFunctionInTheOrderOfItsAddress() throws {
        let folder = try MachineFolder()
        let names = ["0000:00:02.1", "0000:00:1f.7", "0000:01:00.0", "0000:ff:00.0", "0001:00:00.0", "ffff:00:00.0"]
        for name in names.reversed() {
            try folder.add("sys/bus/pci/devices/\(name)/config", bytes: (0..<64).map { UInt8($0) })
        }
        try folder.add("sys/bus/pci/devices/0000:00:03.0/config", bytes: [UInt8](repeating: 0, count: 63))
        try folder.add("sys/bus/pci/devices/other/config", bytes: [UInt8](repeating: 0, count: 64))
        try folder.addDirectory("sys/bus/pci/devices/0000:01:00.0/driver")
        let functions = try MachineRoot(path: ByteString(folder.path)).pciFunctions()
        #expect(functions.map { $0.address.name } == names)
        #expect(functions.map { $0.hasDriver } == names.map { $0 == "0000:01:00.0" })
        let function = try #require(functions.first)
        #expect(function.word(at: 0) == 0x0302_0100 && function.word(at: 60) == 0x3f3e_3d3c)
        #expect(function.word(at: 64) == .max && function.word(at: 0xfc) == .max)
    }

    @Test func theTraceIsTheOneOfItsTypeWhateverItsNumber() throws {
        let folder = try MachineFolder()
        let root = try MachineRoot(path: ByteString(folder.path))
        let data = "sys/kernel/boot_params/setup_data/"
        for (number, byte) in [(10, 1), (9, 2), (11, 3)] as [(Int, UInt8)] {
            try folder.add(data + "\(number)/type", "0x4b58\n")
            try folder.add(data + "\(number)/data", bytes: [byte])
        }
        #expect(lastJumpRecord(below: root) == [2], "the first")
        try folder.add(data + "9/data", bytes: [UInt8](repeating: 7, count: 1 << 20))
        #expect(lastJumpRecord(below: root)?.count == 1 << 20)
        try folder.add(data + "9/data", bytes: [UInt8](repeating: 7, count: 1 << 20 + 1))
        #expect(lastJumpRecord(below: root) == nil)
    }

    @Test func whatReservesMemoryInRAMIsNotRAMOfTheKernel() {
        let summary = IomemSummary(
            Iomem(
                parsing: Array(
                    """
                    00100000-3fffffff : System RAM
                      20000000-20ffffff : Kernel bss
                        20000000-20000fff : Crash kernel
                    40000000-4fffffff : System RAM (kmem)
                      40000000-40ffffff : Kernel code
                    """.utf8)))
        #expect(summary.systemRAM.ranges == [range(0x10_0000, 0x4000_0000)])
        #expect(summary.allRAM.ranges == [range(0x10_0000, 0x5000_0000)])
        #expect(summary.kernelImage == [range(0x2000_0000, 0x2100_0000)])
        #expect(summary.crashKernel == [range(0x2000_0000, 0x2000_1000)])
        #expect(summary.reserved.contains(range(0x4000_0000, 0x5000_0000)))
        #expect(summary.memoryMap.entries.count == 1)
    }

    /// By their place, not by that of their lines.
    @Test func regionsAreInTheOrderOfTheirAddresses() {
        let summary = IomemSummary(
            Iomem(
                parsing: Array(
                    """
                    00000000-ffffffff : System RAM
                      80000000-80ffffff : Crash kernel
                      20000000-20ffffff : Crash kernel
                      70000000-70ffffff : Kernel data
                      10000000-10ffffff : Kernel code
                    """.utf8)))
        #expect(summary.crashKernel.map(\.start.rawValue) == [0x2000_0000, 0x8000_0000])
        #expect(summary.kernelImage.map(\.start.rawValue) == [0x1000_0000, 0x7000_0000])
    }

    @Test func rangesOfOneByteAndOfAllAddressesAreRanges() {
        #expect(PhysicalRange(first: 5, last: 5) == range(5, 6))
        #expect(PhysicalRange(first: 6, last: 5) == nil)
        #expect(PhysicalRange(first: 0, last: .max) == range(0, .max))
        #expect(PhysicalRange(first: 0, last: .max - 1) == range(0, .max))
    }

    /// `panic_mode` may stand in front, several modes may be given, and of several parameters any counts.
    @Test(arguments: [
        ("reboot=force", true), ("reboot=f", true), ("reboot=acpi,f", true), ("reboot=panic_force", true),
        ("reboot=panic_acpi", false), ("reboot=panic_", false), ("reboot=acpi", false), ("reboot=", false),
        ("reboot", false), ("reboot=f reboot=acpi", true), ("xreboot=f", false), ("-- reboot=f", false),
    ])
    func knowsTheParameterThatForcesAReboot(line: ByteString, isForced: Bool) {
        #expect(KernelCommandLine(line).forcesReboot == isForced)
    }

    @Test(arguments: [
        ("p=tcb", true), ("p=a|tcb", true), ("p=tcb|a", true), ("p=\"a tcb\"", true), ("p=a p=tcb", true),
        ("p=tcbx", false),
        ("p=xtcb", false), ("p=a||tcb", true), ("p=", false), ("p", false), ("q=tcb", false), ("p=tc p=b", false),
    ])
    func findsAWordInALists(line: ByteString, isThere: Bool) {
        #expect(KernelCommandLine(line).lists("tcb", in: "p") == isThere)
    }

    @Test(arguments: [
        ("fips=1", true), ("fips=0", false), ("fips", false), ("fips=x", true), ("fips=0 fips=2", true),
        ("fips=1 fips=0", false), ("", false),
    ])
    func knowsTheParameterThatAsksForFIPSMode(line: ByteString, isAsked: Bool) {
        #expect(KernelCommandLine(line).asksForFIPSMode == isAsked)
    }

    @Test(arguments: ["y", "Y", "t", "T", "1", "on", "ON", "On", "yes", "true", "1x"]) func saysYesAsLinuxDoes(
        word: String
    ) {
        #expect(KernelCommandLine(ByteString("kho=" + word)).flag("kho") == true)
    }

    @Test(arguments: ["n", "N", "f", "F", "0", "off", "OFF", "oN", "onn", "o", "2", "no", "false"])
    func saysNoAsLinuxDoes(word: String) {
        #expect(KernelCommandLine(ByteString("kho=" + word)).flag("kho") == false)
        #expect(KernelCommandLine("quiet").flag("kho") == nil)
    }

    /// Of 1024 bytes each; the first that is as long as `words` counts.
    @Test func aPlaceOfNotesHasASize() {
        #expect(vmcoreInfoPlace(parsing: Array("1000 1".utf8)) == range(0x1000, 0x1001))
    }

    @Test func sumsOfFirmwaresMemoryTurnWordByWord() {
        #expect(FirmwareSums.sum(of: []) == 0 && FirmwareSums.sum(of: [1, 2, 3]) == 0)
        #expect(FirmwareSums.sum(of: [1, 2, 3, 4]) == 0x0403_0201)
        #expect(FirmwareSums.sum(of: [1, 0, 0, 0x80, 2, 0, 0, 0]) == (0x8000_0001 << 1 | 1) & 0xffff_ffff + 2)
        #expect(FirmwareSums.sum(of: [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 9]) == 0)
        #expect(FirmwareSums(vectors: 1, dataArea: 2, roms: 3).words == " ivt=1 bda=2 rom=3")
    }

    /// A file in the place of `/dev/mem`: the three areas, and what lies around them.
    @Test func sumsUpTheAreasThatFirmwareKeeps() throws {
        let folder = try MachineFolder()
        var memory = [UInt8](repeating: 0, count: 0x10_0004)
        for place in [0x500, 0xb_fffc, 0x10_0000] { memory[place] = 0xff }
        func sums(_ change: (inout [UInt8]) -> Void) throws -> [UInt32]? {
            var changed = memory
            change(&changed)
            try folder.add("mem", bytes: changed)
            return FirmwareSums(readingMemory: ByteString(folder.path + "/mem")).map {
                [$0.vectors, $0.dataArea, $0.roms]
            }
        }
        #expect(try sums { _ in } == [0, 0, 0])
        #expect(try sums { $0[0x3fc] = 1 } == [1, 0, 0])
        #expect(try sums { $0[0x4fc] = 1 } == [0, 1, 0])
        #expect(try sums { $0[0xf_fffc] = 1 } == [0, 0, 1])
        for (place, index) in [(0, 0), (0x400, 1), (0xc_0000, 2)] {
            let found = try #require(try sums { $0[place] = 1 })
            #expect((0..<3).allSatisfy { (found[$0] != 0) == ($0 == index) }, "\(place)")
        }
        #expect(try sums { $0.removeLast(8) } == nil)
        #expect(FirmwareSums(readingMemory: "/no/such/file") == nil)
    }
}
