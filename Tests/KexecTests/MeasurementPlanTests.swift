// SPDX-License-Identifier: MIT
@testable import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// Machines on which something looks at the kernel files that the running kernel is given.
@Suite struct MeasurementPlanTests {
    private static let ima = "sys/kernel/security/ima/"

    private func machine(_ files: [(String, String)], directories: [String] = []) throws -> MachineDescription {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("swift-kexec/facts", "cap_sys_boot=yes\nkexec_load=yes\nkexec_file_load=yes\n")
        try folder.add("sys/kernel/kexec/loaded", "0\n")
        for (file, text) in files { try folder.add(file, text) }
        for directory in directories { try folder.addDirectory(directory) }
        return try folder.describe()
    }

    private func call(_ files: [(String, String)], directories: [String] = []) throws -> SystemCall {
        try PlanImage.bzImage().plan(on: machine(files, directories: directories)).systemCall
    }

    @Test(arguments: [
        "measure func=KEXEC_KERNEL_CHECK\n", "measure func=KEXEC_KERNEL_CHECK pcr=11\n",
        "dont_measure fsmagic=0x9fa0\nmeasure func=KEXEC_KERNEL_CHECK\n", "measure func=KEXEC_INITRAMFS_CHECK\n",
        "measure pcr=10 func=KEXEC_CMDLINE\n", "measure func=FILE_CHECK mask=MAY_READ uid=0\n",
        "measure func=PATH_CHECK mask=MAY_READ\n", "measure uid=0\n", "measure\n", "appraise fowner=0\n",
        "appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig\n",
    ])
    func takesTheCallThatTheReadablePolicySpeaksOf(policy: String) throws {
        #expect(try call([(Self.ima + "policy", policy)]) == .kexecFileLoad)
    }

    @Test(arguments: [
        "measure func=BPRM_CHECK mask=MAY_EXEC\n", "measure func=MODULE_CHECK\nmeasure func=CRITICAL_DATA\n",
        "dont_measure func=KEXEC_KERNEL_CHECK\nmeasure func=MMAP_CHECK\n", "audit func=KEXEC_KERNEL_CHECK\n",
        "# measure func=KEXEC_KERNEL_CHECK\nmeasure func=FIRMWARE_CHECK\n", "",
    ])
    func keepsTheFastWayWhereTheReadablePolicySpeaksOfOtherFiles(policy: String) throws {
        #expect(try call([(Self.ima + "policy", policy)]) == .kexecLoad)
    }

    /// Without CONFIG_IMA_WRITE_POLICY the file goes when the administrator's policy has been written to it.
    @Test func takesAPolicyThatIsGoneForOneThatMeasures() throws {
        #expect(try call([], directories: [Self.ima]) == .kexecFileLoad)
        #expect(try call([(Self.ima + "runtime_measurements_count", "1\n")]) == .kexecFileLoad)
        #expect(try call([], directories: ["sys/kernel/security"]) == .kexecLoad)
        // What is there and cannot be read counts on the running machine alone: a capture has all that could be.
        #expect(try call([], directories: [Self.ima + "policy"]) == .kexecFileLoad)
    }

    @Test(arguments: [
        ("ima_policy=tcb", true), ("ima_policy=\"appraise_tcb|tcb\"", true), ("ima_policy=tcb ima_policy=x", true),
        ("ima_tcb", true), ("ima_appraise_tcb", true), ("ima_policy=critical_data", true),
        ("ima_policy=\"critical_data tcb\"", true), ("ima_policy=appraise_tcb quiet", true),
        ("ima_policy=secure_boot", true), ("ima_policy=fail_securely", false), ("ima_policy=", false),
        ("ima_policy", false), ("ima_policy=tcbx", false), ("ima_hash=sha256", false), ("quiet -- ima_tcb", false),
    ])
    func readsTheBuiltInPoliciesOfTheCommandLine(line: String, looks: Bool) throws {
        let policy = (Self.ima + "policy", "")
        #expect(try call([policy, ("proc/cmdline", line + "\n")]) == (looks ? .kexecFileLoad : .kexecLoad))
    }

    /// The first entry is of the boot itself.
    @Test(arguments: [("0\n", false), ("1\n", false), ("2\n", true), ("4711\n", true), ("x\n", false)])
    func takesMeasurementsForASignOfAPolicy(count: String, looks: Bool) throws {
        let files = [(Self.ima + "policy", ""), (Self.ima + "runtime_measurements_count", count)]
        #expect(try call(files) == (looks ? .kexecFileLoad : .kexecLoad))
    }

