// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// Addresses and flags: "0x1000200".
func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// "0x1000000-0x1ffffff": the last byte is part of it, as in `/proc/iomem`.
func addresses(_ range: PhysicalRange) -> String {
    hexadecimal(range.start.rawValue) + "-" + hexadecimal(range.isEmpty ? range.end.rawValue : range.end.rawValue - 1)
}

/// Sizes for people, rounded up so that "needed" is never understated: "17 bytes", "64 KiB", "300 MiB".
func byteSize(_ bytes: UInt64) -> String { size(bytes, roundsUp: true) }

/// The same, rounded down: beside a size that is needed and was found to be more, it is less in print, too.
func availableSize(_ bytes: UInt64) -> String { size(bytes, roundsUp: false) }

private func size(_ bytes: UInt64, roundsUp: Bool) -> String {
    let shift: UInt64 = bytes >= 10 << 20 ? 20 : bytes >= 10 << 10 ? 10 : 0
    let isBroken = bytes & ((1 << shift) - 1) != 0
    let number = String(bytes >> shift + (roundsUp && isBroken ? 1 : 0))
    return number + (shift == 20 ? " MiB" : shift == 10 ? " KiB" : " bytes")
}
