// SPDX-License-Identifier: MIT
// Whole plans for many machines, beside rules that were written down without a look at the planner.
import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// SplitMix64: a seed gives the same machine in each run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }

    mutating func number(_ bounds: Range<UInt64>) -> UInt64 { UInt64.random(in: bounds, using: &self) }
}

private let mebibyte: UInt64 = 1 << 20

/// A machine with memory in pieces, of which firmware, the running kernel and a crash kernel hold some.
struct RandomMachine: CustomTestStringConvertible {
    let seed: UInt64
    var machine = MachineDescription.pc()
    var testDescription: String { "machine \(seed)" }

    /// - Parameter pieces: the sizes of pieces of memory, in MiB.
    init(_ seed: UInt64, pieces: Range<UInt64> = 8..<160) {
        self.seed = seed
        var numbers = Seeded(state: seed)
        var ram = [range(0x1000, 0x9fc00)]
        var start: UInt64 = 0x10_0000
        for _ in 0..<numbers.number(2..<7) {
            // No edge need be that of a page.
            let end = start + numbers.number(pieces) * mebibyte + numbers.number(0..<3) * 0x7c80
            ram.append(range(start, end))
            start = end + (numbers.number(0..<6) == 0 ? 1 << 32 : numbers.number(1..<0x300_0000))
        }
        var entries = ram.map { E820Entry(range: $0, type: .ram) }
        entries += holes(in: ram, 4, &numbers).map { E820Entry(range: $0, type: .reserved) }
        machine.memoryMap = MemoryMap(entries)
        machine.systemRAM = PhysicalRangeSet(ram)
        machine.reserved = PhysicalRangeSet(holes(in: ram, 6, &numbers))
        machine.memoryTotal = machine.systemRAM.size
        machine.memoryAvailable = machine.memoryTotal
        addCrashKernel(numbers.number(0..<2) == 0 ? nil : ram.last, &numbers)
        addInitrd(holes(in: ram, 1, &numbers).first)
    }

    /// Small ranges that lie anywhere in memory, or over an edge of it.
    private func holes(in ram: [PhysicalRange], _ count: Int, _ numbers: inout Seeded) -> [PhysicalRange] {
        (0..<count).map { _ in
            let piece = ram[Int(numbers.number(0..<UInt64(ram.count)))]
            let start = numbers.number(piece.start.rawValue..<piece.end.rawValue)
            return range(start, start + numbers.number(1..<3 * mebibyte))
        }
    }

    private mutating func addCrashKernel(_ piece: PhysicalRange?, _ numbers: inout Seeded) {
        guard let piece, piece.size > 7 * mebibyte else { return }
        let start = piece.start.rawValue.roundedUp(to: mebibyte) ?? 0
        let region = range(start, start + 4 * mebibyte)
        machine.crashKernel = [region]
    }

    /// The boot loader's, which is only kept clear of as long as there is other memory.
    private mutating func addInitrd(_ place: PhysicalRange?) {
        guard let place else { return }
        machine.bootParameters?.store(UInt32(truncatingIfNeeded: place.start.rawValue), at: 0x218)
        machine.bootParameters?.store(UInt32(truncatingIfNeeded: place.start.rawValue >> 32), at: 0xc0)
        machine.bootParameters?.store(UInt32(place.size), at: 0x21c)
    }

    /// Whether all of `place` is memory that nobody else has: RAM for Linux and for firmware, not page 0, not reserved.
    func isFree(_ place: PhysicalRange) -> Bool {
        machine.systemRAM.contains(place) && place.start.rawValue >= 0x1000
            && !machine.memoryMap.entries.contains { $0.type != .ram && $0.range.overlaps(place) }
            && !machine.reserved.overlaps(place) && !machine.crashKernel.contains { $0.overlaps(place) }
    }

    /// Where `size` bytes have room, at multiples of `alignment`, from `start` on and below `end`; whole pages count.
    func places(_ size: UInt64, _ alignment: UInt64, from start: UInt64, below end: UInt64 = .max) -> [UInt64] {
        let last = min(end, machine.systemRAM.ranges.last?.end.rawValue ?? 0)
        guard let size = size.roundedUp(to: pageSize), last >= size, last - size >= start else { return [] }
        return stride(from: start.roundedUp(to: alignment) ?? 0, through: last - size, by: Int(alignment))
            .filter { isFree(range($0, $0 + size)) }
    }
}

@Suite struct PlanPropertyTests {
    static let machines = (1...24).map { RandomMachine($0) }

