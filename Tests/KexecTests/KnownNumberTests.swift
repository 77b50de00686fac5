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

    /// xxHash's reference, at lengths on both sides of its blocks.
    @Test(
        arguments: [(15, 0x57c0_1ece), (16, 0xb728_37f4), (64, 0x3112_0435), (101, 0x1a20_e95b)]
            as [(UInt8, UInt32)])
    func checksumsOfBlocksAreXXHashs(count: UInt8, expected: UInt32) {
        #expect(Array(0..<count).withUnsafeBytes { xxHash32($0) } == expected)
    }
}