    private static let secureBoot = (
        "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\u{6}\u{0}\u{0}\u{0}\u{1}"
    )

    @Test(arguments: [
        ("CONFIG_KEXEC_SIG=y\n", true), ("", true), ("# CONFIG_KEXEC_SIG is not set\n", false),
        ("# CONFIG_KEXEC_SIG is not set\nCONFIG_IMA_ARCH_POLICY=y\n", true),
    ])
    func takesSecureBootForASignOfChecks(configuration: String, looks: Bool) throws {
        let files = [
            ("sys/firmware/efi/fw_platform_size", "64\n"), ("sys/firmware/efi/systab", "ACPI20=0x3fb7e014\n"),
            Self.secureBoot, ("swift-kexec/config", configuration),
        ]
        let machine = try machine(files)
        #expect(machine.efi?.secureBoot == true)
        #expect(PlanImage.bzImage().plan(on: machine).systemCall == (looks ? .kexecFileLoad : .kexecLoad))
    }

    private static func ownPolicy(_ state: inout KexecState) { state.fileChecks = .ownPolicy }

    private func machine(_ change: (inout KexecState) -> Void) -> MachineDescription {
        var machine = MachineDescription.pc()
        change(&machine.kexec)
        return machine
    }

    @Test func tellsWhyAndTriesTheOtherCallLast() {
        let plan = PlanImage.bzImage().plan(on: machine(Self.ownPolicy))
        #expect(plan.systemCallReason == .fileChecks(.ownPolicy) && plan.isLoadable && plan.warnings == [])
        #expect(plan.alternatives == [.kexecLoad])
        #expect(plan.alternativeWarnings == [.fileNotChecked(.ownPolicy)])
        #expect(plan.notKept == [.namedDigest, .unpacking])
    }

    /// The core header is the kernel's own then, and nothing names it that kexec_load could hand over.
    @Test func triesNoOtherCallForACrashKernel() {
        var machine = machine(Self.ownPolicy)
        machine.crashKernel = [range(0x2000_0000, 0x3000_0000)]
        let plan = PlanImage.bzImage().plan(on: machine) { $0.target = .crash }
        #expect(plan.systemCall == .kexecFileLoad && plan.alternatives == [])
        #expect(plan.alternativeWarnings == [])
    }

    private static let program = PlanImage.elf(
        [
            ELFLoadSegment(
                file: 0..<0x1000, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x2000,
                virtualAddress: 0x100_0000)
        ], bytes: [UInt8](repeating: 1, count: 0x1000))

    @Test func warnsWhereOnlyKexecLoadCarriesTheLoad() {
        let machine = machine(Self.ownPolicy)
        let plans = [
            Self.program.plan(on: machine), PlanImage.bzImage().plan(on: machine) { $0.systemCall = .kexecLoad },
            PlanImage.bzImage().plan(on: machine) { $0.memoryMinimum = PhysicalAddress(0x1000_0000) },
            PlanImage.bzImage { $0.extendedLoadFlags = 1 }.plan(on: machine),
        ]
        for plan in plans {
            #expect(plan.systemCall == .kexecLoad && plan.isLoadable)
            #expect(plan.warnings == [.fileNotChecked(.ownPolicy)])
            #expect(plan.notKept == [.signatureCheck, .measurement])
        }
        #expect(PlanImage.bzImage().plan(on: machine) { $0.systemCall = .kexecFileLoad }.warnings == [])
    }

    @Test func warnsOfTheModule() throws {
        var machine = try MachineFolder.describe(fixture: "no-kexec-module")
        machine.kexec.fileChecks = .commandLine
        let plan = PlanImage.bzImage().plan(on: machine)
        #expect(plan.systemCall == .module && plan.warnings == [.fileNotChecked(.commandLine)])
        #expect(plan.notKept.contains(.startByShutdown))
    }

    @Test func keepsALongMemoryMapRatherThanTheFile() throws {
        var machine = try MachineFolder.describe(fixture: "many-e820")
        (machine.kexec.hasKexecLoad, machine.kexec.hasKexecFileLoad, machine.hasSysBoot) = (true, true, true)
        machine.kexec.fileChecks = .measurements
        let plan = PlanImage.bzImage().plan(on: machine)
        #expect(plan.systemCall == .kexecLoad && plan.warnings == [.fileNotChecked(.measurements)])
    }

