// SPDX-License-Identifier: MIT
internal import Kexec
internal import PhysicalMemory

/// What a stretch of a machine's addresses is, before anything is loaded.
enum MemoryUse: UInt8, CaseIterable {
    /// No memory: nothing at all, or registers of devices.
    case nothing
    case ram, reserved, acpi, crashKernel, runningKernel
}

/// What a picture of a plan shows: the machine's memory, and where the segments go. No more than values; how large
/// anything is drawn is a `MemoryBar`'s business.
struct MemoryPicture {
    /// By the raw value of their use; none has an address of a lower one's but the two kernels'.
    let memory: [PhysicalRangeSet]
    /// Ascending, as in the plan.
    let places: [PhysicalRange]
    /// From address 0 to the end of the highest RAM or segment; what firmware reserves above that would only push
    /// everything else together. Empty where nothing is known.
    let whole: PhysicalRange
    /// Where the segments are, and an eighth of that on both sides; empty where there are none.
    let magnified: PhysicalRange

    /// Nothing is known of memory, and nothing placed in it.
    var isEmpty: Bool { whole.isEmpty }

    init(of plan: BootPlan, on machine: MachineDescription) {
        let map = machine.memoryMap
        let acpi = map.memory(of: .acpiTables).union(map.memory(of: .acpiNonVolatile))
        // Of what `/proc/iomem` reserves only RAM shows up: windows of buses are no memory.
        let all = PhysicalRangeSet(map.entries.map { $0.range }).union(machine.systemRAM)
        let ram = map.ram.union(machine.systemRAM).subtracting(machine.reserved)
        let reserved = all.subtracting(ram).subtracting(acpi)
        self.init(
            memory: [
                PhysicalRangeSet(), ram, reserved, acpi, PhysicalRangeSet(machine.crashKernel),
                PhysicalRangeSet(machine.runningKernelImage),
            ],
            places: plan.segments.map { $0.place })
    }

    init(memory: [PhysicalRangeSet], places: [PhysicalRange]) {
        self.memory = memory
        self.places = places
        var end = memory[Int(MemoryUse.ram.rawValue)].ranges.last?.end ?? .zero
        var lowest = PhysicalAddress(.max)
        var highest = PhysicalAddress.zero
        for place in places {
            lowest = min(lowest, place.start)
            highest = max(highest, place.end)
        }
        end = max(end, highest)
        whole = PhysicalRange(from: .zero, to: end)
        guard lowest < highest else {
            magnified = PhysicalRange(from: .zero, to: .zero)
            return
        }
        let margin = ((highest.rawValue - lowest.rawValue) / 8).roundedDown(to: pageSize)
        magnified = PhysicalRange(
            from: PhysicalAddress(lowest.rawValue - min(margin, lowest.rawValue)),
            to: PhysicalAddress(highest.rawValue + min(margin, end.rawValue - highest.rawValue)))
    }

    /// The sign of a segment: A to Z, a to z, 0 to 9; more segments than that no system call takes.
    static func letter(_ segment: Int) -> String {
        let code =
            switch segment {
            case 0..<26: 0x41 + segment
            case 26..<52: 0x61 + segment - 26
            case 52..<62: 0x30 + segment - 52
            default: 0x2a
            }
        return String(Unicode.Scalar(UInt8(truncatingIfNeeded: code)))
    }
}

extension MemoryUse {
    /// What stands for it in a column of text; never a letter.
    var sign: String {
        switch self {
        case .nothing: " "
        case .ram: "."
        case .reserved: "#"
        case .acpi: "%"
        case .crashKernel: "+"
        case .runningKernel: "="
        }
    }

    var name: String {
        switch self {
        case .nothing: "no memory"
        case .ram: "RAM"
        case .reserved: "reserved"
        case .acpi: "ACPI"
        case .crashKernel: "crash kernel region"
        case .runningKernel: "running kernel"
        }
    }
}
