// SPDX-License-Identifier: MIT
@testable import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// Every option is given at once: what of it has no effect for an image, a call and a target, and nothing else.
@Suite struct IgnoredOptionTests {
    private static func load(_ address: UInt64) -> ELFLoadSegment {
        ELFLoadSegment(
            file: 0..<0x1000, physicalAddress: PhysicalAddress(address), memorySize: 0x1000, virtualAddress: address)
    }

    private static let bytes = [UInt8](repeating: 0x90, count: 0x1000)
    private static let machine = MachineDescription.pc(8 << 30)

    /// What was given without effect, by what ignores it.
    private func ignored(
        _ image: PlanImage, _ change: (inout KexecRequest) -> Void = { _ in }
    ) -> [IgnoringParty: Set<KexecOption>] {
        var machine = Self.machine
        machine.crashKernel = [range(0x3000_0000, 0x4000_0000)]
        let plan = image.plan(on: machine) { request in
            for option in KexecOption.allCases { request.givenOptions.insert(option) }
            change(&request)
        }
        #expect(plan.refusals == [])
        var found: [IgnoringParty: Set<KexecOption>] = [:]
        for case .optionIgnored(let option, let party) in plan.warnings { found[party, default: []].insert(option) }
        return found
    }

    private static let always: [IgnoringParty: Set<KexecOption>] = [
        .kexecLoad: [.forceDeviceTree],
        .noCrashKernel: [.hotplug, .coreHeaders32, .coreHeaders64, .memoryMapInCommandLine],
        .notLinux: [.fast],
    ]

    private func always(and more: [IgnoringParty: Set<KexecOption>]) -> [IgnoringParty: Set<KexecOption>] {
        Self.always.merging(more) { _, other in other }
    }

    @Test func ofLinux() {
        let arguments: Set<KexecOption> = [.argumentsELF, .argumentsLinux, .argumentsNone]
        #expect(
            ignored(.bzImage()) == always(and: [.bzImage: arguments, .noBIOSCalls: [.firmwareState]]))
        let byFile = ignored(.bzImage()) { $0.systemCall = .kexecFileLoad }
        #expect(byFile[.bzImage] == arguments && byFile[.noBIOSCalls] == [.firmwareState] && byFile[.kexecLoad] == nil)
        #expect(
            byFile[.kexecFileLoad] == [
                .noChecks, .digest, .serial, .serialBaud, .consoleSerial, .consoleVGA, .resetVGA, .noEFI,
            ])
    }

    @Test func ofACrashKernel() {
        let found = ignored(.bzImage()) { $0.target = .crash }
        #expect(found[.noCrashKernel] == nil && found[.crashKernel] == [.fast] && found[.notLinux] == nil)
        let byFile = ignored(.bzImage()) { ($0.target, $0.systemCall) = (.crash, .kexecFileLoad) }
        #expect(byFile[.kexecFileLoad]?.isSuperset(of: [.coreHeaders32, .memoryMapInCommandLine]) == true)
        #expect(byFile[.kexecFileLoad]?.contains(.coreHeaders64) == false)
    }

    @Test func ofAnELFFile() {
        let image = PlanImage.elf([Self.load(0x100_0000)], bytes: Self.bytes)
        let way: Set<KexecOption> = [.entry32Bit, .realMode]
        #expect(
            ignored(image) { $0.elfArguments = .elf }
                == always(and: [.elf: way, .elfProgram: [.noEFI], .noBIOSCalls: [.firmwareState]]))
        #expect(
            ignored(image) { $0.elfArguments = .linux } == always(and: [.elf: way, .noBIOSCalls: [.firmwareState]]))
        #expect(
            ignored(image) { $0.elfArguments = .nothing }
                == always(
                    and: [
                        .elf: way, .noBIOSCalls: [.firmwareState],
                        .argsNone: [
                            .commandLine, .reuseCommandLine, .consoleSerial, .consoleVGA, .resetVGA, .serial,
                            .serialBaud, .digest, .noEFI,
                        ],
                    ]))
    }

    @Test func ofMultiboot() {
        let arguments: Set<KexecOption> = [.entry32Bit, .realMode, .argumentsELF, .argumentsLinux, .argumentsNone]
        for version in [MultibootImage.Version.one, .two] {
            let found = ignored(.multiboot(version, [Self.load(0x10_0000)], bytes: Self.bytes))
            #expect(found[.multiboot] == (version == .one ? arguments.union([.noEFI]) : arguments))
            #expect(found[.noBIOSCalls] == [.firmwareState] && found[.notLinux] == [.fast])
        }
    }
}
