// SPDX-License-Identifier: MIT
@testable import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

private func load(_ file: Range<Int>, at address: UInt64, memory: UInt64) -> ELFLoadSegment {
    ELFLoadSegment(
        file: file, physicalAddress: PhysicalAddress(address), memorySize: memory, virtualAddress: address)
}

@Suite struct ELFPlanTests {
    private let bytes = (0..<0x8000).map { UInt8(truncatingIfNeeded: $0 >> 4) }

    @Test func loadsAlignedSegmentsStraightFromTheFile() throws {
        let plan = PlanImage.elf([load(0x1000..<0x3000, at: 0x100_0000, memory: 0x5000)], bytes: bytes).plan()
        #expect(plan.refusals == [])
        let kernel = try #require(plan["kernel"])
        #expect(kernel.contents == .kernel(0x1000..<0x3000))
        #expect(kernel.place == range(0x100_0000, 0x100_5000))
        #expect(plan.entry.rawValue == 0x100_0000)
    }

    @Test(arguments: [UInt64(0x100_0123), 0x100_0fff, 0x100_1000, 0x100_2345])
    func putsEveryByteWhereTheFileSaysWhateverTheAlignment(second: UInt64) throws {
        let loads = [
            load(0x1000..<0x1100, at: 0x100_0000, memory: 0x110), load(0x2010..<0x5010, at: second, memory: 0x4000),
        ]
        let image = PlanImage.elf(loads, bytes: bytes)
        let plan = image.plan()
        #expect(plan.refusals == [])
        for expected in loads {
            for offset in stride(from: UInt64(0), to: expected.memorySize, by: 7) {
                let found = byte(of: plan, image, at: expected.physicalAddress.rawValue + offset)
                let index = expected.file.lowerBound + Int(offset)
                #expect(found == (index < expected.file.upperBound ? bytes[index] : 0))
            }
        }
    }

    @Test func mergesManyNeighboursIntoFewerSegments() {
        let loads = (0..<40).map {
            load(0x100 * $0..<0x100 * $0 + 0x80, at: 0x100_0000 + UInt64($0) * 0x1000, memory: 0x1000)
        }
        let image = PlanImage.elf(loads, bytes: bytes)
        let plan = image.plan()
        #expect(plan.refusals == [])
        #expect(plan.segments.count <= 16)
        #expect(byte(of: plan, image, at: 0x100_0000 + 39 * 0x1000 + 0x11) == bytes[39 * 0x100 + 0x11])
    }

    /// A thousand neighbours of 64 KiB each were copied once for each of them: 32 GB.
    @Test(.timeLimit(.minutes(1))) func mergesAThousandNeighboursAtOnce() {
        let loads = (0..<1000).map {
            load(0..<0x8000, at: 0x100_0000 + UInt64($0) * 0x1_0000, memory: 0x1_0000)
        }
        let image = PlanImage.elf(loads, bytes: bytes)
        let plan = image.plan()
        #expect(plan.refusals == [])
        #expect(byte(of: plan, image, at: 0x100_0000 + 999 * 0x1_0000 + 0x123) == bytes[0x123])
        #expect(byte(of: plan, image, at: 0x100_0000 + 998 * 0x1_0000 + 0x8123) == 0)
    }

    @Test func makesNoMoreThanALittleMemoryOfALittleFile() {
        let loads = (0..<40).map { load(0..<16, at: 0x100_0000 + UInt64($0) << 24, memory: 1 << 24) }
        let made = PlanImage.elf(loads, bytes: bytes).plan(on: .pc(2 << 30)).segments.reduce(0) {
            if case .bytes(let bytes) = $1.contents { $0 + bytes.count } else { $0 }
        }
        #expect(made <= 65 << 20)
    }

