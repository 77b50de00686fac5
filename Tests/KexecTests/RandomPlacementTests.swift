// SPDX-License-Identifier: MIT
import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// The places that the decompressor of a kernel of 64 bits draws from, by the rules of Linux'
/// arch/x86/boot/compressed/kaslr.c (6.1 to 7.3), written without a look at the planner: an address per place.
///
/// 1. Of the E820 map what is RAM. Where EFI hands over a map of its own, less: conventional memory only.
/// 2. From `LOAD_PHYSICAL_ADDR` on, or from 512 MiB where the decompressor itself was loaded higher.
/// 3. Multiples of `CONFIG_PHYSICAL_ALIGN`.
/// 4. Room for the unpacked file or the kernel's memory, whichever is more, in whole units of 2 MiB.
/// 5. Without a byte of what is avoided (initrd, command line, boot_params, setup_data): such a range splits its region.
/// 6. Of no more than 100 pieces of memory.
private struct DecompressorPlaces {
    var starts: Set<UInt64> = []

    init(in map: MemoryMap, imageSize: UInt64, alignment: UInt64 = 2 << 20, avoiding avoided: [Range<UInt64>] = []) {
        let size = (imageSize + 0x1f_ffff) / 0x20_0000 * 0x20_0000
        var pieces = 0
        for entry in map.entries where entry.type == .ram {
            let end = entry.range.end.rawValue
            var start = max(entry.range.start.rawValue, 0x100_0000)
            while pieces < 100 {
                start = (start + alignment - 1) / alignment * alignment
                guard start <= end, end - start >= size else { break }
                let next = avoided.filter { $0.lowerBound < end && $0.upperBound > start }
                    .min { $0.lowerBound < $1.lowerBound }
                let pieceEnd = min(next?.lowerBound ?? end, end)
                if pieceEnd >= start + size {
                    starts.formUnion(stride(from: start, through: pieceEnd - size, by: Int(alignment)))
                    pieces += 1
                }
                guard let next else { break }
                start = next.upperBound
            }
        }
    }
}

/// Debian's 7.3 in its sizes: 62,096,432 bytes are unpacked, of which 55 MiB are the kernel's memory.
private let unpackedSize: UInt64 = 62_096_432
private let unpacked = UnpackedLinux(
    entry: 0x38c_0fa0,
    segments: [
        ELFLoadSegment(
            file: 0x20_0000..<0x216_8000, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x1f6_8000,
            virtualAddress: 0xffff_ffff_8100_0000),
        ELFLoadSegment(
            file: 0x220_0000..<0x2ef_c000, physicalAddress: PhysicalAddress(0x300_0000), memorySize: 0x170_0000,
            virtualAddress: 0xffff_ffff_8300_0000),
    ], relocations: KernelRelocations(wide: 0..<0, inverse: 0..<0, narrow: 0..<0))

private func image() -> PlanImage {
    .bzImage {
        $0.kernelVersion = "7.3.4+deb13-cloud-amd64 (x) #1"
        $0.kernelVersionOffset = 0x100
        $0.extendedLoadFlags = 0x7f
        $0.initSize = 0x3c3_9000
    }
}

private func plan(
    on machine: MachineDescription, _ physical: UInt64, initrdSize: Int = 26 << 20,
    change: (inout KexecRequest) -> Void = { _ in }
) -> BootPlan {
    var request = KexecRequest(kernel: "/boot/vmlinuz")
    request.commandLine = "console=ttyS0"
    request.decompression = .automatic
    change(&request)
    var planner = BootPlanner(request: request, machine: machine, seed: nil)
    planner.placementSeed = PlacementSeed(virtual: 0, physical: physical)
    planner.unpacked = unpacked
    planner.kernelForm = .unpacked(.zstd, isRandomised: true)
    let image = image()
    return planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: initrdSize)
}

private func machine(_ ram: [PhysicalRange], initrd: PhysicalRange? = nil) -> MachineDescription {
    var machine = MachineDescription.pc()
    let low = range(0x1000, 0x9fc00)
    machine.memoryMap = MemoryMap(([low] + ram).map { E820Entry(range: $0, type: .ram) })
    machine.systemRAM = PhysicalRangeSet([low] + ram)
    machine.memoryTotal = machine.systemRAM.size
    machine.memoryAvailable = machine.memoryTotal
    if let initrd {
        machine.bootParameters?.store(UInt32(truncatingIfNeeded: initrd.start.rawValue), at: 0x218)
        machine.bootParameters?.store(UInt32(truncatingIfNeeded: initrd.start.rawValue >> 32), at: 0xc0)
        machine.bootParameters?.store(UInt32(initrd.size), at: 0x21c)
    }
    return machine
}

