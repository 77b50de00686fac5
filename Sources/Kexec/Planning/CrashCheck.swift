// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// What a capture kernel needs of its memory, in bytes, when its first program runs.
///
/// Counted from the files, but for `work`: of that, Linux 6.1, 6.12 and 7.x with one processor and few devices were measured
/// to take 2 to 12 MiB in 256 MiB; the rest is for more devices, and for programs.
public struct CrashMemory: Hashable, Sendable {
    /// All that is RAM for it.
    public var available: UInt64
    /// `init_size`: what the kernel unpacks itself in, and then lives in.
    public var kernel: UInt64
    /// `struct page`: 2 MiB for each 128 MiB of addresses in which there is RAM.
    public var pages: UInt64
    /// The initrd as it is loaded.
    public var initrd: UInt64
    /// The same initrd unpacked into files: both are there for a while. Where it could not be unpacked, its own size.
    public var files: UInt64
    /// For devices and programs, see above.
    public static let work: UInt64 = 24 << 20

    /// All of these but `available`.
    public var needed: UInt64 { kernel &+ pages &+ initrd &+ files &+ Self.work }

    /// What to reserve where nothing more is known.
    static let usual: UInt64 = 256 << 20

    /// What to reserve: as much again as `work` for what saves the dump, in steps of 32 MiB.
    public var advised: UInt64 { (needed &+ Self.work).roundedUp(to: 32 << 20) ?? needed }
}

/// Whether a panic would end in a dump here, and why not.
public struct CrashCheck: Hashable, Sendable {
    /// Why no dump would come of a panic; `advised` is what to reserve, in bytes.
    public enum Obstacle: Hashable, Sendable {
        /// `crashkernel=` is in the command line all the same.
        case nothingReserved(isAskedFor: Bool, advised: UInt64)
        case nothingLoaded
        case refused(PlanRefusal)
        /// Bytes to reserve.
        case memoryShort(advised: UInt64)
    }

    /// The machine that was judged.
    public let machine: MachineDescription
    /// Nil where no kernel was named.
    public let plan: BootPlan?
    /// Nil as `plan`.
    public let memory: CrashMemory?
    /// Empty: a panic would end in a dump, as far as can be told.
    public let obstacles: [Obstacle]

    /// Of what is there, without a kernel.
    public init(of machine: MachineDescription) {
        self.machine = machine
        (plan, memory) = (nil, nil)
        obstacles =
            Self.reservation(machine)
            + (machine.crashRegion != nil && machine.kexec.crashLoaded != true ? [.nothingLoaded] : [])
    }

    /// Of a load that would be made; the initrd is unpacked to see how large it becomes.
    public init(of load: borrowing PreparedLoad) {
        self.init(of: load.machine, load.plan, load.crashMemory())
    }

    init(of machine: MachineDescription, _ plan: BootPlan, _ memory: CrashMemory) {
        (self.machine, self.plan, self.memory) = (machine, plan, memory)
        // Without a region there is no room either, and what is short is told by what is needed.
        let refusals = plan.refusals.filter { refusal in
            if case .noRoom = refusal { false } else { refusal != .noCrashKernelRegion }
        }
        let isShort = plan.lacksRoom || memory.needed > memory.available
        obstacles =
            Self.reservation(machine, advised: memory.advised) + refusals.map { .refused($0) }
            + (machine.crashRegion != nil && isShort ? [.memoryShort(advised: memory.advised)] : [])
    }

    private static func reservation(
        _ machine: MachineDescription, advised: UInt64 = CrashMemory.usual
    ) -> [Obstacle] {
        guard machine.crashRegion == nil else { return [] }
        let line = KernelCommandLine(machine.commandLine)
        return [.nothingReserved(isAskedFor: line.has("crashkernel"), advised: advised)]
    }
}

extension CrashMemory {
    /// - Parameter files: what the initrd becomes.
    init(of map: MemoryMap, kernel: UInt64, initrd: UInt64, files: UInt64) {
        let ram = map.ram
        available = ram.size
        (self.kernel, self.initrd, self.files) = (kernel, initrd, files)
        var sections: UInt64 = 0
        var next: UInt64 = 0
        for range in ram.ranges {
            let first = max(range.start.rawValue >> 27, next)
            let end = (range.end.rawValue - 1) >> 27 + 1
            if end > first { sections += end - first }
            next = max(next, end)
        }
        pages = sections << 21
    }
}
