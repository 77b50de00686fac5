// SPDX-License-Identifier: MIT
//
// PayloadBytes.swift, which completes this module, is made by BuildPayload.

/// The x86_64 purgatory: a flat image whose parameters the loader fills in; see Payloads/Purgatory/linker.ld.
public func purgatoryImage() -> [UInt8] { bytes(ofSeptets: purgatoryX86_64) }

/// The way from 64-bit to real mode: a flat image whose parameters the loader fills in; see Payloads/RealMode/linker.ld.
public func realModeImage() -> [UInt8] { bytes(ofSeptets: realModeX86_64) }

/// Decodes text of which each character holds seven bits, the first bit of all first.
public func bytes(ofSeptets text: StaticString) -> [UInt8] {
    var bytes: [UInt8] = []
    var group: UInt32 = 0
    var bits: UInt32 = 0
    for index in 0..<text.utf8CodeUnitCount {
        // A static string has as many bytes as it says.
        group = group << 7 | UInt32(unsafe text.utf8Start[index])
        bits += 7
        if bits >= 8 {
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: group >> bits))
        }
    }
    return bytes
}
