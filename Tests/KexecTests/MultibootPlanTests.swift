// SPDX-License-Identifier: MIT
@testable import BootFormats
import Foundation
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct MultibootPlanTests {
    private let bytes = (0..<0x4000).map { UInt8(truncatingIfNeeded: $0 >> 4) }
    private let segments = [
        ELFLoadSegment(
            file: 0x1000..<0x3000, physicalAddress: PhysicalAddress(0x10_0000), memorySize: 0x5000,
            virtualAddress: 0x10_0000)
    ]

    private func image(
        _ version: MultibootImage.Version, _ relocation: MultibootImage.Relocation? = nil
    ) -> PlanImage { .multiboot(version, segments, bytes: bytes, relocation: relocation) }

    @Test(arguments: [(MultibootImage.Version.one, 0x2bad_b002 as UInt64), (.two, 0x36d7_6289)])
    func entersInProtectedModeWithTheInformation(version: MultibootImage.Version, magic: UInt64) throws {
        let plan = image(version).plan(on: .pc(8 << 30))
        #expect(plan.refusals == [])
        #expect(plan["kernel"]?.place == range(0x10_0000, 0x10_5000))
        #expect(plan["kernel"]?.contents == .kernel(0x1000..<0x3000))
        let purgatory = try #require(plan.purgatory)
        let information = try #require(plan["multiboot_info"])
        #expect(purgatory.mode == .protectedMode && plan.entry.rawValue == 0x10_0010)
        #expect(purgatory.rax == magic && purgatory.rbx == information.place.start.rawValue)
        #expect(plan.commandLine == "/boot/xen console=ttyS0")
    }

    private func parameters(of plan: BootPlan) throws -> RealModeParameters {
        let bytes = plan.bytes("firmware")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        return bytes[offset...].withUnsafeBytes { $0.loadUnaligned(as: RealModeParameters.self) }
    }

    /// It may go back to real mode, whatever kind of file it is.
    @Test(arguments: [MultibootImage.Version.one, .two])
    func findsTheMachineAsTheBIOSLeftIt(version: MultibootImage.Version) throws {
        let plan = image(version).plan(on: .pc(8 << 30))
        let payload = try #require(plan["firmware"])
        #expect(plan.purgatory?.preparation == payload.place.start && payload.place.end <= .fourGiB)
        #expect(try parameters(of: plan).returns && parameters(of: plan).firmwareState == 0)
        #expect(plan.warnings == [])
    }

    @Test func isGivenWhatFirmwareLeftInTheControllers() throws {
        var machine = MachineDescription.pc()
        machine.firmwareState = FirmwareStateRecord().encoded
        let plan = image(.one).plan(on: machine) { $0.givenOptions.insert(.firmwareState) }
        #expect(plan.refusals == [] && plan.warnings == [])
        let state = try #require(plan["firmware_state"])
        #expect(try parameters(of: plan).firmwareState == state.place.start.rawValue)
    }

    @Test func isNotPreparedWhereThereIsNoBIOSNorAfterAPanic() {
        var machine = MachineDescription.pc()
        machine.efi = EFIFacts()
        #expect(image(.two).plan(on: machine).purgatory?.preparation == nil)
        machine.efi = nil
        machine.crashKernel = [range(0x10_0000, 0x3000_0000)]
        let crash = image(.two).plan(on: machine) { $0.target = .crash }
        #expect(crash.refusals == [] && crash.purgatory?.preparation == nil && crash["firmware"] == nil)
        #expect(crash["elfcorehdr"] == nil, "only a Linux makes a dump of it")
        let program = PlanImage.elf(segments, bytes: bytes, elfClass: .elf32).plan()
        #expect(program.purgatory?.mode == .protectedMode && program.purgatory?.preparation == nil)
    }

    @Test func handsNamesAndArgumentsOnByteForByte() {
        let line = ByteString([0xe9, 0x3d, 0xff]), module = ByteString([0x2f, 0xe9, 0x20, 0xff])
        for version in [MultibootImage.Version.one, .two] {
            let plan = image(version).plan(modules: [0..<5]) { request in
                request.kernel = ByteString([0x2f, 0xe8])
                request.commandLine = line
                request.modules = [module]
            }
            #expect(plan.commandLine.bytes == [0x2f, 0xe8, 0x20] + line.bytes)
            let information = plan.bytes("multiboot_info")
            #expect(information.firstRange(of: plan.commandLine.terminated) != nil)
            #expect(information.firstRange(of: module.terminated) != nil)
        }
    }

    @Test func putsNothingIntoTheFirstMebibyteNorAbove4GiB() {
        for version in [MultibootImage.Version.one, .two] {
            let plan = image(version).plan(on: .pc(8 << 30), modules: [0..<5]) { $0.modules = ["m"] }
            #expect(plan.refusals == [])
            #expect(plan.segments.allSatisfy { $0.place.start.rawValue >= 0x10_0000 && $0.place.end <= .fourGiB })
        }
    }

    @Test func putsModulesOnPagesInOneSegment() throws {
        let parts = (0..<40).map { 0x1000 * $0..<0x1000 * $0 + 5 }
        let plan = image(.one).plan(modules: parts) { $0.modules = (0..<40).map { ByteString("/m\($0) x") } }
        #expect(plan.refusals == [])
        let modules = try #require(plan["modules"])
        #expect(modules.contents == .initrd(0..<0x2_7005))
        let information = plan.bytes("multiboot_info")
        let base = try #require(plan["multiboot_info"]).place.start.rawValue
        #expect(information.loadLittle(UInt32.self, at: 20) == 40)
        let list = Int(UInt64(try #require(information.loadLittle(UInt32.self, at: 24))) - base)
        let last = modules.place.start.rawValue + 39 * 0x1000
        #expect(information.loadLittle(UInt32.self, at: list + 39 * 16).map(UInt64.init) == last)
        #expect(information.loadLittle(UInt32.self, at: list + 39 * 16 + 4).map(UInt64.init) == last + 5)
    }

    @Test(arguments: [
        (MultibootImage.Relocation.Preference.highest, 0x7fff_b000 as UInt64), (.lowest, 0x20_0000), (.none, 0x20_0000),
    ]) func movesWhatCanBeMoved(preference: MultibootImage.Relocation.Preference, start: UInt64) throws {
        let relocation = MultibootImage.Relocation(
            bounds: range(0x20_0000, 0x8000_0000), alignment: 8, preference: preference)
        let plan = image(.two, relocation).plan(on: .pc(3 << 30))
        #expect(plan.refusals == [])
        #expect(plan["kernel"]?.place == range(start, start + 0x5000))
        #expect(plan.entry.rawValue == start + 0x10)
        let information = plan.bytes("multiboot_info")
        // The tag with the load base comes before the last one.
        #expect(information.loadLittle(UInt32.self, at: information.count - 24) == 21)
        #expect(information.loadLittle(UInt32.self, at: information.count - 16).map(UInt64.init) == start)
    }

    @Test func refusesMoreSegmentsThanTheKernelTakes() {
        let many = (0..<40).map {
            ELFLoadSegment(
                file: 0..<16, physicalAddress: PhysicalAddress(0x100_0000 + UInt64($0) * 0x10_0000), memorySize: 0x1000,
                virtualAddress: 0)
        }
        let plan = PlanImage.multiboot(.one, many, bytes: bytes).plan()
        #expect(
            plan.refusals.contains {
                if case .segmentRule(.tooManySegments(_, 16), _, _) = $0 { true } else { false }
            })
    }

    @Test func refusesInitrdsAndModulesWhereTheyGoNowhere() {
        #expect(image(.one).plan(initrdSize: 5) { $0.initrds = ["i"] }.refusals.contains(.initrdWithMultiboot))
        #expect(
            PlanImage.bzImage().plan(modules: [0..<5]) { $0.modules = ["m"] }.refusals
                == [.modulesWithoutMultiboot(kind: "bzImage64")])
    }

    @Test func tellsEFIToTheSecondVersionOnly() throws {
        var machine = MachineDescription.pc()
        machine.bootParameters?.store(Array("EL64".utf8), at: 0x1c0)
        machine.bootParameters?.store(UInt32(0x3f00_0018), at: 0x1c4)
        machine.bootParameters?.store(UInt32(48), at: 0x1c8)
        machine.bootParameters?.store(UInt32(1), at: 0x1cc)
        var efi = EFIFacts()
        efi.configurationTable = 0x3f00_0000
        efi.platformSize = 64
        efi.runtimeMap = [
            EFIRuntimeRange(
                type: 5, physicalAddress: 0x20_0000, virtualAddress: 0xffff_0000_0020_0000, pageCount: 16, attribute: 1)
        ]
        machine.efi = efi
        func tags(_ plan: BootPlan) -> [UInt32] {
            let bytes = plan.bytes("multiboot_info")
            var found: [UInt32] = []
            var offset = 8
            while let type = bytes.loadLittle(UInt32.self, at: offset),
                let size = bytes.loadLittle(UInt32.self, at: offset + 4), size > 0
            {
                found.append(type)
                offset += (Int(size) + 7) & ~7
            }
            return found
        }
        #expect(tags(image(.two).plan(on: machine)) == [1, 2, 4, 6, 12, 17, 0])
        #expect(tags(image(.two).plan(on: machine) { $0.hidesEFI = true }) == [1, 2, 4, 6, 0])
        // Runtime code, RAM below it and above it, low RAM, and the EBDA, which has no whole page.
        let map = MultibootEFI.facts(of: machine, map: machine.memoryMap, request: KexecRequest(kernel: ""))?.memoryMap
        #expect(map?.count == 4 * 48)
    }

    private func image(
        _ version: MultibootImage.Version = .one, change: (inout MultibootImage) -> Void
    ) -> PlanImage {
        var image = image(version)
        if case .multiboot(var multiboot) = image.image {
            change(&multiboot)
            image.image = .multiboot(multiboot)
        }
        return image
    }

    @Test func warnsOfAScreenThatIsNotWhatTheHeaderNeeds() {
        var text = MachineDescription.pc()
        text.bootParameters?.store([80] as [UInt8], at: 0x07)
        text.bootParameters?.store([25, 1] as [UInt8], at: 0x0e)
        func warnings(
            on machine: MachineDescription, isNeeded: Bool, text: Bool, pixels: Bool
        ) -> [PlanWarning] {
            image {
                ($0.needsFramebuffer, $0.takesText, $0.takesPixels) = (isNeeded, text, pixels)
            }.plan(on: machine).warnings
        }
        #expect(warnings(on: .pc(), isNeeded: true, text: true, pixels: true) == [.noFramebuffer(isText: nil)])
        #expect(warnings(on: .pc(), isNeeded: false, text: true, pixels: true) == [])
        #expect(warnings(on: text, isNeeded: true, text: true, pixels: false) == [])
        #expect(warnings(on: text, isNeeded: true, text: false, pixels: true) == [.noFramebuffer(isText: true)])
        #expect(warnings(on: text, isNeeded: false, text: false, pixels: true) == [])
    }

    /// What is loaded by the first version's header in `bytes`.
    private static func image(_ bytes: [UInt8]) throws -> PlanImage {
        let found = try MultibootImage(.one, in: bytes.span.bytes)
        return PlanImage(
            image: .multiboot(try #require(found)), facts: ImageFacts(path: "k", kind: "multiboot-x86"), bytes: bytes)
    }

    @Test func saysWhyTheFirstVersionIsTaken() throws {
        var bytes = Self.wideELF
        // Length 40: a tag with one request, and the last one.
        let words: [UInt32] = [0xe852_50d6, 0, 40, 0 &- 0xe852_50d6 &- 40, 1, 12, 18, 0, 0, 8]
        for (index, word) in words.enumerated() { bytes.store(word, at: 0x90 + 4 * index) }
        let image = try Self.image(bytes)
        #expect(
            image.plan().warnings == [.firstMultiboot(because: .unmetDemand(.information(18), at: 0xa8))])
        #expect(image.plan { $0.forcedType = .multibootX86 }.warnings == [])
    }

    /// Xen's header has the tag; on a machine with EFI it dies after the jump, in whatever way it is loaded.
    @Test func anImageForEFIsBootServicesIsRefusedOnAMachineWithEFI() throws {
        var machine = MachineDescription.pc()
        for version in [MultibootImage.Version.one, .two] {
            let image = image(version) { $0.wantsBootServices = true }
            machine.efi = nil
            #expect(image.plan(on: machine).refusals == [] && image.plan(on: machine).warnings == [])
            machine.efi = EFIFacts()
            #expect(image.plan(on: machine).refusals == [.needsBootServices])
            #expect(image.plan(on: machine) { $0.hidesEFI = true }.refusals == [.needsBootServices])
            let forced = image.plan(on: machine) { $0.forcedType = version == .one ? .multibootX86 : .multiboot2X86 }
            #expect(forced.refusals == [] && forced.warnings == [.needsBootServices])
            #expect(self.image(version).plan(on: machine).refusals == [])
        }
        // The first version's header does not say so, but the other one in the file does.
        var bytes = Self.wideELF
        let words: [UInt32] = [0xe852_50d6, 0, 32, 0 &- 0xe852_50d6 &- 32, 0x1_0007, 8, 0, 8]
        for (index, word) in words.enumerated() { bytes.store(word, at: 0x90 + 4 * index) }
        let one = try Self.image(bytes)
        #expect(one.plan(on: machine) { $0.forcedType = .multibootX86 }.warnings == [.needsBootServices])
        #expect(one.plan().warnings == [])
    }

    /// The bytes of a file whose table of two sections has names in its last page.
    private static let withSections: [UInt8] = {
        var bytes = wideELF + [UInt8](repeating: 0, count: 0x2f80)
        bytes += Array("names\0\0\0".utf8) + [UInt8](repeating: 0, count: 128)
        bytes.store(UInt64(0x3108), at: 0x28)
        for (offset, value) in [(0x3a, 64), (0x3c, 2), (0x3e, 1)] { bytes.store(UInt16(value), at: offset) }
        bytes.store(UInt32(3), at: 0x314c)
        bytes.store(UInt64(0x3100), at: 0x3160)
        bytes.store(UInt64(6), at: 0x3168)
        return bytes
    }()

    @Test func loadsTheSectionsThatAreNoPartOfTheProgram() throws {
        let image = try Self.image(Self.withSections)
        let plan = image.plan()
        #expect(plan.refusals == [])
        let sections = try #require(plan["sections"])
        #expect(sections.contents == .kernel(0x3000..<0x3106))
        let information = plan.bytes("multiboot_info")
        let base = try #require(plan["multiboot_info"]).place.start.rawValue
        #expect(information.loadLittle(UInt32.self, at: 28) == 2 && information.loadLittle(UInt32.self, at: 40) == 1)
        let headers = Int(UInt64(try #require(information.loadLittle(UInt32.self, at: 36))) - base)
        #expect(
            information.loadLittle(UInt64.self, at: headers + 64 + 16) == sections.place.start.rawValue + 0x100)
        // Where they have no room the kernel is loaded without.
        let bounds = image.plan { $0.memoryMaximum = PhysicalAddress(0x10_0fff) }
        let failed = bounds.refusals.map { if case .noRoom(let segment, _) = $0 { segment } else { "" } }
        #expect(bounds["sections"] == nil && failed == ["multiboot_info"])
    }

    @Test func tellsTheRootPointerToTheSecondVersion() {
        var bytes = Array("RSD PTR ".utf8) + [UInt8](repeating: 0, count: 28)
        bytes[16] = 1
        bytes[8] = 0 &- bytes[..<20].reduce(0, &+)
        func size(_ version: MultibootImage.Version, _ pointer: ACPIRootPointer?) -> Int {
            let image = image(version)
            var request = KexecRequest(kernel: "k")
            request.commandLine = ""
            var planner = BootPlanner(request: request, machine: .pc(), seed: nil)
            planner.rootPointer = pointer
            return planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: 0)
                .bytes("multiboot_info").count
        }
        let pointer = ACPIRootPointer(bytes)
        #expect(pointer != nil && size(.two, pointer) == size(.two, nil) + 32 && size(.one, pointer) == size(.one, nil))
    }

    /// An ELF file of 64 bits whose one segment begins with a header of the first version.
    private static let wideELF: [UInt8] = {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 0x79)
        for (offset, value) in [(0x10, 2), (0x12, 62), (0x36, 56), (0x38, 1)] { bytes.store(UInt16(value), at: offset) }
        for (offset, value) in [(0x18, 0x10_0010), (0x20, 0x40), (0x48, 0x80), (0x50, 0x10_0000), (0x58, 0x10_0000)] {
            bytes.store(UInt64(value), at: offset)
        }
        bytes.store(UInt32(1), at: 0x40)
        for offset in [0x60, 0x68] { bytes.store(UInt64(0x100), at: offset) }
        for word in [0x1bad_b002, 3, 0xe452_4ffb] as [UInt32] { bytes.appendLittle(word) }
        return bytes + [UInt8](repeating: 0xf4, count: 0x100 - 12)
    }()

    private func kind(change: (inout KexecRequest) -> Void) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(Self.wideELF).write(to: file)
        var request = KexecRequest(kernel: ByteString(file.path))
        change(&request)
        return try PreparedLoad(request, on: .pc()).plan.image.kind
    }

    @Test func argumentsForELFTakeTheFileForELF() throws {
        #expect(try kind { _ in } == "multiboot-x86")
        #expect(try kind { $0.elfArguments = .linux } == "elf-x86_64")
        #expect(try kind { $0.elfArguments = .nothing } == "elf-x86_64")
        #expect(try kind { $0.elfArguments = .elf } == "elf-x86_64")
        #expect(try kind { $0.forcedType = .elfX86_64 } == "elf-x86_64")
        let both = try kind {
            $0.forcedType = .multibootX86
            $0.elfArguments = .linux
        }
        #expect(both == "multiboot-x86")
    }
}
