// SPDX-License-Identifier: MIT
@testable import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// Plans for kernels without kexec, with and without our module, and for kernels that have both.
@Suite struct ModulePlanTests {
    private static func machine(_ change: (inout KexecState) -> Void = { _ in }) throws -> MachineDescription {
        var machine = try MachineFolder.describe(fixture: "no-kexec-module")
        change(&machine.kexec)
        return machine
    }

    /// A machine whose kernel has kexec, with the module loaded beside it.
    private static func beside(_ change: (inout KexecState) -> Void = { _ in }) -> MachineDescription {
        var machine = MachineDescription.pc()
        machine.kexec.isSupported = true
        machine.kexec.hasModule = true
        machine.kexec.module = ModuleState(interface: ModuleInterface.version)
        machine.kexec.module?.isBesideNative = true
        change(&machine.kexec)
        return machine
    }

    private func obstacles(_ plan: BootPlan) -> [SystemCallObstacle.Cause] {
        for refusal in plan.refusals {
            if case .noSystemCall(let obstacles) = refusal {
                return obstacles.filter { $0.call == .module }.map(\.cause)
            }
        }
        return []
    }

    @Test func readsTheModuleOfACapturedMachine() throws {
        let kexec = try MachineFolder.describe(fixture: "no-kexec-module").kexec
        #expect(kexec.hasModule && kexec.isSupported == false && !kexec.forcesReboot)
        #expect(kexec.module == ModuleState(interface: ModuleInterface.version))
        #expect(kexec.lacksKexec && kexec.isLoaded(.reboot) == false)
        #expect(try MachineFolder.describe(fixture: "no-kexec").kexec.module == nil)
    }

    /// The status, `-u` and `-e` ask the kernel for none of its calls; the module does not work beside kexec unasked.
    @Test func believesAModuleThatIsThereWithoutLeave() {
        var kexec = KexecState()
        kexec.hasModule = true
        #expect(!kexec.lacksKexec)
        kexec.module = ModuleState(interface: ModuleInterface.version)
        #expect(kexec.lacksKexec && kexec.isLoaded(.reboot) == false)
        kexec.module?.isBesideNative = true
        #expect(!kexec.lacksKexec)
        kexec.module = ModuleState(interface: ModuleInterface.version + 1)
        #expect(!kexec.lacksKexec)
        kexec.module = ModuleState(interface: ModuleInterface.version)
        kexec.isSupported = true
        #expect(!kexec.lacksKexec)
    }