    /// - Parameter callsFirmware: what does so lies below 1 MiB; the image and its initrd never do.
    private func check(
        _ plan: BootPlan, on random: RandomMachine, initrdSize: Int, callsFirmware: Bool = false
    ) throws {
        for (index, segment) in plan.segments.enumerated() {
            let place = segment.place
            #expect(place.start.rawValue % pageSize == 0 && place.size % pageSize == 0 && !place.isEmpty)
            #expect(random.isFree(place) && random.isFree(segment.reserved), "\(segment.name) at \(place)")
            let isMade = if case .bytes = segment.contents { true } else { false }
            #expect(place.start.rawValue >= mebibyte || isMade && callsFirmware, "\(segment.name)")
            #expect(UInt64(segment.contentSize) <= place.size && segment.reserved.contains(place))
            let hasOwnPlace = plan.segments[..<index].allSatisfy { !$0.reserved.overlaps(segment.reserved) }
            #expect(hasOwnPlace, "\(segment.name)")
        }
        let names = plan.segments.map(\.name)
        #expect(Set(names).count == names.count && names.count <= 16)
        let starts = plan.segments.map(\.place.start)
        #expect(starts == starts.sorted())
        if initrdSize > 0 {
            let initrd = try #require(plan["initrd"])
            #expect(initrd.place.start.rawValue >= 16 * mebibyte && initrd.contents == .initrd(0..<initrdSize))
        }
        let purgatory = try #require(plan.purgatory)
        let code = try #require(plan.segments.first { $0.isPurgatory })
        #expect(code.place.contains(plan.kernelEntry))
        #expect(code.place.end <= .fourGiB || purgatory.mode == .longMode && !purgatory.leavesX2APIC)
        #expect(plan.segments.contains { $0.place.contains(purgatory.entry) })
    }

    @Test(arguments: machines) func everySegmentOfABzImageHasMemoryOfItsOwn(_ random: RandomMachine) throws {
        var numbers = Seeded(state: random.seed)
        for size in [0, 4096, Int(numbers.number(1..<64 * mebibyte)), 150 << 20] {
            let plan = PlanImage.bzImage().plan(on: random.machine, initrdSize: size)
            guard plan.isLoadable else {
                checkRefusal(plan, on: random)
                continue
            }
            try check(plan, on: random, initrdSize: size)
            let kernel = try #require(plan["kernel"])
            #expect(kernel.place.start.rawValue % 0x20_0000 == 0 && kernel.reserved.size == 0x40_0000)
        }
    }

    /// What finds no place has none.
    private func checkRefusal(_ plan: BootPlan, on random: RandomMachine) {
        for refusal in plan.refusals {
            guard case .noRoom("kernel", let shortage) = refusal else { continue }
            let bounds = shortage.bounds
            let places = random.places(
                shortage.needed, shortage.alignment, from: bounds.start.rawValue, below: bounds.end.rawValue)
            #expect(places.isEmpty)
        }
        #expect(!plan.refusals.isEmpty)
    }

    /// It takes the highest place for the kernel that there is below the boot loader's initrd, else the highest.
    @Test(arguments: machines) func theKernelTakesTheHighestPlace(_ random: RandomMachine) throws {
        let plan = PlanImage.bzImage().plan(on: random.machine)
        let initrd = UInt64(random.machine.bootParameters?.loadLittle(UInt32.self, at: 0x218) ?? 0)
        let high = UInt64(random.machine.bootParameters?.loadLittle(UInt32.self, at: 0xc0) ?? 0)
        let below = random.places(0x40_0000, 0x20_0000, from: 0x100_0000, below: high << 32 | initrd)
        let all = random.places(0x40_0000, 0x20_0000, from: 0x100_0000)
        #expect(plan["kernel"]?.place.start.rawValue == below.last ?? all.last)
    }

