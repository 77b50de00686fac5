// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// One line of `/proc/iomem`: `  01000000-01e00fff : Kernel code`.
struct IomemEntry: Hashable {
    /// 0 for a line that is not indented; each level adds two spaces.
    var depth: Int
    var range: PhysicalRange
    var name: ArraySlice<UInt8>
}

/// What `/proc/iomem` says of memory; a value, made without opening anything.
struct Iomem {
    var entries: [IomemEntry]
    /// There are lines, and every address in them is zero: shown so without CAP_SYS_ADMIN.
    var hidesAddresses: Bool

    /// Lines that are no `start-end : name` are left out, as are ranges that end before they start.
    init(parsing text: [UInt8]) {
        entries = text.lines.compactMap { IomemEntry(parsing: $0) }
        let zero = PhysicalRange(from: .zero, to: PhysicalAddress(1))
        hidesAddresses = !entries.isEmpty && entries.allSatisfy { $0.range == zero }
    }
}

extension IomemEntry {
    init?(parsing line: ArraySlice<UInt8>) {
        guard let (addresses, name) = line.value(of: " : "), let range = PhysicalRange(shownAs: addresses) else {
            return nil
        }
        depth = (line.prefix { $0 == UInt8(ascii: " ") }.count) / 2
        self.range = range
        self.name = name
    }
}

extension PhysicalRange {
    /// `01000000-01e00fff`, with the last byte's address.
    @inline(never) init?(shownAs addresses: ArraySlice<UInt8>) {
        guard let (first, last) = addresses.value(of: "-"), let start = first.number(radix: 16),
            let end = last.number(radix: 16)
        else { return nil }
        self.init(first: start, last: end)
    }

    /// The range of which `last` is the last byte, as Linux prints ranges; nil where it lies before `first`.
    /// The very last byte of 64 bits cannot be part of a half-open range and is left out.
    init?(first: UInt64, last: UInt64) {
        guard first <= last else { return nil }
        let (end, overflow) = last.addingReportingOverflow(1)
        self.init(from: PhysicalAddress(first), to: PhysicalAddress(overflow ? last : end))
    }
}

/// `/proc/iomem` sorted by what a plan asks of it.
struct IomemSummary {
    /// First-level "System RAM".
    var systemRAM = PhysicalRangeSet()
    /// The same at every level, and what drivers lend: "System RAM (kmem)".
    var allRAM = PhysicalRangeSet()
    var reserved = PhysicalRangeSet()
    var crashKernel: [PhysicalRange] = []
    var kernelImage: [PhysicalRange] = []
    /// The lines that name an E820 type, as a memory map.
    var memoryMap = MemoryMap()

    init(_ iomem: Iomem) {
        var ram: [PhysicalRange] = []
        var allRAM: [PhysicalRange] = []
        var reserved: [PhysicalRange] = []
        var map: [E820Entry] = []
        var isInsideRAM = false
        for entry in iomem.entries {
            if entry.depth == 0 { isInsideRAM = entry.name.equals("System RAM") }
            if entry.name.hasPrefix("System RAM") { allRAM.append(entry.range) }
            if entry.depth == 0 || !isInsideRAM, let type = E820Type(shownAs: entry.name) {
                map.append(E820Entry(range: entry.range, type: type))
            }
            if entry.name.equals("Crash kernel") {
                crashKernel.append(entry.range)
            } else if isInsideRAM, entry.name.hasPrefix("Kernel ") {
                kernelImage.append(entry.range)
            } else if entry.depth == 0, isInsideRAM {
                ram.append(entry.range)
            } else {
                // RAM that a driver lends ("System RAM (kmem)") comes here too: it may be taken back.
                reserved.append(entry.range)
            }
        }
        systemRAM = PhysicalRangeSet(ram)
        self.allRAM = PhysicalRangeSet(allRAM)
        self.reserved = PhysicalRangeSet(reserved)
        crashKernel.sort { $0.start < $1.start }
        kernelImage.sort { $0.start < $1.start }
        memoryMap = MemoryMap(map)
    }
}
