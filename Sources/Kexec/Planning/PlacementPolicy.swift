// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Which memory of a machine the next kernel's segments may have, and which end of it to try first.
struct PlacementPolicy {
    /// Interrupt vectors, BIOS data, the EBDA, video memory and option ROMs: firmware calls may be wanted later, so
    /// nothing we place ourselves goes below 1 MiB but what runs in real mode.
    static let firstMebibyte = PhysicalRange(from: .zero, to: PhysicalAddress(0x10_0000))
    /// The interrupt vectors and the BIOS data area (0x400-0x4ff) lie in here: not even an image may ask for it.
    static let firstPage = PhysicalRange(from: .zero, to: PhysicalAddress(pageSize))
    /// Where an initrd may begin: the kernel's own loader keeps the same distance (`MIN_INITRD_LOAD_ADDR`).
    static let lowestInitrd = PhysicalAddress(0x100_0000)
    /// A kernel with 4 levels of page tables knows this much physical memory (`MAX_PHYSMEM_BITS` 46), also on a machine
    /// whose kernel has 5 and more of it.
    private static let known = PhysicalRange(from: .zero, to: PhysicalAddress(1 << 46))

    /// There is memory to place segments in: it is known, and a crash kernel has its region. Where there is none, that is a
    /// refusal of its own, and no fault of what finds no place.
    let hasMemory: Bool
    /// What segments without a will of their own may take.
    let usable: PhysicalRangeSet
    /// From the first to the last byte of what they could take without `--mem-min` and `--mem-max`; empty: none.
    private let extent: PhysicalRange
    /// What an image that names its addresses may take.
    let usableByName: PhysicalRangeSet
    /// The boot loader's initrd of the running kernel: its freed pages are handed out first, and a segment on top of
    /// them makes kexec_load walk its lists for every page (measured: up to 60 times the cost).
    let firstHandedOut: PhysicalRange?

    private let target: LoadTarget
    private let limits: MemoryLimits
    private let crashKernel: PhysicalRangeSet
    private let crashRegion: PhysicalRange?

    init(_ request: KexecRequest, on machine: MachineDescription) {
        target = request.target
        hasMemory = machine.memoryGap == nil && (request.target != .crash || machine.crashRegion != nil)
        limits = MemoryLimits(minimum: request.memoryMinimum, maximum: request.memoryMaximum)
        crashKernel = PhysicalRangeSet(machine.crashKernel)
        crashRegion = machine.crashRegion
        let base: PhysicalRangeSet =
            switch request.target {
            case .reboot: machine.systemRAM.intersection(machine.memoryMap.ram).subtracting(crashKernel)
            case .crash: PhysicalRangeSet(crashRegion.map { [$0] } ?? [])
            }
        let end = request.isForBIOS ? .fourGiB : PhysicalAddress(.max)
        let taken = machine.reserved.union(
            PhysicalRangeSet([Self.firstPage, PhysicalRange(from: end, to: PhysicalAddress(.max))]))
        let unlimited = base.subtracting(taken)
        let ours = unlimited.intersection(PhysicalRangeSet([Self.reach(of: machine)]))
        extent = PhysicalRange(from: ours.ranges.first?.start ?? .zero, to: ours.ranges.last?.end ?? .zero)
        usableByName = unlimited.intersection(PhysicalRangeSet([limits.range]))
        usable = ours.intersection(PhysicalRangeSet([limits.range]))
        firstHandedOut = Self.initialRamdisk(of: machine.bootParameters)
    }

    /// Above the first mebibyte, and in whole pages that end below the running kernel's limit.
    private static func reach(of machine: MachineDescription) -> PhysicalRange {
        PhysicalRange(
            from: firstMebibyte.end, to: PhysicalAddress((machine.destinationLimit - 1).roundedDown(to: pageSize)))
    }

    /// What keeps an image that names its addresses from `range`, which is not all usable.
    func obstacle(to range: PhysicalRange) -> Obstacle {
        if range.overlaps(Self.firstPage) { return .firstPage }
        if target == .crash, let region = crashRegion, !region.contains(range) { return .outsideCrashRegion(region) }
        if target != .crash, crashKernel.overlaps(range) { return .crashKernel }
        return limits.range.contains(range) ? .notRAM : .outsideBounds(limits.cutting(range))
    }

    /// What there is to be said of `request`, for which `memory` has no home.
    func shortage(_ request: PlacementRequest, in memory: MemoryAllocator) -> RoomShortage {
        let bounds = extent.intersection(request.bounds) ?? request.bounds
        return RoomShortage(
            needed: request.size, alignment: request.alignment, bounds: bounds, limits: limits.cutting(bounds),
            largest: memory.largestFree(for: request))
    }

    /// Where a segment is searched for. A place that is drawn for a kernel with 5 levels of page tables is one of all.
    func bounded(_ request: PlacementRequest, isDrawn: Bool) -> PlacementRequest {
        var request = request
        if !isDrawn {
            request.bounds = PhysicalRange(from: request.bounds.start, to: min(request.bounds.end, Self.known.end))
        }
        return request
    }

    /// Takes a home for `request` from `memory`: below the boot loader's initrd first, then anywhere.
    /// - Parameter random: takes the home that this number says, of all that there are: how the running kernel was started
    ///   changes nothing for the next one, and nobody can leave out any of them.
    func place(
        _ request: PlacementRequest, random: UInt64? = nil, in memory: inout MemoryAllocator
    ) -> PhysicalRange? {
        if let random { return memory.place(request, random: random) }
        if let avoided = firstHandedOut, request.preference == .highest, avoided.start < request.bounds.end {
            var lower = request
            lower.bounds = PhysicalRange(from: request.bounds.start, to: avoided.start)
            if let home = memory.place(lower) { return home }
        }
        return memory.place(request)
    }

    /// `ramdisk_image` and `ramdisk_size` of the running kernel's boot_params.
    private static func initialRamdisk(of old: [UInt8]?) -> PhysicalRange? {
        guard let old, let low = old.loadLittle(UInt32.self, at: 0x218),
            let size = old.loadLittle(UInt32.self, at: 0x21c),
            let high = old.loadLittle(UInt32.self, at: 0x0c0), let sizeHigh = old.loadLittle(UInt32.self, at: 0x0c4)
        else { return nil }
        let length = UInt64(sizeHigh) << 32 | UInt64(size)
        guard length > 0 else { return nil }
        return PhysicalRange(start: PhysicalAddress(UInt64(high) << 32 | UInt64(low)), size: length)
    }
}