    /// A kernel of 32 bits has all that it is told of below 4 GiB, and its initrd where it says.
    @Test(arguments: machines) func a32BitKernelReachesAllThatItIsTold(_ random: RandomMachine) throws {
        let image = PlanImage.bzImage {
            $0.version = 0x20a
            $0.extendedLoadFlags = 0
            $0.initrdAddressMaximum = 0x37ff_ffff
        }
        let plan = image.plan(on: random.machine, initrdSize: 1 << 20)
        guard plan.isLoadable else { return checkRefusal(plan, on: random) }
        try check(plan, on: random, initrdSize: 1 << 20, callsFirmware: true)
        #expect(try #require(plan["initrd"]).place.end.rawValue <= 0x3800_0000)
        for segment in plan.segments { #expect(segment.place.end <= .fourGiB, "\(segment.name)") }
        #expect(plan.purgatory?.entry.rawValue ?? .max < 1 << 32)
    }

    @Test(arguments: machines) func boundsThatWereAskedForHold(_ random: RandomMachine) throws {
        var numbers = Seeded(state: random.seed)
        let edges = [numbers.number(0x10_0000..<0x1_0000_0000), numbers.number(0x10_0000..<0x1_0000_0000)].sorted()
        let plan = PlanImage.bzImage().plan(on: random.machine, initrdSize: 1 << 20) {
            $0.memoryMinimum = PhysicalAddress(edges[0])
            $0.memoryMaximum = PhysicalAddress(edges[1])
        }
        guard plan.isLoadable else { return }
        try check(plan, on: random, initrdSize: 1 << 20)
        for segment in plan.segments {
            #expect(segment.reserved.start.rawValue >= edges[0] && segment.reserved.end.rawValue - 1 <= edges[1])
        }
    }

    /// A program that names its addresses has them, or is refused because they are not free.
    @Test(arguments: machines) func aProgramLiesWhereItSaysIfThatIsFree(_ random: RandomMachine) throws {
        var numbers = Seeded(state: random.seed)
        let bytes = [UInt8](repeating: 0x90, count: 0x3000)
        for _ in 0..<8 {
            let start = numbers.number(0x100..<0x2_0000) * pageSize
            let segment = ELFLoadSegment(
                file: 0..<0x2800, physicalAddress: PhysicalAddress(start), memorySize: 0x5000, virtualAddress: 0)
            let plan = PlanImage.elf([segment], bytes: bytes).plan(on: random.machine)
            let isFree = random.isFree(range(start, start + 0x5000))
            #expect(plan.isLoadable == isFree, "\(plan.refusals)")
            if plan.isLoadable { try check(plan, on: random, initrdSize: 0) }
        }
    }

    /// A crash kernel and all that belongs to it lies in its region, which has room or not.
    @Test(arguments: machines) func aCrashKernelKeepsToItsRegion(_ random: RandomMachine) throws {
        var random = random
        let region = range(0x300_0000, 0x300_0000 + 40 * mebibyte)
        random.machine.systemRAM = random.machine.systemRAM.union(PhysicalRangeSet([region]))
        random.machine.crashKernel = [region]
        let plan = PlanImage.bzImage().plan(on: random.machine, initrdSize: 1 << 20) { $0.target = .crash }
        for segment in plan.segments { #expect(region.contains(segment.reserved), "\(segment.name)") }
    }
}

/// A kernel of 8 MiB, linked to 16 MiB.
private let unpacked = UnpackedLinux(
    entry: 0x100_0000,
    segments: [
        ELFLoadSegment(
            file: 0x1000..<0x2000, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x1000,
            virtualAddress: 0xffff_ffff_8100_0000),
        ELFLoadSegment(
            file: 0x2000..<0x3000, physicalAddress: PhysicalAddress(0x177_f000), memorySize: 0x1000,
            virtualAddress: 0xffff_ffff_8177_f000),
    ], relocations: KernelRelocations(wide: 0..<0, inverse: 0..<0, narrow: 0..<0))

@Suite struct DrawnPlacePropertyTests {
    static let machines = (100...109).map { RandomMachine($0, pieces: 40..<90) }

    private func plan(_ number: UInt64, on machine: MachineDescription) -> BootPlan {
        let image = PlanImage.bzImage {
            $0.kernelVersion = "6.12.0 (x) #1"
            $0.kernelVersionOffset = 0x100
            $0.extendedLoadFlags = 0x7f
            $0.initSize = 0xc0_0000
        }
        var request = KexecRequest(kernel: "k")
        request.decompression = .automatic
        var planner = BootPlanner(request: request, machine: machine, seed: nil)
        planner.placementSeed = PlacementSeed(virtual: 0, physical: number)
        planner.unpacked = unpacked
        planner.kernelForm = .unpacked(.zstd, isRandomised: true)
        return planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: 0)
    }

    /// As many numbers as there are places draw each of them once, in ascending order.
    @Test(arguments: machines) func everyPlaceThatIsFreeIsDrawn(_ random: RandomMachine) throws {
        let places = random.places(0x80_0000, 0x20_0000, from: 0x100_0000)
        try #require(places.count > 1)
        for (number, place) in places.enumerated() {
            let plan = plan(UInt64(number), on: random.machine)
            #expect(plan.isLoadable && plan.isUnpacked)
            let kernel = try #require(plan["kernel"])
            #expect(kernel.place.start.rawValue == place && kernel.reserved.size == 0x80_0000)
            #expect(plan["kernel-2"]?.place.start.rawValue == place + 0x77_f000)
        }
        #expect(plan(UInt64(places.count), on: random.machine)["kernel"]?.place.start.rawValue == places[0])
    }
}
