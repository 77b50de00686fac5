// SPDX-License-Identifier: MIT
@testable import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// What purgatory is told, read from the bytes that are handed to the kernel.
@Suite struct SealingTests {
    private let initrd = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }

    private func sealed(
        _ plan: BootPlan, _ kernel: [UInt8]
    ) throws -> (parameters: PurgatoryParameters, plan: BootPlan) {
        let sealed = try plan.sealed(kernel: kernel.span.bytes, initrd: initrd.span.bytes)
        return (try parameters(of: sealed), sealed)
    }

    private func parameters(of sealed: BootPlan) throws -> PurgatoryParameters {
        let bytes = sealed.bytes("purgatory")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        return bytes[offset...].withUnsafeBytes { $0.loadUnaligned(as: PurgatoryParameters.self) }
    }

    @Test func tellsPurgatoryEverySegment() throws {
        let image = PlanImage.bzImage()
        let (parameters, plan) = try sealed(image.plan(initrdSize: initrd.count), image.bytes)
        let checked = plan.segments.filter { $0.name != "purgatory" }
        #expect(Int(parameters.segmentCount) == checked.count + 1 && checked.count == 5)
        for (index, segment) in checked.enumerated() {
            let bytes: [UInt8] =
                switch segment.contents {
                case .kernel(let range): Array(image.bytes[range])
                case .initrd(let range): Array(initrd[range])
                case .bytes(let made): made
                }
            let expected = CheckedSegment(
                name: segment.name, start: segment.place.start.rawValue, bytes: bytes.span.bytes, kind: .fast)
            #expect(parameters[segment: index] == expected, "\(segment.name)")
        }
    }

    @Test(arguments: [DigestChoice.fast, .sha256, .none]) func tellsPurgatoryTheKindOfTheDigests(_ digest: DigestChoice)
        throws
    {
        let image = PlanImage.bzImage()
        let (parameters, plan) = try sealed(image.plan(initrdSize: initrd.count) { $0.digest = digest }, image.bytes)
        let kinds: [DigestChoice: DigestKind] = [.fast: .fast, .sha256: .sha256, .none: .none]
        #expect(parameters.digestKind == kinds[digest])
        #expect(Int(parameters.segmentCount) == (digest == .none ? 0 : plan.segments.count))
    }

    @Test func tellsPurgatoryTheWayOutAndTheConsole() throws {
        let image = PlanImage.bzImage()
        for baud in [0, 1, 9600, 115_200] as [UInt32] {
            var plan = image.plan(initrdSize: initrd.count) {
                $0.console.serialBaud = baud
                $0.console.serialPort = 0x2f8
            }
            plan.purgatory?.rax = 1
            plan.purgatory?.rbx = 2
            plan.purgatory?.rdi = 3
            plan.purgatory?.rsp = 4
            plan.purgatory?.timeStampFrequency = 5
            plan.purgatory?.preparation = PhysicalAddress(0x6000)
            let purgatory = try #require(plan.purgatory)
            let (parameters, _) = try sealed(plan, image.bytes)
            #expect(parameters.entry == purgatory.entry.rawValue && parameters.traceRecord == purgatory.trace?.rawValue)
            #expect(parameters.preparation == 0x6000 && parameters.timeStampFrequency == 5)
            let registers = parameters.registers
            #expect([registers.rax, registers.rbx, registers.rdi, registers.rsp] == [1, 2, 3, 4])
            #expect(registers.rsi == purgatory.rsi && parameters.serialPort == 0x2f8)
            #expect(parameters.serialDivisor == [0: 0, 1: .max, 9600: 12, 115_200: 1][baud])
        }
        let flags: [(WritableKeyPath<PurgatoryPlan, Bool>, KeyPath<PurgatoryParameters, Bool>)] = [
            (\.console.serial, \.writesSerial), (\.console.vga, \.writesVGA), (\.console.resetVGA, \.resetsVGA),
            (\.turnsOff5LevelPaging, \.turnsOff5LevelPaging), (\.leavesX2APIC, \.leavesX2APIC),
            (\.avoidsSHAExtensions, \.avoidsSHAExtensions),
        ]
        for (index, flag) in flags.enumerated() {
            var plan = image.plan(initrdSize: initrd.count)
            for other in flags { plan.purgatory?[keyPath: other.0] = false }
            plan.purgatory?[keyPath: flag.0] = true
            let (parameters, _) = try sealed(plan, image.bytes)
            #expect(flags.map { parameters[keyPath: $0.1] } == flags.indices.map { $0 == index })
        }
    }

    @Test func givesEachHalfOfALargeSegmentASHA256OfItsOwn() throws {
        let image = PlanImage.bzImage()
        let large = (0..<(1 << 20) + 77).map { UInt8(truncatingIfNeeded: $0 &* $0 &>> 3) }
        let plan = image.plan(initrdSize: large.count) { $0.digest = .sha256 }
        let sealed = try plan.sealed(kernel: image.bytes.span.bytes, initrd: large.span.bytes)
        let parameters = try parameters(of: sealed)
        #expect(Int(parameters.segmentCount) == plan.segments.count + 1)
        let start = try #require(plan["initrd"]?.place.start.rawValue)
        let parts = (0..<Int(parameters.segmentCount)).map { parameters[segment: $0] }
            .filter { (start..<start + UInt64(large.count)).contains($0.start) }
        #expect(parts.count == 2 && parts[0].start == start && parts[1].start == start + parts[0].byteCount)
        #expect(parts[0].byteCount + parts[1].byteCount == UInt64(large.count))
        for part in parts {
            let bytes = large[Int(part.start - start)...].prefix(Int(part.byteCount))
            let expected = bytes.withUnsafeBytes { SegmentDigest(.sha256, of: $0.bytes) }
            #expect(part.digest == expected)
        }
    }

    /// The list has 16 entries, one of them purgatory's own.
    @Test(arguments: [(13, 16), (14, 16), (15, 16), (12, 15)])
    func halvesOnlyAsManySegmentsAsTheListHasRoomFor(segments: Int, entries: Int) throws {
        let image = PlanImage.bzImage()
        let large = [UInt8](repeating: 7, count: 1 << 20)
        var plan = image.plan(initrdSize: large.count) { $0.digest = .sha256 }
        let purgatory = try #require(plan.segments.first { $0.name == "purgatory" })
        let initrd = try #require(plan["initrd"])
        // Three large ones, and as many small ones as it takes.
        plan.segments =
            [purgatory]
            + (1..<segments).map { number in
                var segment = initrd
                segment.name = "part-\(number)"
                if number > 3 { segment.contents = .initrd(0..<100) }
                return segment
            }
        let sealed = try plan.sealed(kernel: image.bytes.span.bytes, initrd: large.span.bytes)
        let parameters = try parameters(of: sealed)
        #expect(Int(parameters.segmentCount) == entries)
        let covered = (0..<entries - 1).reduce(0) { $0 + parameters[segment: $1].byteCount }
        #expect(covered == UInt64(3 * large.count + (segments - 4) * 100))
        let own = try #require(sealed["purgatory"]?.place.start.rawValue)
        #expect(parameters[segment: entries - 1].start == own)
    }

    /// All but the digests, which cannot cover themselves, and what it writes to.
    @Test func letsPurgatoryVerifyItself() throws {
        let image = PlanImage.bzImage()
        let (parameters, plan) = try sealed(image.plan(initrdSize: initrd.count), image.bytes)
        let place = try #require(plan["purgatory"]?.place)
        let bytes = plan.bytes("purgatory")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        let own = Array(bytes[0..<offset + PurgatoryParameters.headSize])
        let expected = CheckedSegment(
            name: "purgatory", start: place.start.rawValue, bytes: own.span.bytes, kind: .fast)
        #expect(parameters[segment: Int(parameters.segmentCount) - 1] == expected)
        #expect(plan.purgatory?.constantSize == UInt64(own.count))
        #expect(own.count > bytes.count - PurgatoryParameters.size - 512)
    }

    @Test func tellsPurgatoryTheWayOn() throws {
        let image = PlanImage.bzImage()
        var plan = image.plan {
            $0.console.serial = true
            $0.console.serialPort = 0x2f8
            $0.console.serialBaud = 9600
        }
        plan.purgatory?.timeStampFrequency = 2_100_000
        let (parameters, sealed) = try sealed(plan, image.bytes)
        #expect(parameters.version == PurgatoryParameters.currentVersion)
        #expect(parameters.entry == plan.entry.rawValue && parameters.exitMode == .longMode)
        #expect(parameters.registers.rsi == plan["boot_params"]?.place.start.rawValue)
        #expect(parameters.traceRecord == plan.purgatory?.trace?.rawValue)
        #expect(parameters.writesSerial && parameters.serialPort == 0x2f8 && parameters.serialDivisor == 12)
        #expect(parameters.timeStampFrequency == 2_100_000)
        #expect(sealed.segments.filter { $0.name != "purgatory" } == plan.segments.filter { $0.name != "purgatory" })
    }

    @Test func tellsPurgatoryNoSegmentWhereNothingIsChecked() throws {
        let image = PlanImage.bzImage()
        let (parameters, _) = try sealed(image.plan { $0.digest = DigestChoice.none }, image.bytes)
        #expect(parameters.segmentCount == 0 && parameters.digestKind == DigestKind.none)
    }

    @Test func timesTheResetByTheFrequencyThatTheLoaderMeasured() {
        let image = PlanImage.bzImage()
        var planner = BootPlanner(request: KexecRequest(kernel: "k"), machine: .pc(), seed: nil)
        planner.trace.timeStampFrequency = 3_000_000
        let plan = planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: 0)
        #expect(plan.purgatory?.timeStampFrequency == 3_000_000)
    }
}