    /// What kexec_load would honour, told of kexec_file_load before it is taken, and the other way round.
    @Test(arguments: [
        KexecOption.noChecks, .digest, .serial, .serialBaud, .consoleSerial, .consoleVGA, .resetVGA, .noEFI,
    ])
    func tellsOfEachOptionThatTheOtherCallLoses(option: KexecOption) {
        let plan = PlanImage.bzImage().plan { $0.givenOptions.insert(option) }
        #expect(plan.systemCall == .kexecLoad && plan.alternatives == [.kexecFileLoad] && plan.warnings == [])
        #expect(plan.alternativeWarnings == [.optionIgnored(option, by: .kexecFileLoad)])
        let other = PlanImage.bzImage().plan {
            $0.givenOptions.insert(option)
            $0.systemCall = .kexecFileLoad
        }
        #expect(other.warnings == [.optionIgnored(option, by: .kexecFileLoad)] && other.alternatives == [])
    }

    @Test(arguments: [KexecOption.coreHeaders32, .memoryMapInCommandLine])
    func tellsOfTheCrashKernelsOptionsThatTheOtherCallLoses(option: KexecOption) {
        var machine = MachineDescription.pc()
        machine.crashKernel = [range(0x2000_0000, 0x3000_0000)]
        let plan = PlanImage.bzImage().plan(on: machine) {
            $0.target = .crash
            $0.givenOptions.insert(option)
        }
        #expect(plan.alternatives == [.kexecFileLoad])
        #expect(plan.alternativeWarnings.contains(.optionIgnored(option, by: .kexecFileLoad)))
    }

    @Test func tellsThatOnlyKexecFileLoadForcesADeviceTree() {
        let plan = PlanImage.bzImage().plan(on: machine(Self.ownPolicy)) { $0.givenOptions.insert(.forceDeviceTree) }
        #expect(
            plan.alternativeWarnings
                == [.optionIgnored(.forceDeviceTree, by: .kexecLoad), .fileNotChecked(.ownPolicy)])
    }

    @Test func tellsOfTheListOfMeasurementsThatOnlyOneCallHandsOver() {
        var machine = MachineDescription.pc()
        machine.configuration = KernelConfiguration(parsing: Array("CONFIG_IMA_KEXEC=y\n".utf8))
        machine.kexec.handover = .commandLine
        let plan = PlanImage.bzImage().plan(on: machine) { $0.systemCall = .kexecLoad }
        #expect(plan.notKept == [.signatureCheck, .measurementList, .handover])
        machine.kexec.checksSignature = false
        machine.kexec.handover = nil
        #expect(PlanImage.bzImage().plan(on: machine).notKept == [.measurementList])
    }

    /// A capture holds what the sign was read from, a policy that cannot be read as an empty file.
    @Test func keepsTheSignInACapture() throws {
        let signs: [([(String, String)], FileCheckSign?)] = [
            ([(Self.ima + "policy", "measure func=KEXEC_CMDLINE\n# x\n")], .policyRule),
            ([(Self.ima + "violations", "0\n")], .ownPolicy),
            ([(Self.ima + "policy", ""), (Self.ima + "runtime_measurements_count", "9\n")], .measurements),
            ([(Self.ima + "policy", ""), ("proc/cmdline", "ima_tcb\n")], .commandLine), ([], nil),
        ]
        for (files, sign) in signs {
            let folder = try MachineFolder(), target = try MachineFolder()
            try folder.addSomeMemory()
            for (file, text) in files { try folder.add(file, text) }
            try captureMachine(root: ByteString(folder.path), into: ByteString(target.path + "/new"))
            let copied = try MachineDescription(reading: MachineRoot(path: ByteString(target.path + "/new")))
            #expect(copied.kexec.fileChecks == sign)
            #expect(try copied == folder.describe())
        }
    }

    /// They are the module's trouble alone.
    @Test(arguments: ["forceoff\n", "off\n"])
    func leavesTheKernelsOwnCallsToSleepingSiblings(control: String) throws {
        let files = [
            ("sys/devices/system/cpu/smt/control", control), ("sys/devices/system/cpu/present", "0-3\n"),
            ("sys/devices/system/cpu/online", "0-1\n"), ("proc/cpuinfo", "flags : fpu monitor\n"),
        ]
        let machine = try machine(files)
        for choice in [SystemCallChoice.automatic, .kexecLoad, .kexecFileLoad] {
            let plan = PlanImage.bzImage().plan(on: machine) { $0.systemCall = choice }
            #expect(plan.isLoadable && plan.warnings == [])
        }
    }
}
