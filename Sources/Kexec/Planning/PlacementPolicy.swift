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
    static let known = PhysicalRange(from: .zero, to: PhysicalAddress(1 << 46))

    /// What segments without a will of their own may take.
    let usable: PhysicalRangeSet
    /// What an image that names its addresses may take.
    let usableByName: PhysicalRangeSet
    /// The boot loader's initrd of the running kernel: its freed pages are handed out first, and a segment on top of
    /// them makes kexec_load walk its lists for every page (measured: up to 60 times the cost).
    let firstHandedOut: PhysicalRange?

    private let target: LoadTarget
    /// From `--mem-min` to `--mem-max`.
    private let window: PhysicalRange
    private let crashKernel: PhysicalRangeSet
    private let crashRegion: PhysicalRange?

    init(_ request: KexecRequest, on machine: MachineDescription) {
        target = request.target
        window = PhysicalRange(
            from: request.memoryMinimum ?? .zero,
            to: min(
                (request.memoryMaximum ?? PhysicalAddress(.max - 1)).advanced(by: 1) ?? PhysicalAddress(.max),
                request.isForBIOS ? .fourGiB : PhysicalAddress(.max)))
        crashKernel = PhysicalRangeSet(machine.crashKernel)
        crashRegion = machine.crashRegion
        let base: PhysicalRangeSet =
            switch request.target {
            case .reboot: machine.systemRAM.intersection(machine.memoryMap.ram).subtracting(crashKernel)
            case .crash: PhysicalRangeSet(crashRegion.map { [$0] } ?? [])
            }
        let taken = machine.reserved.union(PhysicalRangeSet([Self.firstPage]))
        usableByName = base.subtracting(taken).intersection(PhysicalRangeSet([window]))
        usable = usableByName.subtracting(PhysicalRangeSet([Self.firstMebibyte]))
            .intersection(PhysicalRangeSet([Self.known]))
        firstHandedOut = Self.initialRamdisk(of: machine.bootParameters)
    }

    /// What keeps an image that names its addresses from `range`, which is not all usable.
    func obstacle(to range: PhysicalRange) -> Obstacle {
        if range.overlaps(Self.firstPage) { return .firstPage }
        if target == .crash { return crashRegion?.contains(range) == true ? .outsideBounds : .outsideCrashRegion }
        if crashKernel.overlaps(range) { return .crashKernel }
        return window.contains(range) ? .notRAM : .outsideBounds
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
