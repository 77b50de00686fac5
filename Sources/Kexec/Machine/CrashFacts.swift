// SPDX-License-Identifier: MIT
public import BootFormats
public import PhysicalMemory

/// What a core header tells of the running kernel, besides its memory; all of it empty where nothing is reserved for a
/// crash kernel, for it is not read then.
public struct CrashFacts: Hashable, Sendable {
    /// Everything that the running kernel uses as RAM, what drivers lend it included.
    public var memory = PhysicalRangeSet()
    /// `/sys/kernel/kexec/crash_cma_ranges`: RAM for the crash kernel that this kernel lends to programs until then
    /// (`crashkernel=SIZE,cma`).
    public var lentRanges: [PhysicalRange] = []
    /// `/sys/devices/system/cpu/cpuN/crash_notes`, by N: where each processor writes its registers when it is stopped.
    public var processorNotes: [PhysicalRange] = []
    /// The kernel's image, and its virtual address.
    public var kernelImage: CoreHeader.Load?
    /// The virtual address of physical address 0.
    public var directMapBase: UInt64?
    /// `/sys/devices/system/memory/crash_hotplug`, or the CPUs': the kernel keeps what is loaded up to date by itself.
    public var isKeptUpToDate = false
    /// `kernel.panic_on_oops`; nil where it is not shown.
    public var panicsOnOops: Bool?

    public init() {}
}

extension CrashFacts {
    /// Takes the kernel's addresses out of the program headers of `/proc/kcore` (ELF64), as far as they are there.
    mutating func addAddresses(kcore bytes: [UInt8]) {
        var entry = Self.tableStart
        while entry < min(bytes.count, Self.tableEnd(kcore: bytes)) {
            addAddress(
                virtual: bytes.loadLittle(UInt64.self, at: entry + 16) ?? 0,
                // What has no one physical address (vmalloc, modules) has this, and so have notes.
                physical: bytes.loadLittle(UInt64.self, at: entry + 24) ?? .max,
                size: bytes.loadLittle(UInt64.self, at: entry + 40) ?? 0)
            entry += Self.entrySize
        }
    }

    private mutating func addAddress(virtual: UInt64, physical: UInt64, size: UInt64) {
        guard physical != .max, virtual > physical, size > 0 else { return }
        if virtual < Self.kernelMap {
            directMapBase = directMapBase ?? virtual - physical
        } else if kernelImage == nil, let memory = PhysicalRange(start: PhysicalAddress(physical), size: size) {
            kernelImage = CoreHeader.Load(memory: memory, virtualAddress: virtual)
        }
    }

    /// `__START_KERNEL_map` of x86-64.
    private static let kernelMap: UInt64 = 0xffff_ffff_8000_0000
    /// `sizeof(Elf64_Ehdr)`, behind which the kernel has its table, and `sizeof(Elf64_Phdr)`.
    fileprivate static let tableStart = 64
    private static let entrySize = 56

    /// Where the program headers end that the first 64 bytes promise; 0 where they are no ELF64 file's.
    fileprivate static func tableEnd(kcore bytes: [UInt8]) -> Int {
        guard bytes.loadLittle(UInt32.self, at: 0) == 0x464c_457f, bytes.loadLittle(UInt8.self, at: 4) == 2,
            bytes.loadLittle(UInt64.self, at: 0x20) == UInt64(tableStart),
            let count = bytes.loadLittle(UInt16.self, at: 0x38)
        else { return 0 }
        return tableStart + Int(count) * entrySize
    }

    /// `crash_cma_ranges`: lines such as `10000000-1fffffff`.
    static func lentRanges(parsing text: [UInt8]) -> [PhysicalRange] {
        text.lines.compactMap { PhysicalRange(shownAs: $0) }
    }

    /// The last number of a list such as `0-3,8`; 0 where it makes no sense.
    static func lastProcessor(in list: ArraySlice<UInt8>) -> UInt64 {
        let last = list.lastIndex { $0.digit == nil }.map { list[($0 + 1)...] } ?? list
        return min(last.decimal ?? 0, 1 << 16)
    }
}

extension MachineRoot {
    /// - Parameter memory: what `/proc/iomem` calls RAM, at any level.
    func crashFacts(memory: PhysicalRangeSet) -> CrashFacts {
        var facts = CrashFacts()
        facts.memory = memory
        facts.lentRanges = CrashFacts.lentRanges(parsing: bytes("sys/kernel/kexec/crash_cma_ranges") ?? [])
        facts.processorNotes = processorNotes()
        if let kcore = head(of: "proc/kcore", first: CrashFacts.tableStart, all: { CrashFacts.tableEnd(kcore: $0) }) {
            facts.addAddresses(kcore: kcore)
        }
        for device in ["memory", "cpu"]
        where line("sys/devices/system/" + device + "/crash_hotplug")?.equals("1") == true {
            facts.isKeptUpToDate = true
        }
        facts.panicsOnOops = line("proc/sys/kernel/panic_on_oops").map { !$0.equals("0") }
        return facts
    }

    private func processorNotes() -> [PhysicalRange] {
        let folder = "sys/devices/system/cpu/"
        var notes: [PhysicalRange] = []
        for number in 0...CrashFacts.lastProcessor(in: line(folder + "possible") ?? []) {
            let name = folder + "cpu" + String(number) + "/crash_notes"
            guard let start = line(name)?.hexadecimal, let size = line(name + "_size")?.decimal, size > 0,
                let range = PhysicalRange(start: PhysicalAddress(start), size: size)
            else { continue }
            notes.append(range)
        }
        return notes
    }
}
