// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

@testable import BootFormats
@testable import Kexec

/// Numbers that Linux, file formats or callers of the library know.
@Suite struct KnownNumberTests {
    /// <linux/kexec.h>
    @Test func flagsOfTheSystemCallsAreLinuxs() {
        let load: [KexecLoadFlags] = [.onCrash, .preserveContext, .updateCoreHeader, .crashHotplug]
        #expect(load.map(\.rawValue) == [1, 2, 4, 8])
        let file: [KexecFileLoadFlags] = [.unload, .onCrash, .noInitramfs, .debug, .noCMA, .forceDeviceTree]
        #expect(file.map(\.rawValue) == [1, 2, 4, 8, 16, 32])
    }

    /// ELF's machine numbers, in the upper half.
    @Test(
        arguments: [
            ("x86_64", 62), ("i386", 3), ("i486", 3), ("i586", 3), ("i686", 3), ("aarch64", 183), ("riscv64", 243),
            ("loongarch64", 258),
        ] as [(String, UInt)])
    func architecturesAreELFs(name: String, machine: UInt) {
        #expect(KexecLoadFlags.architecture(name).rawValue == machine << 16)
    }

    @Test func anUnknownArchitectureIsThatOfThisProgram() {
        #if arch(x86_64)
            #expect(KexecLoadFlags.architecture(nil).rawValue == 62 << 16)
            #expect(KexecLoadFlags.architecture("vax").rawValue == 62 << 16)
        #endif
    }

    @Test func typesOfMemoryAreThoseOfFirmwareAndLinux() {
        let types: [E820Type] = [
            .ram, .reserved, .acpiTables, .acpiNonVolatile, .unusable, .persistent, .legacyPersistent, .softReserved,
        ]
        #expect(types.map(\.rawValue) == [1, 2, 3, 4, 5, 7, 12, 0xefff_ffff])
    }

    @Test func machinesOfExecutablesAreELFs() {
        #expect([ELFMachine.i386, .i486, .x86_64].map(\.rawValue) == [3, 6, 62])
    }

    /// Each is a bit of its own, and stays what it is for those who keep the number.
    @Test func setsHaveTheirBits() {
        let options: [KernelOptions] = [
            .kexec, .kexecFile, .kexecSignature, .kexecSignatureForced, .kexecHandover, .kexecHandoverByDefault,
            .liveUpdate, .crashDump, .fiveLevelPaging, .imaAppraise, .imaArchitecturePolicy, .imaKexec,
        ]
        #expect(options.map(\.rawValue) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096])
        let guarantees: [LoadGuarantees] = [
            .signatureCheck, .measurement, .measurementList, .handover, .namedDigest, .unpacking, .wholeMemoryMap,
            .startByShutdown,
        ]
        #expect(guarantees.map(\.rawValue) == [1, 2, 4, 8, 16, 32, 64, 128])
        let flags: [ProcessorFlags] = [
            .la57, .hypervisor, .tdxGuest, .sev, .monitor, .fpu, .x2apic, .architectureCapabilities,
        ]
        #expect(flags.map { UInt64($0.rawValue) } == [1, 2, 4, 8, 16, 32, 64, 128])
    }

    /// Nothing is asked for that nobody asked for.
    @Test func aRequestBeginsWithItsKernelAlone() {
        let request = KexecRequest(kernel: "k")
        let switches = [
            request.reusesCommandLine, request.startsFast, request.hidesEFI, request.passesMemoryMapInCommandLine,
            request.reusesVideoType, request.isForBIOS, request.entry32Bit, request.realMode, request.preservesContext,
            request.jumpsBack, request.keepsGuests, request.updatesCoreHeader, request.avoidsCMA,
            request.forcesDeviceTree, request.debug, request.console.serial, request.console.vga,
            request.console.resetVGA,
        ]
        #expect(switches == [Bool](repeating: false, count: 18))
        #expect(request.console.serialPort == 0x3f8 && request.console.serialBaud == 0)
        #expect(request.target == .reboot && request.systemCall == .automatic && request.decompression == .automatic)
        let state = KexecState()
        #expect(!state.loadDisabled && !state.isFiltered && !state.hasModule && !state.forcesReboot)
        let machine = MachineDescription()
        #expect(
            !machine.isRunning && machine.showsResources && machine.showsCommandLine && !machine.uses5LevelPaging
                && !machine.isConfidentialGuest && !machine.isInFIPSMode && !machine.timerIsProved && !machine.isXen)
        #expect(machine.memoryTotal == 0 && machine.memoryAvailable == 0 && machine.swapFree == 0)
        let module = ModuleState(interface: 1)
        #expect(!module.isLoaded && !module.isDisabled && !module.isBesideNative && module.loadsLeft == nil)
        #expect(!CrashFacts().isKeptUpToDate && !JumpOptions().skipsSync && !JumpOptions().skipsLinks)
        #expect(NetlinkReply().result == 0 && NetlinkReply().messages.isEmpty)
        let facts = RefusalFacts(state, hasSysBoot: true)
        #expect(!facts.secureBoot && facts.memoryNeeded == 0 && facts.memoryAvailable == 0 && facts.architecture == nil)
        #expect(facts.earlierLoads == 0 && facts.waitedSeconds == 0)
        let purgatory = PurgatoryPlan(mode: .longMode, entry: .zero, console: PurgatoryConsole())
        #expect(!purgatory.turnsOff5LevelPaging && !purgatory.leavesX2APIC && !purgatory.avoidsSHAExtensions)
        #expect([purgatory.rax, purgatory.rbx, purgatory.rsi, purgatory.rdi, purgatory.rsp] == [0, 0, 0, 0, 0])
        #expect(purgatory.constantSize == 0 && purgatory.timeStampFrequency == 0)
        let outcome = NetworkOutcome()
        #expect(
            [outcome.addressesLost, outcome.routesLost, outcome.neighboursLost, outcome.routesAwaited] == [0, 0, 0, 0])
    }

    /// xxHash's reference, at lengths on both sides of its blocks.
    @Test(
        arguments: [(15, 0x57c0_1ece), (16, 0xb728_37f4), (64, 0x3112_0435), (101, 0x1a20_e95b)]
            as [(UInt8, UInt32)])
    func checksumsOfBlocksAreXXHashs(count: UInt8, expected: UInt32) {
        #expect(Array(0..<count).withUnsafeBytes { xxHash32($0) } == expected)
    }
}
