// SPDX-License-Identifier: MIT
import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

private func place(_ start: UInt64, _ size: UInt64) -> PhysicalRange {
    PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(start + size))
}

private let EPERM: Int32 = 1, ENOENT: Int32 = 2, EINTR: Int32 = 4, EIO: Int32 = 5, ENXIO: Int32 = 6
private let EFAULT: Int32 = 14, ENODEV: Int32 = 19, ENOTTY: Int32 = 25, EOPNOTSUPP: Int32 = 95
private let ENOEXEC: Int32 = 8, ENOMEM: Int32 = 12, EACCES: Int32 = 13, EBUSY: Int32 = 16
private let EINVAL: Int32 = 22, ENOSYS: Int32 = 38, ENODATA: Int32 = 61, EADDRNOTAVAIL: Int32 = 99

/// A plan, the bytes it speaks of, a machine and a kernel, ready to be loaded.
private struct Load {
    var plan = BootPlan(
        image: ImageFacts(path: "vmlinuz", kind: "bzImage64"), target: .reboot, systemCall: .kexecLoad,
        systemCallReason: .nothingAgainstKexecLoad, entry: PhysicalAddress(0x100_0200), commandLine: "quiet",
        digest: .none)
    var request = KexecRequest(kernel: "vmlinuz")
    var machine = MachineDescription()
    var kernel = RecordingKernel()

    init() {
        machine.architecture = "x86_64"
        machine.memoryAvailable = 1 << 30
        plan.purgatory = PurgatoryPlan(mode: .longMode, entry: plan.entry, console: PurgatoryConsole())
        plan.segments = [
            Segment(name: "purgatory", place: place(0x3f00_0000, 0x3000), contents: .bytes([7, 8])),
            Segment(name: "kernel", place: place(0x100_0000, 0x4000), contents: .kernel(1..<3)),
            Segment(name: "boot_params", place: place(0x1000, 0x1000), contents: .bytes([5])),
            Segment(name: "initrd", place: place(0x3e00_0000, 0x1000), contents: .initrd(0..<2)),
        ]
    }

    mutating func run() -> Result<LoadReport, LoadFailure> {
        var loader = ImageLoader(kernel, machine: machine, request: request)
        let (image, initrd): ([UInt8], [UInt8]) = ([1, 2, 3, 4], [9, 10])
        let files = LoadFiles(kernel: 5, initrd: plan.segments.contains { $0.name == "initrd" } ? 6 : nil)
        defer { kernel = loader.kernel }
        do throws(LoadFailure) {
            return .success(
                try loader.load(plan, kernel: image.span.bytes, initrd: initrd.span.bytes, files: files))
        } catch { return .failure(error) }
    }

    /// The causes of what was refused, by call.
    mutating func causes() -> [String] {
        guard case .failure(.refused(let attempts)) = run() else { return [] }
        return attempts.map {
            if case .refused(let error) = $0.problem {
                "\($0.call): \(error.cause)"
            } else {
                "\($0.call): \($0.problem)"
            }
        }
    }
}