/// 64 bits of splitmix64, as a machine's random numbers would be, the same in each run.
private struct Numbers {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// A machine whose kernel's address is drawn, by name.
struct DrawMachine: CustomTestStringConvertible, Sendable {
    let name: String
    let describe: @Sendable () throws -> MachineDescription
    var testDescription: String { name }

    static func fixture(_ name: String) -> DrawMachine {
        DrawMachine(name: name) { try MachineFolder.describe(fixture: name) }
    }

    static let all: [DrawMachine] = [
        fixture("bios-512m"), fixture("bios-6g"), fixture("ovmf-1g"), fixture("many-e820"), fixture("reserved-60"),
        fixture("chain-512m-0"), fixture("chain-512m-1"), fixture("chain-512m-6"), fixture("chain-ovmf-1g-3"), large,
        manyHoles,
    ]

    /// 256 GiB, of which 2 GiB below 4 GiB; the boot loader's initrd ends at 2 GiB.
    static let large = DrawMachine(name: "256 GiB") {
        machine(
            [range(0x10_0000, 0x7ffd_f000), range(1 << 32, 256 << 30 + 2 << 30)],
            initrd: range(0x7e00_0000, 0x7ffd_e000))
    }

    /// 90 pieces of 66 to 154 MiB, none of which begins or ends at a multiple of 2 MiB.
    static let manyHoles = DrawMachine(name: "many holes") {
        var pieces: [PhysicalRange] = []
        var start: UInt64 = 0x10_0000
        for index in 0..<90 {
            let end = start + UInt64(66 + index) << 20
            pieces.append(range(start, end))
            start = end + 0x7000
        }
        return machine(pieces, initrd: range(0x2000_0000, 0x2190_0000))
    }
}

@Suite struct RandomPlacementTests {
    /// The place that each number gives, up to the first that is there again: all places, each of them once.
    private func places(on machine: MachineDescription, initrdSize: Int = 26 << 20) throws -> [UInt64] {
        var places: [UInt64] = []
        for number in 0... {
            let kernel = try #require(plan(on: machine, UInt64(number), initrdSize: initrdSize)["kernel"])
            if kernel.place.start.rawValue == places.first { break }
            places.append(kernel.place.start.rawValue)
        }
        return places
    }

    private func decompressorPlaces(on machine: MachineDescription) -> Set<UInt64> {
        DecompressorPlaces(in: machine.memoryMap, imageSize: unpackedSize).starts
    }

    @Test(arguments: DrawMachine.all.filter { $0.name != "256 GiB" })
    func drawsFromAllPlacesOfTheDecompressor(_ draw: DrawMachine) throws {
        let machine = try draw.describe()
        let expected = decompressorPlaces(on: machine)
        let found = try places(on: machine)
        #expect(Set(found).count == found.count, "some are more likely than others")
        #expect(found.count * 10 >= expected.count * 9, "\(found.count) places, the decompressor has \(expected.count)")
        let outOfReach = expected.subtracting(found).count
        #expect(outOfReach == 0)
    }

    /// Of 131,000 places one in a hundred, and the last ones: number n is the decompressor's place n.
    @Test func drawsFromAllOf256GiB() throws {
        let machine = try DrawMachine.large.describe()
        let expected = DecompressorPlaces(in: machine.memoryMap, imageSize: 0x380_0000).starts.sorted()
        #expect(expected.count > 131_000)
        let last = expected.count - 50
        for number in Array(stride(from: 0, to: last, by: 101)) + Array(last..<expected.count) {
            let kernel = try #require(plan(on: machine, UInt64(number))["kernel"])
            #expect(kernel.place.start.rawValue == expected[number])
        }
        #expect(plan(on: machine, UInt64(expected.count))["kernel"]?.place.start.rawValue == expected[0])
    }

    private static let draws = 1600