    @Test func refusesMoreSegmentsThanTheKernelTakes() {
        let loads = (0..<40).map { load(0..<16, at: 0x100_0000 + UInt64($0) * 0x10_0000, memory: 0x1000) }
        let plan = PlanImage.elf(loads, bytes: bytes).plan()
        #expect(
            plan.refusals.contains {
                if case .segmentRule(.tooManySegments(_, 16), _, _) = $0 { true } else { false }
            })
    }

    @Test func refusesTheFirstPageAndMemoryThatIsNone() {
        let low = PlanImage.elf([load(0..<16, at: 0x800, memory: 0x1000)], bytes: bytes).plan()
        #expect(
            low.refusals.contains { if case .placeTaken("kernel", _, .firstPage) = $0 { true } else { false } })
        let high = PlanImage.elf([load(0..<16, at: 1 << 40, memory: 0x1000)], bytes: bytes).plan()
        #expect(high.refusals.contains { if case .placeTaken("kernel", _, .notRAM) = $0 { true } else { false } })
    }

    @Test func takesLowMemoryWhereTheImageNamesIt() {
        let plan = PlanImage.elf([load(0..<16, at: 0x8000, memory: 0x1000)], bytes: bytes).plan()
        #expect(plan.refusals == [])
        #expect(plan["kernel"]?.place == range(0x8000, 0x9000))
    }

    @Test func passesBootNotes() throws {
        let plan = PlanImage.elf([load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes).plan()
        let notes = plan.bytes("boot_notes")
        #expect(notes.loadLittle(UInt32.self, at: 0) == 0x0e1f_b007)
        #expect(notes.loadLittle(UInt32.self, at: 4).map(Int.init) == notes.count)
        #expect(ELFBootNotes.internetChecksum(of: notes) == 0)
        #expect(plan.purgatory?.rdi == plan["boot_notes"]?.place.start.rawValue)
    }

    @Test func passesEveryByteOfTheLineInBootNotes() {
        let line = ByteString([UInt8](1...255))
        #expect(ELFBootNotes.encoded(commandLine: line).firstRange(of: line.terminated) != nil)
    }

    @Test func passesBootNotesOnTheStackOfA32BitProgram() throws {
        let plan = PlanImage.elf(
            [load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes, elfClass: .elf32
        ).plan(on: .pc(8 << 30))
        let segment = try #require(plan["boot_notes"])
        let purgatory = try #require(plan.purgatory)
        #expect(purgatory.mode == .protectedMode)
        let stack = Int(purgatory.rsp - segment.place.start.rawValue)
        #expect(plan.purgatory?.rdi == 0)
        let argument = try #require(plan.bytes("boot_notes").loadLittle(UInt32.self, at: stack + 4))
        #expect(UInt64(argument) == segment.place.start.rawValue + 4096)
        // Room for what it pushes, and nowhere to return to.
        #expect(stack == 4088 && plan.bytes("boot_notes")[..<4092].allSatisfy { $0 == 0 })
        #expect(try #require(plan["purgatory"]).place.end <= .fourGiB)
    }

    @Test func passesBootParametersWithArgsLinux() throws {
        let plan = PlanImage.elf([load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes)
            .plan(initrdSize: 100) { $0.elfArguments = .linux }
        #expect(plan.refusals == [])
        #expect(plan.purgatory?.rsi == plan["boot_params"]?.place.start.rawValue)
        #expect(Array(plan.bytes("boot_params")[0x202..<0x206]) == Array("HdrS".utf8))
    }

    /// A kernel with 64 or 32 bits that says that it is Linux.
    private func linux(_ elfClass: ELFClass = .elf64) -> PlanImage {
        var plan = PlanImage.elf(
            [load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes, elfClass: elfClass)
        if case .elf(var image) = plan.image {
            image.isLinux = true
            plan.image = .elf(image)
        }
        return plan
    }

    @Test(arguments: [ELFClass.elf64, .elf32]) func entersALinuxKernelAsOneWithoutBeingTold(_ elfClass: ELFClass) {
        let plan = linux(elfClass).plan(initrdSize: 100)
        #expect(plan.refusals == [] && plan.warnings == [])
        #expect(plan.purgatory?.rsi == plan["boot_params"]?.place.start.rawValue)
        #expect(plan["boot_notes"] == nil && plan["initrd"] != nil)
        #expect(plan.elfArguments == .linux)
        // Its command line has Linux's limit, and what only --args-linux has is not lost.
        #expect(
            linux(elfClass).plan { $0.commandLine = ByteString(String(repeating: "x", count: 2048)) }.refusals
                == [.commandLineTooLong(length: 2048, limit: 2047)])
        let fast = linux(elfClass).plan {
            $0.startsFast = true
            $0.givenOptions.insert(.fast)
            $0.givenOptions.insert(.noEFI)
        }
        #expect(fast.fast != nil && fast.warnings == [])
    }

    @Test(arguments: [ELFArguments.elf, .nothing]) func enterALinuxKernelAsToldAndSayWhatComesOfIt(_ told: ELFArguments)
    {
        let plan = linux().plan { $0.elfArguments = told }
        #expect(plan.refusals == [] && plan.elfArguments == told)
        #expect(plan["boot_params"] == nil && (plan["boot_notes"] != nil) == (told == .elf))
        #expect(plan.warnings.contains(.linuxEntered(with: told)))
        #expect(
            linux().plan(initrdSize: 1) { $0.elfArguments = told }.refusals == [.initrdWithoutLinux(arguments: told)])
    }

    @Test func saysWhereAnImageMayBeLinuxAndNoOptionTells() {
        let segment = ELFLoadSegment(
            file: 0..<16, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x1000,
            virtualAddress: 0xffff_ffff_8100_0000)
        let image = PlanImage.elf([segment], bytes: bytes)
        let plan = image.plan()
        #expect(plan.refusals == [] && plan.warnings == [.mayBeLinux] && plan.elfArguments == .elf)
        for told in [ELFArguments.elf, .linux, .nothing] {
            #expect(!image.plan { $0.elfArguments = told }.warnings.contains(.mayBeLinux))
        }
        #expect(PlanImage.elf([load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes).plan().warnings == [])
    }

    @Test func entersDirectlyWithArgsNone() {
        let plan = PlanImage.elf([load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes)
            .plan { $0.elfArguments = .nothing }
        #expect(plan.purgatory == nil)
        #expect(plan.kernelEntry.rawValue == 0x100_0000)
        #expect(plan.warnings.contains(.notVerified))
    }

    @Test func refusesAnInitrdWithoutLinux() {
        let plan = PlanImage.elf([load(0..<16, at: 0x100_0000, memory: 0x1000)], bytes: bytes).plan(initrdSize: 1)
        #expect(plan.refusals.contains(.initrdWithoutLinux(arguments: nil)))
    }

    /// What the kernel would put at a physical address.
    private func byte(of plan: BootPlan, _ image: PlanImage, at address: UInt64) -> UInt8? {
        guard let segment = plan.segments.first(where: { $0.place.contains(PhysicalAddress(address)) }) else {
            return nil
        }
        let offset = Int(address - segment.place.start.rawValue)
        switch segment.contents {
        case .kernel(let file): return offset < file.count ? image.bytes[file.lowerBound + offset] : 0
        case .bytes(let made): return offset < made.count ? made[offset] : 0
        case .initrd: return nil
        }
    }
}