@Suite struct LoadingTests {
    @Test func handsSegmentsOverFromWhereTheyLieAscendingByAddress() {
        var load = Load()
        #expect(load.run() == .success(LoadReport(call: .kexecLoad, refused: [])))
        #expect(
            load.kernel.trace == [
                "kexec_load 0x3f000000 [\"made[5] 0x1000+0x1000\", \"kernel[2,3] 0x1000000+0x4000\", "
                    + "\"initrd[9,10] 0x3e000000+0x1000\", \"made[7,8] 0x3f000000+0x3000\"] flags 0x3e0000"
            ])
    }

    @Test func entersTheImageItselfWithoutPurgatory() {
        var load = Load()
        load.plan.segments.removeFirst()
        load.plan.purgatory = nil
        _ = load.run()
        #expect(load.kernel.trace.first?.hasPrefix("kexec_load 0x1000200 ") == true)
    }

    @Test(arguments: [
        ("x86_64", false, "0x3e0005"), ("x86_64", true, "0x3e0007"), ("aarch64", false, "0xb70009"),
        ("i686", false, "0x30005"), ("riscv64", false, "0xf30009"),
    ])
    func marksCrashKernelsAndHotplugByArchitecture(architecture: String, preserves: Bool, flags: String) {
        var load = Load()
        load.machine.architecture = architecture
        load.plan.target = .crash
        load.plan.segments[2].mayChange = true
        load.request.preservesContext = preserves
        _ = load.run()
        #expect(load.kernel.trace.first?.hasSuffix("flags \(flags)") == true)
    }

    @Test func asksForNoHotplugWithoutACrashKernel() {
        var load = Load()
        load.plan.segments[2].mayChange = true
        _ = load.run()
        #expect(load.kernel.trace.first?.hasSuffix("flags 0x3e0000") == true)
    }

    @Test func handsFilesOverWithTheLineAndItsNUL() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        #expect(load.run() == .success(LoadReport(call: .kexecFileLoad, refused: [])))
        #expect(load.kernel.trace == ["kexec_file_load 5 6 'quiet|' flags 0x0"])
    }

    @Test func givesKexecFileLoadTheLineWithoutWhatItAdds() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.plan.commandLine = "quiet elfcorehdr=1K"
        load.plan.fileLoadCommandLine = "quiet"
        _ = load.run()
        #expect(load.kernel.trace == ["kexec_file_load 5 6 'quiet|' flags 0x0"])
    }

    @Test func givesKexecFileLoadEveryByteOfTheLine() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.plan.commandLine = ByteString([UInt8](1...255))
        _ = load.run()
        #expect(load.kernel.commandLine == [UInt8](1...255) + [0])
    }

    @Test func saysWhereThereIsNoInitrdAndForACrash() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.plan.target = .crash
        load.plan.segments.removeLast()
        load.request.forcesDeviceTree = true
        _ = load.run()
        #expect(load.kernel.trace == ["kexec_file_load 5 -1 'quiet|' flags 0x26"])
    }

    @Test func dropsHintsThatTheKernelDoesNotKnow() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        (load.request.debug, load.request.avoidsCMA) = (true, true)
        load.kernel.refusals = [.init(line: "kexec_file_load", errno: EINVAL, times: 2)]
        #expect(load.run() == .success(LoadReport(call: .kexecFileLoad, refused: [])))
        #expect(
            load.kernel.trace == [
                "kexec_file_load 5 6 'quiet|' flags 0x18", "kexec_file_load 5 6 'quiet|' flags 0x10",
                "kexec_file_load 5 6 'quiet|' flags 0x0",
            ])
    }

    @Test func neverDropsWhatWasAskedFor() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.request.forcesDeviceTree = true
        load.kernel.refusals = [.init(line: "kexec_file_load", errno: EINVAL)]
        #expect(load.causes() == ["kexecFileLoad: argumentsRefused(flags: 32, segments: 0)"])
        #expect(load.kernel.trace.count == 1)
    }

    @Test func spendsNoCountedLoadOnDebugging() {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.request.debug = true
        load.machine.kexec.loadLimitReboot = 1
        _ = load.run()
        #expect(load.kernel.trace == ["kexec_file_load 5 6 'quiet|' flags 0x0"])
    }

    @Test func loadsNothingOfAPlanWithRefusals() {
        var load = Load()
        load.plan.refusals = [.loadDisabled]
        #expect(load.run() == .failure(.notLoadable([.loadDisabled])))
        #expect(load.kernel.trace == [])
    }

    @Test func aLoadForTheNextRebootAloneRemovesTheNoteOfTheOneBefore() {
        var load = Load()
        _ = load.run()
        #expect(load.kernel.removedNotes == 1)
        load.request.target = .crash
        _ = load.run()
        load.request.target = .reboot
        load.kernel.refusals = [.init(line: "kexec", errno: EPERM)]
        _ = load.run()
        #expect(load.kernel.removedNotes == 1)
    }

    @Test func refusesContentsThatEndBehindTheFile() {
        var load = Load()
        load.plan.segments[1].contents = .kernel(1..<5)
        #expect(load.causes() == ["kexecLoad: contentsOutside(segment: \"kernel\", end: 5, available: 4)"])
        load.plan.segments[1].contents = .kernel(1..<2)
        load.plan.segments[3].contents = .initrd(0..<3)
        #expect(load.causes() == ["kexecLoad: contentsOutside(segment: \"initrd\", end: 3, available: 2)"])
        #expect(load.kernel.trace == [])
    }

    // MARK: the module

    @Test func handsTheModuleWhatKexecLoadWouldGet() {
        var load = Load()
        _ = load.run()
        load.plan.systemCall = .module
        #expect(load.run() == .success(LoadReport(call: .module, refused: [])))
        #expect(load.kernel.trace.count == 2)
        #expect(load.kernel.trace.last == load.kernel.trace.first?.replacing("kexec_load", with: "module load"))
    }

    /// The module's fields have 64 bits, whatever this program is compiled for.
    @Test func takesTheModuleAbove4GiB() {
        var load = Load()
        load.plan.systemCall = .module
        load.plan.segments[1].place = place(0x40_0000_0000, 0x4000)
        _ = load.run()
        #expect(load.kernel.trace.first?.contains("\"kernel[2,3] 0x4000000000+0x4000\"") == true)
    }

    @Test func handsTheModuleNothingBehindTheFile() {
        var load = Load()
        load.plan.systemCall = .module
        load.plan.segments[1].contents = .kernel(1..<5)
        #expect(load.causes() == ["module: contentsOutside(segment: \"kernel\", end: 5, available: 4)"])
        #expect(load.kernel.trace == [])
    }

    @Test(
        arguments: [
            (EPERM, "policy"), (EACCES, "policy"), (ENOENT, "notInKernel"), (ENODEV, "notInKernel"),
            (ENXIO, "notInKernel"), (ENOTTY, "otherInterface"), (EBUSY, "busy(seconds: 10)"),
            (ENOMEM, "memoryShort(needed: 36864, available: 1073741824)"),
            (EINVAL, "argumentsRefused(flags: 4063232, segments: 4)"), (EADDRNOTAVAIL, "addressNotAvailable"),
            (EFAULT, "fileUnreadable"), (EINTR, "interrupted"), (EOPNOTSUPP, "cannotLeave"), (71, "unknown"),
        ] as [(Int32, String)])
    func readsTheModulesErrno(errno: Int32, cause: String) {
        var load = Load()
        load.plan.systemCall = .module
        load.kernel.refusals = [.init(line: "module load", errno: errno)]
        #expect(load.causes() == ["module: \(cause)"])
    }

    @Test func readsEPERMOfTheModuleByItsOwnSwitches() {
        var load = Load()
        load.plan.systemCall = .module
        load.kernel.refusals = [.init(line: "module", errno: EPERM)]
        load.machine.kexec.imaAppraisesKernels = true
        #expect(load.causes() == ["module: appraised(secureBoot: false)"])
        load.machine.kexec.lockdown = .integrity
        #expect(load.causes() == ["module: lockdown(Kexec.Lockdown.integrity)"])
        var module = ModuleState(interface: ModuleInterface.version)
        module.loadsLeft = 0
        load.machine.kexec.module = module
        #expect(load.causes() == ["module: moduleLimitUsedUp"])
        module.isDisabled = true
        load.machine.kexec.module = module
        #expect(load.causes() == ["module: moduleDisabled"])
        // Those of the kernel's own kexec are not the module's.
        (load.machine.kexec.loadDisabled, load.machine.kexec.loadLimitReboot) = (true, 0)
        #expect(load.causes() == ["module: moduleDisabled"])
        load.kernel.privileged = false
        #expect(load.causes() == ["module: notPrivileged"])
    }

    // MARK: another operation at work

    @Test(arguments: [SystemCall.kexecLoad, .kexecFileLoad, .module])
    func waitsForAnotherOperation(call: SystemCall) {
        var load = Load()
        load.plan.systemCall = call
        let line = call == .module ? "module load" : call == .kexecLoad ? "kexec_load" : "kexec_file_load"
        load.kernel.refusals = [.init(line: line, errno: EBUSY, times: 3)]
        guard case .success(let report) = load.run() else {
            Issue.record("not loaded")
            return
        }
        #expect(report == LoadReport(call: call, refused: []))
        #expect(load.kernel.trace.count == 7)
        #expect(load.kernel.trace.filter { $0 == "sleep 100" }.count == 3)
    }

    @Test func waitsTenSecondsForAllCallsTogether() {
        var load = Load()
        load.plan.alternatives = [.kexecFileLoad]
        load.kernel.refusals = [.init(line: "kexec", errno: EBUSY)]
        #expect(load.causes() == ["kexecLoad: busy(seconds: 10)", "kexecFileLoad: busy(seconds: 10)"])
        #expect(load.kernel.trace.filter { $0 == "sleep 100" }.count == 100)
    }

    @Test func triesOnceWhereEachTryIsCounted() {
        var load = Load()
        load.machine.kexec.loadLimitReboot = 5
        load.kernel.refusals = [.init(line: "kexec", errno: EBUSY)]
        #expect(load.causes() == ["kexecLoad: busy(seconds: 0)"])
        load.plan.systemCall = .module
        load.kernel.refusals = [.init(line: "module", errno: EBUSY)]
        load.machine.kexec.module = ModuleState(interface: ModuleInterface.version)
        load.machine.kexec.module?.loadsLeft = 2
        #expect(load.causes() == ["module: busy(seconds: 0)"])
    }

    // MARK: the next call

    @Test(arguments: [(SystemCall.kexecLoad, SystemCall.kexecFileLoad), (.kexecFileLoad, .kexecLoad)])
    func tellsWhatTheCallThatDidItHasLost(first: SystemCall, second: SystemCall) {
        var load = Load()
        load.plan.systemCall = first
        load.plan.alternatives = [second]
        let lost: [PlanWarning] = [.optionIgnored(.digest, by: .kexecFileLoad), .fileNotChecked(.ownPolicy)]
        load.plan.alternativeWarnings = lost
        #expect(load.run() == .success(LoadReport(call: first, refused: [])), "nothing is lost by the planned one")
        load.kernel.refusals = [.init(line: first == .kexecLoad ? "kexec_load" : "kexec_file_load", errno: ENOEXEC)]
        guard case .success(let report) = load.run() else {
            Issue.record("not loaded")
            return
        }
        #expect(report.call == second && report.refused.count == 1 && report.warnings == lost)
    }

    @Test(arguments: [EPERM, ENOEXEC, ENOMEM, EACCES, EBUSY, EINVAL, ENOSYS, EADDRNOTAVAIL, 5])
    func goesOnToTheFileCallWhateverRefusedKexecLoad(errno: Int32) {
        var load = Load()
        load.plan.alternatives = [.kexecFileLoad]
        load.machine.kexec.lockdown = .integrity
        load.kernel.refusals = [.init(line: "kexec_load", errno: errno)]
        guard case .success(let report) = load.run() else {
            Issue.record("not loaded")
            return
        }
        #expect(report.call == .kexecFileLoad)
        #expect(report.refused.map(\.call) == [.kexecLoad])
        #expect(load.kernel.trace.filter { !$0.hasPrefix("sleep") }.count == (errno == EBUSY ? 102 : 2))
    }

    @Test(arguments: [ENOEXEC, EINVAL, ENOSYS, ENOMEM, EBUSY, EADDRNOTAVAIL, 27, 26, 9, 95])
    func goesOnToKexecLoadWhereTheFileCallHasAnotherTrouble(errno: Int32) {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.plan.alternatives = [.kexecLoad]
        load.kernel.refusals = [.init(line: "kexec_file_load", errno: errno)]
        guard case .success(let report) = load.run() else {
            Issue.record("not loaded")
            return
        }
        #expect(report.call == .kexecLoad)
    }

    @Test(arguments: [
        (ENODATA, "unsigned"), (126, "keyUnknown"), (129, "keyRejected"), (127, "keyRejected"),
        (65, "signatureUnsupported"), (74, "signatureMalformed"), (80, "signatureMalformed"),
        (EACCES, "appraised(secureBoot: false)"), (EPERM, "policy"),
    ])
    func neverGoesAroundAFailedVerification(errno: Int32, cause: String) {
        var load = Load()
        load.plan.systemCall = .kexecFileLoad
        load.plan.alternatives = [.kexecLoad]
        load.kernel.refusals = [.init(line: "kexec_file_load", errno: errno)]
        #expect(load.causes() == ["kexecFileLoad: \(cause)"])
    }

    @Test func neverGoesAroundAnAdministratorsOptOut() {
        var load = Load()
        load.plan.alternatives = [.kexecFileLoad]
        load.kernel.refusals = [.init(line: "kexec_", errno: EPERM)]
        load.machine.kexec.loadDisabled = true
        #expect(load.causes() == ["kexecLoad: loadDisabled"])
        load.machine.kexec.loadDisabled = false
        load.machine.kexec.loadLimitReboot = 0
        load.machine.kexec.loadLimitPanic = 7
        #expect(load.causes() == ["kexecLoad: loadLimitUsedUp(Kexec.LoadTarget.reboot, byUs: false)"])
        load.kernel.privileged = false
        #expect(load.causes() == ["kexecLoad: notPrivileged"])
    }

    @Test func seesThatItsOwnAttemptsUsedUpTheLimit() {
        var load = Load()
        load.plan.alternatives = [.kexecFileLoad]
        load.machine.kexec.loadLimitReboot = 1
        load.kernel.refusals = [
            .init(line: "kexec_load", errno: EINVAL), .init(line: "kexec_file_load", errno: EPERM),
        ]
        #expect(load.causes().last == "kexecFileLoad: loadLimitUsedUp(Kexec.LoadTarget.reboot, byUs: true)")
        load.kernel.refusals[0].errno = ENOSYS
        #expect(load.causes().last == "kexecFileLoad: policy", "a call that is not there is not counted")
    }

    @Test func keepsEveryAttempt() {
        var load = Load()
        load.plan.alternatives = [.kexecFileLoad, .module]
        load.kernel.refusals = [
            .init(line: "kexec_load", errno: ENOMEM), .init(line: "kexec_file_load", errno: ENOEXEC),
            .init(line: "module", errno: ENOENT),
        ]
        #expect(
            load.causes() == [
                "kexecLoad: memoryShort(needed: 36864, available: 1073741824)", "kexecFileLoad: unknownFormat",
                "module: notInKernel",
            ])
    }

    // MARK: causes

    @Test func readsEPERMInTheOrderOfTheKernelsChecks() {
        var machine = MachineDescription()
        func cause(_ privileged: Bool = true, _ call: StaticCallName = .kexecLoad) -> RefusalCause {
            RefusalFacts(machine, hasSysBoot: privileged).cause(of: call, .crash, errno: EPERM, flags: 0, segments: 0)
        }
        #expect(cause() == .policy)
        machine.kexec.lockdown = .confidentiality
        #expect(cause() == .lockdown(.confidentiality))
        machine.kexec.loadLimitPanic = 0
        #expect(cause() == .loadLimitUsedUp(.crash, byUs: false))
        machine.kexec.loadDisabled = true
        #expect(cause() == .loadDisabled)
        #expect(cause(false, .kexecFileLoad) == .notPrivileged)
    }

    @Test func readsEINVALByArchitecture() {
        var machine = MachineDescription()
        func cause(_ call: StaticCallName) -> RefusalCause {
            RefusalFacts(machine, hasSysBoot: true).cause(of: call, .reboot, errno: EINVAL, flags: 9, segments: 3)
        }
        #expect(cause(.kexecFileLoad) == .argumentsRefused(flags: 9, segments: 3))
        machine.architecture = "aarch64"
        #expect(cause(.kexecFileLoad) == .unknownFormat)
        #expect(cause(.kexecLoad) == .argumentsRefused(flags: 9, segments: 3))
    }

    @Test func countsThePagesOfAPlanBehindENOMEM() {
        var machine = MachineDescription.pc()
        machine.memoryAvailable = 7
        func cause(_ plan: BootPlan?) -> RefusalCause {
            RefusalFacts(machine, plan: plan, hasSysBoot: true)
                .cause(of: .kexecLoad, .reboot, errno: ENOMEM, flags: 0, segments: 0)
        }
        let plan = PlanImage.bzImage().plan(on: machine, initrdSize: 5000)
        let pages = plan.segments.reduce(0) { $0 + $1.place.size }
        #expect(pages > 0x2000 && cause(plan) == .memoryShort(needed: pages, available: 7))
        #expect(cause(nil) == .memoryShort(needed: 0, available: 7))
    }

    @Test func knowsSecureBootBehindEACCES() {
        var machine = MachineDescription()
        machine.efi = EFIFacts()
        machine.efi?.secureBoot = true
        let cause = RefusalFacts(machine, hasSysBoot: true)
            .cause(of: .kexecLoad, .reboot, errno: EACCES, flags: 0, segments: 0)
        #expect(cause == .appraised(secureBoot: true))
    }
}