    /// How many of 1,600 lie in each eighth of all places: 200, with a standard deviation of 13.
    @Test(arguments: [
        .fixture("bios-512m"), .fixture("bios-6g"), .fixture("ovmf-1g"), .fixture("chain-512m-6"), DrawMachine.large,
    ])
    func highMemoryIsAsLikelyAsLow(_ draw: DrawMachine) throws {
        let machine = try draw.describe()
        let expected = decompressorPlaces(on: machine).sorted()
        var numbers = Numbers(state: 17)
        var counts = [Int](repeating: 0, count: 8)
        for _ in 0..<Self.draws {
            let start = try #require(plan(on: machine, numbers.next())["kernel"]).place.start.rawValue
            counts[min(rank(of: start, in: expected), expected.count - 1) * 8 / expected.count] += 1
        }
        for count in counts { #expect(abs(count - Self.draws / 8) < 60, "\(counts)") }
    }

    /// How many of `sorted` are less.
    private func rank(of value: UInt64, in sorted: [UInt64]) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// 200 plans on a machine with 3,000 places draw 193 different ones, give or take 3.
    @Test func twoHundredPlansLieAtNearlyAsManyPlaces() throws {
        let machine = try MachineFolder.describe(fixture: "bios-6g")
        var numbers = Numbers(state: 1)
        let starts = try Set(
            (0..<200).map { _ in try #require(plan(on: machine, numbers.next())["kernel"]).place.start.rawValue })
        #expect(starts.count >= 180)
        #expect(starts.filter { $0 >= 1 << 32 }.count >= 100)
    }

    /// What the running kernel was started by shows in its initrd's place, and in ranges of setup_data.
    @Test func hasNoFewerPlacesAfterAChainOfJumps() throws {
        let first = try places(on: MachineFolder.describe(fixture: "chain-512m-0"))
        for name in ["chain-512m-1", "chain-512m-6"] {
            #expect(try places(on: MachineFolder.describe(fixture: name)).count >= first.count, "\(name)")
        }
    }

    /// 600 MiB in pieces that hold neither kernel nor initrd: no load may take more than half of all memory.
    private let pieces = (0..<20 as Range<UInt64>).map { range(1 << 32 + $0 << 26, 1 << 32 + $0 << 26 + 30 << 20) }

    /// 400 MiB, and an initrd that has room only at either end, once the kernel has its place.
    @Test(arguments: [100, 200, 250, 290, 325]) func neverRefusesALoadForADraw(_ mebibytes: Int) {
        let machine = machine([range(0x10_0000, 400 << 20)] + pieces, initrd: range(300 << 20, 310 << 20))
        for number in 0..<200 as Range<UInt64> {
            let plan = plan(on: machine, number, initrdSize: mebibytes << 20)
            #expect(plan.refusals == [] && plan.isUnpacked)
            // The kernel's other segments lie in what the first one keeps free.
            let places = plan.segments.filter { !$0.name.hasPrefix("kernel-") }.map(\.reserved)
            for (index, place) in places.enumerated() {
                let isFree = !places[..<index].contains { $0.overlaps(place) }
                #expect(isFree)
            }
        }
    }

    /// A kernel with 5 levels of page tables starts the next one with as many, and that knows as much memory.
    @Test(arguments: [(46, false), (52, true)]) func drawsUpToTheLastPageThatALoadMayHave(bits: UInt64, isDeep: Bool)
        throws
    {
        var machine = machine([range(1 << 32, 1 << 33), range(1 << bits - 1 << 30, 1 << bits)])
        machine.uses5LevelPaging = isDeep
        let starts = try places(on: machine)
        #expect(starts.last == 1 << bits - 58 << 20 && starts.first == 1 << 32)
        for number in starts.indices {
            let refusals = plan(on: machine, UInt64(number)).refusals
            #expect(refusals == [])
        }
    }

    @Test func whereOnlyOnePlaceLeavesRoomThatOneIsTaken() throws {
        // 56 MiB, which is all that the kernel needs, and 60 MiB, of which the initrd takes 59.
        let machine = machine([range(0x100_0000, 0x480_0000), range(0x500_0000, 0x8c0_0000)] + pieces)
        for number in 0..<20 as Range<UInt64> {
            let plan = plan(on: machine, number, initrdSize: 0x3b0_0000)
            #expect(plan.refusals == [] && plan.isUnpacked)
            #expect(try #require(plan["kernel"]).place.start.rawValue == 0x100_0000)
        }
    }

    @Test func keepsToTheBoundsThatWereAskedFor() throws {
        let machine = try MachineFolder.describe(fixture: "bios-6g")
        var starts: Set<UInt64> = []
        for number in 0..<600 as Range<UInt64> {
            let plan = plan(on: machine, number) {
                $0.memoryMinimum = PhysicalAddress(0x1_2000_0000)
                $0.memoryMaximum = PhysicalAddress(0x1_4fff_ffff)
            }
            #expect(plan.refusals == [])
            let isInside = plan.segments.allSatisfy { range(0x1_2000_0000, 0x1_5000_0000).contains($0.reserved) }
            #expect(isInside)
            starts.insert(try #require(plan["kernel"]).place.start.rawValue)
        }
        // 768 MiB by 2 MiB, less the kernel's 56.
        #expect(starts.count == (768 - 56) / 2 + 1)
    }
}