    @Test func takesTheModuleWhereTheKernelHasNoKexec() throws {
        let plan = try PlanImage.bzImage().plan(on: Self.machine(), initrdSize: 5000)
        #expect(plan.refusals == [] && plan.warnings == [])
        #expect(plan.systemCall == .module && plan.alternatives == [])
        #expect(
            plan.systemCallReason
                == .only(against: [
                    SystemCallObstacle(call: .kexecLoad, cause: .notInKernel),
                    SystemCallObstacle(call: .kexecFileLoad, cause: .notInKernel),
                ]))
        #expect(plan.purgatory != nil && plan.appliedDigest == .fast)
        #expect(try Self.machine().refusal(ofLoadsTo: .reboot) == nil)
    }

    /// Its segments are those that kexec_load would get.
    @Test func plansForTheModuleAsForKexecLoad() throws {
        var native = try Self.machine { ($0.isSupported, $0.hasModule) = (true, false) }
        (native.kexec.hasKexecLoad, native.kexec.hasKexecFileLoad) = (true, true)
        for image in [
            PlanImage.bzImage(),
            PlanImage.elf(
                [
                    ELFLoadSegment(
                        file: 0..<0x1000, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x2000,
                        virtualAddress: 0x100_0000)
                ], bytes: [UInt8](repeating: 1, count: 0x1000)),
        ] {
            let plan = try image.plan(on: Self.machine())
            let reference = image.plan(on: native)
            #expect(plan.systemCall == .module && reference.systemCall == .kexecLoad)
            #expect(plan.isLoadable && plan.segments == reference.segments && plan.entry == reference.entry)
        }
    }

    @Test func takesTheModuleUnaskedWhereItCouldNotBeAsked() throws {
        let plan = try PlanImage.bzImage().plan(on: Self.machine { $0.module = nil })
        #expect(plan.systemCall == .module && plan.isLoadable)
    }

    @Test func refusesWithoutTheModule() throws {
        let plan = try PlanImage.bzImage().plan(on: MachineFolder.describe(fixture: "no-kexec"))
        #expect(plan.refusals.first == .noKexecInKernel)
        #expect(obstacles(plan) == [.moduleNotLoaded(besideNative: false)])
        let named = try PlanImage.bzImage().plan(on: MachineFolder.describe(fixture: "no-kexec")) {
            $0.systemCall = .module
        }
        #expect(obstacles(named) == [.moduleNotLoaded(besideNative: false)])
        let native = PlanImage.bzImage().plan { $0.systemCall = .module }
        #expect(obstacles(native) == [.moduleNotLoaded(besideNative: true)])
    }

    @Test(
        arguments: [
            (true, true), (true, false), (false, true), (nil, nil), (false, nil), (nil, false),
        ] as [(Bool?, Bool?)])
    func neverTakesTheModuleUnaskedBesideNativeKexec(hasLoad: Bool?, hasFileLoad: Bool?) {
        let machine = Self.beside { ($0.hasKexecLoad, $0.hasKexecFileLoad) = (hasLoad, hasFileLoad) }
        let plan = PlanImage.bzImage().plan(on: machine)
        #expect(plan.systemCall != .module && !plan.alternatives.contains(.module))
        let named = PlanImage.bzImage().plan(on: machine) { $0.systemCall = .module }
        #expect(named.systemCall == .module && named.isLoadable && named.systemCallReason == .requested)
    }

    /// Whatever stands against the native calls: the kernel's owner decided so.
    @Test func isNoWayAroundWhatStandsAgainstNativeCalls() {
        let changes: [(inout KexecState) -> Void] = [
            { $0.signatureEnforcement = .configuration }, { $0.imaAppraisesKernels = true },
            { $0.lockdown = .integrity },
        ]
        for change in changes {
            let machine = Self.beside(change)
            let plan = PlanImage.bzImage { $0.extendedLoadFlags = 1 }.plan(on: machine)
            #expect(plan.refusals.contains { if case .noSystemCall = $0 { true } else { false } })
            #expect(obstacles(plan) == [.besideNative])
        }
    }

    /// A filter of system calls hides them from this process, and not from the module.
    @Test func believesTheModuleThatTheKernelHasKexec() {
        let machine = Self.beside { ($0.isSupported, $0.hasKexecLoad, $0.hasKexecFileLoad) = (nil, false, false) }
        #expect(obstacles(PlanImage.bzImage().plan(on: machine)) == [.besideNative])
        let sysfs = Self.beside {
            ($0.hasKexecLoad, $0.hasKexecFileLoad, $0.module) = (false, false, nil)
        }
        #expect(obstacles(PlanImage.bzImage().plan(on: sysfs)) == [.besideNative])
    }

    @Test(arguments: [SystemCallChoice.automatic, .module])
    func isNoWayAroundTheSwitchOfTheKernel(choice: SystemCallChoice) {
        let machine = Self.beside { $0.loadDisabled = true }
        let plan = PlanImage.bzImage().plan(on: machine) { $0.systemCall = choice }
        #expect(plan.refusals.contains(.loadDisabled))
        #expect(machine.refusal(ofLoadsTo: .reboot) == .loadDisabled)
    }

    @Test(arguments: [SystemCallChoice.automatic, .module])
    func saysWhatSpeaksAgainstTheModule(choice: SystemCallChoice) throws {
        func causes(
            _ change: (inout KexecState) -> Void, request: (inout KexecRequest) -> Void = { _ in }
        ) throws -> [SystemCallObstacle.Cause] {
            try obstacles(
                PlanImage.bzImage().plan(on: Self.machine(change)) {
                    $0.systemCall = choice
                    request(&$0)
                })
        }
        #expect(try causes { $0.module?.isDisabled = true } == [.moduleDisabled])
        #expect(try causes { $0.module?.loadsLeft = 0 } == [.moduleLimitUsedUp])
        #expect(try causes { $0.module?.loadsLeft = 1 } == [])
        #expect(try causes { $0.forcesReboot = true } == [.forcedReboot])
        #expect(try causes { $0.module = ModuleState(interface: 2) } == [.moduleInterface(2)])
        #expect(
            try causes { _ in
            } request: {
                $0.target = .crash
            } == [.crashKernel])
        #expect(
            try causes { _ in
            } request: {
                $0.preservesContext = true
            } == [.option(.loadPreserveContext)])
        #expect(
            try causes { _ in
            } request: {
                $0.keepsGuests = true
            } == [.option(.loadLiveUpdate)])
    }

    @Test func leavesLockdownOfANamedModuleToTheKernel() throws {
        let machine = try Self.machine { $0.lockdown = .confidentiality }
        #expect(PlanImage.bzImage().plan(on: machine) { $0.systemCall = .module }.isLoadable)
        #expect(obstacles(PlanImage.bzImage().plan(on: machine)) == [.lockdown(.confidentiality)])
    }

    @Test(arguments: [(SystemCallChoice.kexecLoad, SystemCall.kexecLoad), (.kexecFileLoad, .kexecFileLoad)])
    func refusesACallThatOnlyAKernelWithKexecHas(choice: SystemCallChoice, call: SystemCall) throws {
        let plan = try PlanImage.bzImage().plan(on: Self.machine()) { $0.systemCall = choice }
        #expect(plan.refusals == [.noSystemCall([SystemCallObstacle(call: call, cause: .notInKernel)])])
        // Where sysfs shows kexec, a filter may hide the calls: the kernel has the last word.
        let hidden = Self.beside { ($0.hasKexecLoad, $0.hasKexecFileLoad) = (false, false) }
        #expect(PlanImage.bzImage().plan(on: hidden) { $0.systemCall = choice }.isLoadable)
    }

    /// No `crashkernel=` would help.
    @Test func asksForNoCrashRegionThatTheModuleCouldNotUse() throws {
        let plan = try PlanImage.bzImage().plan(on: Self.machine()) { $0.target = .crash }
        #expect(!plan.refusals.contains(.noCrashKernelRegion) && !plan.isLoadable)
    }

    @Test func warnsOfWhatTheModuleLosesOrIgnores() {
        let machine = Self.beside { $0.handover = .commandLine }
        let plan = PlanImage.bzImage().plan(on: machine) {
            $0.systemCall = .module
            $0.givenOptions.insert(.forceDeviceTree)
        }
        #expect(plan.warnings == [.optionIgnored(.forceDeviceTree, by: .module), .handoverLost])
    }

    @Test(arguments: [
        ("reboot=force", true), ("reboot=f", true), ("reboot=warm,force", true), ("reboot=panic_force", true),
        ("reboot=force reboot=k", true), ("reboot=efi", false), ("reboot=hard,kbd", false), ("reboot=", false),
        ("reboot", false), ("rebootx=force", false), ("quiet -- reboot=force", false), ("reboot=warm,,f", true),
    ])
    func readsRebootAsTheKernelDoes(line: String, isForced: Bool) throws {
        #expect(KernelCommandLine(ByteString(line)).forcesReboot == isForced)
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cmdline", line + "\n")
        #expect(try folder.describe().kexec.forcesReboot == isForced)
        #expect(KexecState(reading: try MachineRoot(path: ByteString(folder.path))).forcesReboot == isForced)
        // What sysfs shows is what holds now.
        try folder.add("sys/kernel/reboot/force", isForced ? "0\n" : "1\n")
        #expect(try folder.describe().kexec.forcesReboot == !isForced)
    }

    @Test func keepsTheStateOfTheModuleInACapture() throws {
        var facts = MachineFacts()
        (facts.hasKexecDevice, facts.module) = (true, ModuleState(interface: 1))
        #expect(MachineFacts(parsing: facts.text) == facts)
        facts.module?.isLoaded = true
        facts.module?.isBesideNative = true
        facts.module?.loadsLeft = 5
        #expect(MachineFacts(parsing: facts.text) == facts)
        facts.module?.isDisabled = true
        #expect(MachineFacts(parsing: facts.text) == facts)
        // Lines in any order; without the interface the others mean nothing.
        let reversed = facts.text.split(separator: 10).reversed().joined(separator: [10])
        #expect(MachineFacts(parsing: Array(reversed)) == facts)
        #expect(MachineFacts(parsing: Array("module_loaded=yes\nmodule_interface=x\n".utf8)).module == nil)
        let folder = try MachineFolder()
        try folder.add("swift-kexec/facts", bytes: facts.text)
        #expect(KexecState(reading: try MachineRoot(path: ByteString(folder.path))).module == facts.module)
        try folder.add("swift-kexec/facts", "dev_kexec=no\nmodule_interface=1\n")
        #expect(KexecState(reading: try MachineRoot(path: ByteString(folder.path))).module == nil)
    }
}