@Suite struct UnloadTests {
    private func unload(
        _ target: LoadTarget, _ choice: SystemCallChoice = .automatic, _ kexec: KexecState = KexecState(),
        refusing refusals: [RecordingKernel.Refusal] = []
    ) -> (Result<[SystemCall], LoadFailure>, [String]) {
        var machine = MachineDescription()
        (machine.architecture, machine.kexec) = ("x86_64", kexec)
        var kernel = RecordingKernel()
        kernel.refusals = refusals
        var loader = ImageLoader(kernel, machine: machine, request: KexecRequest(kernel: ""))
        do throws(LoadFailure) {
            let call = try loader.unload(target, by: choice)
            return (.success(call), loader.kernel.trace)
        } catch { return (.failure(error), loader.kernel.trace) }
    }

    @Test func loadsNoSegments() {
        #expect(unload(.reboot) == (.success([.kexecLoad]), ["kexec_load 0x0 [] flags 0x3e0000"]))
        #expect(unload(.crash) == (.success([.kexecLoad]), ["kexec_load 0x0 [] flags 0x3e0001"]))
    }

    @Test func anUnloadRemovesTheNoteOfTheLoad() throws {
        var loader = ImageLoader(
            RecordingKernel(), machine: MachineDescription(), request: KexecRequest(kernel: ""))
        _ = try loader.unload(.crash, by: .automatic)
        #expect(loader.kernel.removedNotes == 0)
        _ = try loader.unload(.reboot, by: .automatic)
        #expect(loader.kernel.removedNotes == 1)
    }

