// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import PhysicalMemory
import Testing

@testable import Kexec

/// `gzip -9` of "CONFIG_KEXEC=y", "# CONFIG_KEXEC_FILE is not set".
private let packedConfiguration = [UInt8](
    Data(
        base64Encoded: "H4sIAAAAAAACA3P293PzdI/3do1wdbat5FJWcEYSiHfz9HFVyCxWyMsvUShOLeECAAVNoMouAAAA")
        ?? Data())

private let canUnpackGzip: Bool = {
    do {
        var file = try MemoryFile(limit: 4096)
        try file.append { room, _ in
            room.copyBytes(from: packedConfiguration)
            return packedConfiguration.count
        }
        return try unpacked(file.finished(), .gzip, memoryLimit: 4096).byteCount > 0
    } catch { return false }
}()

/// Machines built file by file: what is missing is a fact, what makes no sense is left out, nothing traps.
@Suite struct MachineReadingTests {
    @Test func describesAMachineOfWhichOnlyMemoryIsKnown() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        let machine = try folder.describe()
        #expect(machine.memoryMap.ram == machine.systemRAM)
        #expect(machine.release == nil && machine.architecture == nil && machine.bootParameters == nil)
        #expect(machine.rsdp == nil && machine.efi == nil)
        #expect(machine.kexec == KexecState())
        #expect(machine.hasSysBoot == nil)
        #expect(machine.memoryTotal == 0 && machine.commandLine.isEmpty)
    }

    /// `type_of_loader` is the byte at 0x210.
    @Test func namesKexecAsTheLoaderByTheUpperHalfOfItsType() {
        func machine(_ type: UInt8?, size: Int = 4096) -> MachineDescription {
            var machine = MachineDescription()
            machine.bootParameters = [UInt8](repeating: 0, count: size)
            if let type { machine.bootParameters?[0x210] = type }
            return machine
        }
        #expect(machine(0xd0).wasStartedByKexec && machine(0xdf).wasStartedByKexec)
        for type: UInt8 in [0, 0x0d, 0xcf, 0xe0, 0x72] { #expect(!machine(type).wasStartedByKexec) }
        #expect(machine(0xd0, size: 0x211).wasStartedByKexec)
        #expect(!machine(nil, size: 0x210).wasStartedByKexec && !machine(nil, size: 0).wasStartedByKexec)
        #expect(!MachineDescription().wasStartedByKexec)
    }

    @Test func refusesARootThatIsNoDirectory() throws {
        let folder = try MachineFolder()
        try folder.add("file", "x")
        let file = folder.path + "/file"
        #expect(throws: MachineError.cannotOpenRoot(path: ByteString(file), errno: ENOTDIR)) {
            try MachineRoot(path: ByteString(file)).isRunning
        }
        let missing = folder.path + "/missing"
        #expect(throws: MachineError.cannotOpenRoot(path: ByteString(missing), errno: ENOENT)) {
            try MachineRoot(path: ByteString(missing)).isRunning
        }
    }

    @Test func takesTheFirmwareMapBeforeIomem() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.addMemory(1, 0x10_0000, 0x3fff_ffff, "System RAM")
        try folder.addMemory(0, 0, 0x9ffff, "System RAM")
        try folder.addMemory(10, 0xf000_0000, 0xffff_ffff, "Reserved")
        let machine = try folder.describe()
        #expect(machine.memoryMap.entries.map(\.range.start.rawValue) == [0, 0x10_0000, 0xf000_0000])
        #expect(machine.systemRAM.ranges.first == through(0x1000, 0x9fbff))
    }

    @Test func takesIomemWhereTheKernelHasAddedEFIsMemory() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.addMemory(0, 0, 0x9ffff, "System RAM")
        try folder.add("proc/cmdline", "quiet add_efi_memmap\n")
        let machine = try folder.describe()
        #expect(machine.memoryMap.ram == machine.systemRAM)
    }

    @Test func plansWithTheFirmwareMapWhereIomemIsMissing() throws {
        let folder = try MachineFolder()
        try folder.addMemory(0, 0x10_0000, 0x3fff_ffff, "System RAM")
        #expect(try folder.describe().systemRAM.ranges == [through(0x10_0000, 0x3fff_ffff)])
    }

    @Test(arguments: ["", "garbage\n\n\u{0}\u{1}", "00000000-ffffffff : PCI Bus 0000:00\n"])
    func refusesAMachineWithoutMemory(iomem: String) throws {
        let folder = try MachineFolder()
        try folder.add("proc/iomem", iomem)
        #expect(throws: MachineError.noMemoryMap(root: ByteString(folder.path), errno: 0)) { try folder.describe() }
    }

    @Test func refusesHiddenAddressesEvenWithAFirmwareMap() throws {
        let folder = try MachineFolder()
        try folder.addMemory(0, 0, 0x9ffff, "System RAM")
        try folder.add("proc/iomem", "00000000-00000000 : System RAM\n")
        #expect(throws: MachineError.hidesAddresses(file: folder.path + "/proc/iomem")) { try folder.describe() }
    }

    @Test func leavesOutEntriesOfTheFirmwareMapThatAreNotWhole() throws {
        let folder = try MachineFolder()
        try folder.addMemory(0, 0x10_0000, 0x3fff_ffff, "System RAM")
        try folder.addMemory(1, 0x2000, 0x1000, "System RAM")
        try folder.add("sys/firmware/memmap/2/start", "0x0\n")
        try folder.add("sys/firmware/memmap/3/start", bytes: [0xff, 0xfe, 0, 1])
        try folder.add("sys/firmware/memmap/4", "no folder")
        try folder.addDirectory("sys/firmware/memmap/5/start")
        #expect(try folder.describe().memoryMap.entries.count == 1)
    }

    @Test func readsThousandsOfEntriesInNoTime() throws {
        let folder = try MachineFolder()
        var iomem = ""
        for index in 0..<5000 {
            let start = UInt64(index) * 0x10_0000
            let type = index % 2 == 0 ? "System RAM" : "Reserved"
            // A tenth of them as three small files each: the files take longer to make than to read.
            if index < 500 { try folder.addMemory(index, start, start + 0xf_ffff, type) }
            iomem += String(start, radix: 16) + "-" + String(start + 0xf_ffff, radix: 16) + " : \(type)\n"
        }
        try folder.add("proc/iomem", iomem)
        let begin = ContinuousClock.now
        let machine = try folder.describe()
        let elapsed = ContinuousClock.now - begin
        #expect(machine.memoryMap.entries.count == 500)
        #expect(machine.systemRAM.ranges.count == 2500)
        // Far below a second on an idle machine, without optimisation; quadratic work would take minutes.
        #expect(elapsed < .seconds(20))
    }

    /// `/proc` puts one newline behind the line, whatever is in it.
    @Test(
        arguments: [
            ([0x6e, 0x3d, 0xe9, 0xff, 0x0a], [0x6e, 0x3d, 0xe9, 0xff]),
            ([0x20, 0x61, 0x0a, 0x62, 0x20, 0x0a, 0x0a], [0x20, 0x61, 0x0a, 0x62, 0x20, 0x0a]), ([0x61], [0x61]),
            ([], []), ([0x0a], []),
        ] as [([UInt8], [UInt8])])
    func readsTheCommandLineByteForByte(_ file: [UInt8], _ line: [UInt8]) throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cmdline", bytes: file)
        #expect(try folder.describe().commandLine.bytes == line)
    }

    /// What is made of it, a capture of the same files is taken for, too.
    @Test func takesBinaryJunkInEveryFileForTheSameAgain() throws {
        let source = MachineFolder.fixture("ovmf-1g")
        var generator = SystemRandomNumberGenerator()
        let files = try FileManager.default.subpathsOfDirectory(atPath: source)
        for _ in 0..<3 {
            let folder = try MachineFolder()
            try folder.addSomeMemory()
            for file in files where file != "proc/iomem" {
                var isDirectory: ObjCBool = false
                guard FileManager.default.fileExists(atPath: source + "/" + file, isDirectory: &isDirectory),
                    !isDirectory.boolValue
                else { continue }
                let size = file.hasSuffix("boot_params/data") ? 4096 : Int.random(in: 0...200)
                try folder.add(file, bytes: (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) })
            }
            let machine = try folder.describe()
            #expect(machine.systemRAM.ranges.count == 2)
            for entry in machine.memoryMap.entries { #expect(!entry.range.isEmpty) }
            let copy = try MachineFolder()
            let capture = try captureMachine(root: ByteString(folder.path), into: ByteString(copy.path + "/new"))
            #expect(capture.problem == nil)
            let again = try MachineDescription(reading: MachineRoot(path: ByteString(copy.path + "/new")))
            #expect(again == machine)
        }
    }

    @Test func takesAFileThatIsADirectoryForMissing() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        for path in ["proc/cmdline", "proc/meminfo", "sys/kernel/kexec_loaded", "proc/cpuinfo", "swift-kexec/facts"] {
            try folder.addDirectory(path)
        }
        let machine = try folder.describe()
        #expect(machine.kexec.loaded == nil && machine.commandLine.isEmpty && machine.memoryTotal == 0)
    }

    @Test func doesNotWaitForTheWriterOfAFIFO() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        #expect(mkfifo(folder.path + "/proc/cmdline", 0o600) == 0)
        #expect(try folder.describe().commandLine.isEmpty)
    }

    @Test func staysBelowTheRootOfACapture() throws {
        let outside = try MachineFolder()
        try outside.add("secret", "outside\n")
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("secret", "inside\n")
        try folder.addLink("proc/cmdline", to: outside.path + "/secret")
        try folder.addLink("proc/sys/kernel/osrelease", to: "../../../../../../../../../secret")
        let machine = try folder.describe()
        #expect(machine.commandLine.isEmpty)
        #expect(machine.release == "inside")
    }

    /// Its answers are not the kernel's; what files deny is denied all the same.
    @Test func knowsNoCallsWhereAFilterStandsBeforeThem() {
        func state(isSupported: Bool?, configuration: String) -> KexecState {
            var facts = MachineFacts()
            facts.isFiltered = true
            var state = KexecState()
            state.isSupported = isSupported
            state.addChoices(
                of: KernelContext(
                    facts: facts, configuration: KernelConfiguration(parsing: Array(configuration.utf8)),
                    commandLine: KernelCommandLine(""), secureBoot: nil, forcesReboot: false))
            return state
        }
        let unknown = state(isSupported: true, configuration: "CONFIG_KEXEC=y\n# CONFIG_KEXEC_FILE is not set\n")
        #expect(unknown.isFiltered && unknown.hasKexecLoad == nil && unknown.hasKexecFileLoad == false)
        #expect(state(isSupported: nil, configuration: "").hasKexecLoad == nil)
        #expect(state(isSupported: false, configuration: "CONFIG_KEXEC=y\n").hasKexecLoad == false)
    }

    @Test func readsTheNewNamesOfTheKexecStateFirst() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("sys/kernel/kexec/loaded", "1\n")
        try folder.add("sys/kernel/kexec_loaded", "0\n")
        try folder.add("sys/kernel/kexec_crash_loaded", "1\n")
        try folder.add("sys/kernel/kexec_crash_size", "268435456\n")
        let kexec = try folder.describe().kexec
        #expect(kexec.loaded == true && kexec.crashLoaded == true && kexec.crashSize == 256 << 20)
        #expect(kexec.isSupported == true)
    }

    @Test func readsSwitchesAndLimits() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/sys/kernel/kexec_load_disabled", "1\n")
        try folder.add("proc/sys/kernel/kexec_load_limit_reboot", "0\n")
        try folder.add("proc/sys/kernel/kexec_load_limit_panic", "-1\n")
        let kexec = try folder.describe().kexec
        #expect(kexec.loadDisabled && kexec.loadLimitReboot == 0 && kexec.loadLimitPanic == nil)
    }

    @Test func findsTheConfigurationOfTheRunningRelease() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/sys/kernel/osrelease", "6.1.0-test\n")
        try folder.add("boot/config-6.1.0-test", "CONFIG_KEXEC=y\n# CONFIG_KEXEC_FILE is not set\n")
        try folder.add("boot/config-6.2", "CONFIG_KEXEC_FILE=y\n")
        let kexec = try folder.describe().kexec
        #expect(kexec.hasKexecLoad == true && kexec.hasKexecFileLoad == false)
    }

    @Test(.enabled(if: canUnpackGzip, "built without zlib"))
    func readsTheRunningKernelsOwnConfigurationFirst() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/config.gz", bytes: packedConfiguration)
        try folder.add("proc/sys/kernel/osrelease", "6.1\n")
        try folder.add("boot/config-6.1", "CONFIG_KEXEC_FILE=y\n")
        let kexec = try folder.describe().kexec
        #expect(kexec.hasKexecLoad == true && kexec.hasKexecFileLoad == false)
        let target = try MachineFolder()
        try captureMachine(root: ByteString(folder.path), into: ByteString(target.path))
        #expect(try target.describe().kexec == kexec)
    }

    @Test func passesOverAConfigurationThatCannotBeUnpacked() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/config.gz", "no gzip at all")
        try folder.add("proc/sys/kernel/osrelease", "6.1\n")
        try folder.add("boot/config-6.1", "CONFIG_KEXEC_FILE=y\n")
        #expect(try folder.describe().kexec.hasKexecFileLoad == true)
    }

    @Test func believesTheKernelBeforeItsConfiguration() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("swift-kexec/config", "CONFIG_KEXEC=y\nCONFIG_KEXEC_FILE=y\n")
        try folder.add("swift-kexec/facts", "kexec_file_load=no\ndev_kexec=yes\n")
        let kexec = try folder.describe().kexec
        #expect(kexec.hasKexecLoad == true && kexec.hasKexecFileLoad == false && kexec.hasModule)
    }

    @Test func knowsWhoEnforcesSignatures() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("swift-kexec/config", "CONFIG_KEXEC_SIG=y\nCONFIG_IMA_ARCH_POLICY=y\n")
        #expect(try folder.describe().kexec.signatureEnforcement == nil)
        try folder.add(
            "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", bytes: [6, 0, 0, 0, 1])
        #expect(try folder.describe().efi?.secureBoot == true)
        #expect(try folder.describe().kexec.signatureEnforcement == .secureBoot)
        try folder.add("swift-kexec/config", "CONFIG_KEXEC_SIG_FORCE=y\n")
        #expect(try folder.describe().kexec.signatureEnforcement == .configuration)
    }

    @Test func knowsEverySignOfHandover() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        #expect(try folder.describe().kexec.handover == nil)
        try folder.add("swift-kexec/config", "CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT=y\n")
        #expect(try folder.describe().kexec.handover == .configuration)
        try folder.add("proc/cmdline", "kho=off\n")
        #expect(try folder.describe().kexec.handover == nil)
        try folder.add("proc/cmdline", "kho=on\n")
        #expect(try folder.describe().kexec.handover == .commandLine)
        try folder.add("swift-kexec/facts", "dev_liveupdate=yes\n")
        #expect(try folder.describe().kexec.handover == .liveUpdateDevice)
        try folder.addDirectory("sys/kernel/debug/kho")
        #expect(try folder.describe().kexec.handover == .debugFiles)
    }

    @Test func knowsWhenFiveLevelsAreNotUsed() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cpuinfo", "flags\t\t: fpu la57\n")
        #expect(try folder.describe().uses5LevelPaging)
        try folder.add("proc/cmdline", "no5lvl\n")
        #expect(try !folder.describe().uses5LevelPaging)
        try folder.add("proc/cmdline", "quiet\n")
        try folder.add("swift-kexec/config", "# CONFIG_X86_5LEVEL is not set\n")
        #expect(try !folder.describe().uses5LevelPaging)
    }

    /// Lines of a machine with one processor, with interrupt remapping, and of such as needed another way.
    @Test(arguments: [
        ("  0:         33   IO-APIC   2-edge      timer\n", true),
        ("    CPU0\n   0:   9   0  IR-IO-APIC    2-edge      timer\n   1: 9 IO-APIC 1-edge i8042\n", true),
        ("  0:         33   XT-PIC      timer\n", false), ("  0:         33   local-APIC-edge  timer\n", false),
        ("", false), ("  0:         33   IO-APIC   2-edge      other\nLOC:   9   Local timer interrupts\n", false),
    ]) func knowsATimerThatTheRunningKernelFoundWorking(_ interrupts: String, _ isProved: Bool) throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/interrupts", interrupts)
        #expect(try folder.describe().timerIsProved == isProved)
    }

    @Test func knowsFIPSMode() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/sys/crypto/fips_enabled", "0\n")
        #expect(try !folder.describe().isInFIPSMode)
        try folder.add("proc/sys/crypto/fips_enabled", "1\n")
        #expect(try folder.describe().isInFIPSMode)
    }

    @Test(
        arguments: [
            ("PV", "", true), ("HVM", "", false), ("PVH", "", false), ("PVH", "control_d\n", true), (nil, "", true),
        ] as [(String?, String, Bool)])
    func knowsWhenXenDoesTheKexec(guest: String?, capabilities: String, needed: Bool) throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("sys/hypervisor/type", "xen\n")
        if let guest { try folder.add("sys/hypervisor/guest_type", guest + "\n") }
        try folder.add("proc/xen/capabilities", capabilities)
        #expect(try folder.describe().isXen == needed)
    }

    @Test func takesTheRSDPFromTheFirstPlaceThatKnowsIt() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cmdline", "acpi_rsdp=0x3000\n")
        #expect(try folder.describe().rsdp == 0x3000)
        try folder.add("sys/firmware/efi/systab", "ACPI20=0x2000\n")
        #expect(try folder.describe().rsdp == 0x2000)
        var block = [UInt8](repeating: 0, count: 4096)
        try folder.add("sys/kernel/boot_params/data", bytes: block)
        #expect(try folder.describe().rsdp == 0x2000)
        block[0x71] = 0x10
        try folder.add("sys/kernel/boot_params/data", bytes: block)
        #expect(try folder.describe().rsdp == 0x1000)
    }

    @Test(arguments: [0, 4095, 4097]) func ignoresBootParametersOfAnotherSize(size: Int) throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("sys/kernel/boot_params/data", bytes: [UInt8](repeating: 1, count: size))
        #expect(try folder.describe().bootParameters == nil)
    }

    @Test func findsWhatPurgatoryHasLeft() throws {
        let folder = try MachineFolder()
        let root = try MachineRoot(path: ByteString(folder.path))
        #expect(lastJumpRecord(below: root) == nil)
        try folder.add("sys/kernel/boot_params/setup_data/0/type", "0x9\n")
        try folder.add("sys/kernel/boot_params/setup_data/0/data", "a seed")
        #expect(lastJumpRecord(below: root) == nil)
        try folder.add("sys/kernel/boot_params/setup_data/1/type", "0x4b58\n")
        try folder.add("sys/kernel/boot_params/setup_data/1/data", bytes: [1, 2, 3])
        #expect(lastJumpRecord(below: root) == [1, 2, 3])
    }
}
