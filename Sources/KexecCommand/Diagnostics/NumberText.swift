// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// Addresses and flags: "0x1000200".
func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// "0x1000000-0x1ffffff": the last byte is part of it, as in `/proc/iomem`.
func addresses(_ range: PhysicalRange) -> String {
    hexadecimal(range.start.rawValue) + "-" + hexadecimal(range.isEmpty ? range.end.rawValue : range.end.rawValue - 1)
}

/// Sizes for people, rounded up so that "needed" is never understated: "17 bytes", "64 KiB", "300 MiB".
func byteSize(_ bytes: UInt64) -> String {
    let units: [(shift: UInt64, name: String)] = [(20, "MiB"), (10, "KiB")]
    for unit in units where bytes >= 10 << unit.shift {
        return "\(bytes >> unit.shift + (bytes & ((1 << unit.shift) - 1) == 0 ? 0 : 1)) \(unit.name)"
    }
    return "\(bytes) bytes"
}