    @Test func unloadsByTheFileCall() {
        #expect(
            unload(.reboot, .kexecFileLoad) == (.success([.kexecFileLoad]), ["kexec_file_load -1 -1 '' flags 0x1"]))
        #expect(
            unload(.crash, .kexecFileLoad) == (.success([.kexecFileLoad]), ["kexec_file_load -1 -1 '' flags 0x3"]))
    }

    @Test func fallsBackBothWays() {
        let noLoad = unload(.reboot, refusing: [.init(line: "kexec_load", errno: ENOSYS)])
        #expect(noLoad.0 == .success([.kexecFileLoad]))
        var state = KexecState()
        state.lockdown = .integrity
        let noFile = unload(.crash, .automatic, state, refusing: [.init(line: "kexec_file_load", errno: ENOSYS)])
        #expect(noFile.0 == .success([.kexecLoad]))
        #expect(noFile.1 == ["kexec_file_load -1 -1 '' flags 0x3", "kexec_load 0x0 [] flags 0x3e0001"])
    }

    @Test func makesOnlyTheCallThatWasNamed() {
        let (result, trace) = unload(.reboot, .kexecLoad, refusing: [.init(line: "kexec_load", errno: ENOSYS)])
        let error = SystemCallError(call: .kexecLoad, purpose: .unload(.reboot), errno: ENOSYS, cause: .notInKernel)
        #expect(result == .failure(.refused([LoadAttempt(call: .kexecLoad, problem: .refused(error))])))
        #expect(trace.count == 1)
        #expect(unload(.reboot, .module) == (.success([.module]), ["module unload"]))
    }

    private func moduleState(loaded: Bool?, alone: Bool = true) -> KexecState {
        var state = KexecState()
        (state.hasKexecLoad, state.hasKexecFileLoad, state.hasModule) = (!alone, !alone, true)
        guard let loaded else { return state }
        state.module = ModuleState(interface: ModuleInterface.version)
        state.module?.isLoaded = loaded
        state.module?.isBesideNative = !alone
        return state
    }

    @Test func takesTheImageOutOfTheModuleAlone() {
        #expect(
            unload(.reboot, .automatic, moduleState(loaded: true)) == (.success([.module]), ["module unload"]))
        #expect(
            unload(.reboot, .automatic, moduleState(loaded: nil)) == (.success([.module]), ["module unload"]))
    }

    /// Each is counted against the module's limit.
    @Test func makesNoUnloadForNothing() {
        for choice in [SystemCallChoice.automatic, .module] {
            #expect(unload(.reboot, choice, moduleState(loaded: false)) == (.success([]), []))
            #expect(unload(.crash, choice, moduleState(loaded: true)) == (.success([]), []), "it takes none")
        }
    }

    @Test func takesTheImagesOutOfKernelAndModule() {
        let state = moduleState(loaded: true, alone: false)
        let (result, trace) = unload(.reboot, .automatic, state)
        #expect(result == .success([.kexecLoad, .module]))
        #expect(trace == ["kexec_load 0x0 [] flags 0x3e0000", "module unload"])
        #expect(unload(.reboot, .kexecLoad, state).1 == ["kexec_load 0x0 [] flags 0x3e0000"])
        #expect(unload(.reboot, .module, state).1 == ["module unload"])
        #expect(unload(.crash, .automatic, state).1 == ["kexec_load 0x0 [] flags 0x3e0001"])
        #expect(unload(.reboot, .automatic, moduleState(loaded: false, alone: false)).1.count == 1)
    }

    @Test func saysWhatCouldNotBeTakenOutAndTakesOutTheRest() {
        let state = moduleState(loaded: true, alone: false)
        let (result, trace) = unload(
            .reboot, .automatic, state, refusing: [.init(line: "kexec", errno: EPERM)])
        guard case .failure(.refused(let attempts)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(attempts.map(\.call) == [.kexecLoad, .kexecFileLoad])
        #expect(trace.last == "module unload")
    }

    @Test func explainsWhatTheModuleRefuses() {
        let (result, _) = unload(
            .reboot, .module, moduleState(loaded: true), refusing: [.init(line: "module", errno: EBUSY)])
        let error = SystemCallError(call: .module, purpose: .unload(.reboot), errno: EBUSY, cause: .busy(seconds: 10))
        #expect(result == .failure(.refused([LoadAttempt(call: .module, problem: .refused(error))])))
    }

    @Test func stopsAtAnOptOut() {
        var state = KexecState()
        state.loadDisabled = true
        #expect(unload(.reboot, .automatic, state, refusing: [.init(line: "kexec", errno: EPERM)]).1.count == 1)
    }
}
