// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// A plan while it is being made: the memory that is left, and the segments that have a home.
struct PlanDraft {
    let policy: PlacementPolicy
    private(set) var memory: MemoryAllocator
    /// RAM below 640 KiB, for what runs in real mode.
    private var lowMemory: MemoryAllocator
    private(set) var segments: [Segment] = []
    private(set) var refusals: [PlanRefusal] = []
    var warnings: [PlanWarning] = []
    /// nil: the image is none that could be unpacked.
    var kernelForm: KernelForm?

    init(policy: PlacementPolicy) {
        self.policy = policy
        memory = MemoryAllocator(free: policy.usable)
        lowMemory = MemoryAllocator(free: policy.usableByName.intersection(PhysicalRangeSet([Self.conventional])))
    }

    private static let conventional = PhysicalRange(from: .zero, to: PhysicalAddress(0xa_0000))

    /// Finds a home in the memory that real mode reaches; where there is none, refuses and returns nil.
    @inline(never) mutating func lowHome(
        for name: String, size: UInt64, from start: PhysicalAddress,
        preference: PlacementRequest.Preference = .lowest
    ) -> PhysicalRange? {
        let bounds = PhysicalRange(from: start, to: Self.conventional.end)
        let request = PlacementRequest(size: size, bounds: bounds, preference: preference)
        if let home = lowMemory.place(request) { return home }
        refusePlace(.noRoom(segment: name, policy.shortage(request, in: lowMemory)))
        return nil
    }

    @inline(never) mutating func refuse(_ refusal: PlanRefusal) { refusals.append(refusal) }

    @inline(never) mutating func warn(_ warning: PlanWarning) { warnings.append(warning) }

    /// Where memory is not known the kernel is to find the place; where there is none for a crash kernel that is told once.
    private mutating func refusePlace(_ refusal: PlanRefusal) {
        if policy.hasMemory { refusals.append(refusal) }
    }

    /// Finds a home for a segment of `size` bytes; where there is none, refuses and returns nil.
    /// - Parameter random: takes the one that this number says, of all there are.
    mutating func home(
        for name: String, _ request: PlacementRequest, random: UInt64? = nil
    ) -> PhysicalRange? {
        let request = policy.bounded(request, isDrawn: random != nil)
        if let home = policy.place(request, random: random, in: &memory) { return home }
        refusePlace(.noRoom(segment: name, policy.shortage(request, in: memory)))
        return nil
    }

    /// Takes exactly `range` for an image that names its addresses.
    mutating func claim(_ range: PhysicalRange, for name: String) -> Bool {
        if memory.take(range) { return true }
        let overlapped = segments.first { $0.reserved.overlaps(range) }?.name
        if overlapped == nil, policy.usableByName.contains(range) {
            // Of a range that reaches below 1 MiB, what lies above is taken from the common memory too.
            memory = MemoryAllocator(free: memory.free.subtracting(PhysicalRangeSet([range])))
            lowMemory = MemoryAllocator(free: lowMemory.free.subtracting(PhysicalRangeSet([range])))
            return true
        }
        let obstacle = overlapped.map { Obstacle.otherSegment($0) } ?? policy.obstacle(to: range)
        refusePlace(.placeTaken(segment: name, range: range, because: obstacle))
        return false
    }

    mutating func add(_ segment: Segment) { segments.append(segment) }

    /// Places all initrds together, as high as they may be; where there is no room, refuses and returns nil.
    mutating func addInitrd(size: Int, below end: PhysicalAddress) -> PhysicalRange? {
        let request = PlacementRequest(
            size: UInt64(size), bounds: PhysicalRange(from: PlacementPolicy.lowestInitrd, to: end),
            preference: .highest)
        guard let home = home(for: "initrd", request) else { return nil }
        add(Segment(name: "initrd", place: home, contents: .initrd(0..<size)))
        return home
    }

    /// Places made bytes in a segment of their own and returns where they begin.
    mutating func addBytes(_ bytes: [UInt8], as name: String, bounds: PhysicalRange) -> PhysicalAddress? {
        let request = PlacementRequest(size: UInt64(max(bytes.count, 1)), bounds: bounds, preference: .highest)
        guard let home = home(for: name, request) else { return nil }
        add(Segment(name: name, place: home, contents: .bytes(bytes)))
        return home.start
    }
}
