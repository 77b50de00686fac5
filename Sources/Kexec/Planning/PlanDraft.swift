// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// A plan while it is being made: the memory that is left, and the segments that have a home.
struct PlanDraft {
    let policy: PlacementPolicy
    private(set) var memory: MemoryAllocator
    private(set) var segments: [Segment] = []
    private(set) var refusals: [PlanRefusal] = []
    var warnings: [PlanWarning] = []

    init(policy: PlacementPolicy) {
        self.policy = policy
        memory = MemoryAllocator(free: policy.usable)
    }

    mutating func refuse(_ refusal: PlanRefusal) { refusals.append(refusal) }

    /// Finds a home for a segment of `size` bytes; where there is none, refuses and returns nil.
    mutating func home(for name: String, _ request: PlacementRequest) -> PhysicalRange? {
        if let home = policy.place(request, in: &memory) { return home }
        refusals.append(
            .noRoom(
                segment: name, needed: request.size, largest: memory.largestFree(in: request.bounds),
                bounds: request.bounds.intersection(policy.window) ?? policy.window))
        return nil
    }

    /// Takes exactly `range` for an image that names its addresses.
    mutating func claim(_ range: PhysicalRange, for name: String) -> Bool {
        if memory.take(range) { return true }
        let below = policy.usableByName.subtracting(policy.usable)
        let overlapped = segments.first { $0.reserved.overlaps(range) }?.name
        if overlapped == nil, below.union(policy.usable).contains(range) {
            _ = takeUsable(part: range)
            return true
        }
        let obstacle: Obstacle =
            if let overlapped { .otherSegment(overlapped) } else if range.overlaps(PlacementPolicy.firstPage) {
                .firstPage
            } else { .notRAM }
        refusals.append(.placeTaken(segment: name, range: range, because: obstacle))
        return false
    }

    /// Of a range that reaches below 1 MiB, what lies above is taken from the common memory too.
    private mutating func takeUsable(part range: PhysicalRange) -> Bool {
        memory = MemoryAllocator(free: memory.free.subtracting(PhysicalRangeSet([range])))
        return true
    }

    mutating func add(_ segment: Segment) { segments.append(segment) }

    /// Places made bytes in a segment of their own and returns where they begin.
    mutating func addBytes(_ bytes: [UInt8], as name: String, bounds: PhysicalRange) -> PhysicalAddress? {
        let request = PlacementRequest(size: UInt64(max(bytes.count, 1)), bounds: bounds, preference: .highest)
        guard let home = home(for: name, request) else { return nil }
        add(Segment(name: name, place: home, contents: .bytes(bytes)))
        return home.start
    }
}
