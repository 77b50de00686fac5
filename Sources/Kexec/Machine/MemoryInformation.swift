// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// The lines of `/proc/meminfo` that a plan asks for, in bytes; 0 where there is no such line.
struct MemoryInformation: Hashable {
    var total: UInt64 = 0
    var available: UInt64 = 0
    var swapFree: UInt64 = 0

    /// Reads `MemTotal:        1004512 kB`. A number that makes no sense counts as missing.
    init(parsing text: [UInt8]) {
        for line in text.lines {
            guard let (name, value) = line.value(of: ":"), let count = value.words.first?.decimal else { continue }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: 1024)
            guard !overflow else { continue }
            if name.equals("MemTotal") { total = bytes }
            if name.equals("MemAvailable") { available = bytes }
            if name.equals("SwapFree") { swapFree = bytes }
        }
    }
}

/// `/sys/kernel/vmcoreinfo`: `0x1041000 1024`, an address and a size, both hexadecimal; only the first with `0x`.
func vmcoreInfoPlace(parsing text: [UInt8]) -> PhysicalRange? {
    let words = text[...].words
    guard words.count == 2, let start = words[0].hexadecimal, let size = words[1].hexadecimal, size > 0 else {
        return nil
    }
    return PhysicalRange(start: PhysicalAddress(start), size: size)
}
