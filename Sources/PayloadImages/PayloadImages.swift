// SPDX-License-Identifier: MIT
//
// PayloadBytes.swift, which completes this module, is made by BuildPayload; in the static program PackedPayloads.swift
// stands in its place.

#if !PACKED_PAYLOADS
    /// The x86_64 purgatory: a flat image whose parameters the loader fills in; see Payloads/Purgatory/linker.ld.
    public func purgatoryImage() -> [UInt8] { bytes(ofBase64: purgatoryX86_64) }

    /// The way from 64-bit to real mode: a flat image whose parameters the loader fills in; see Payloads/RealMode/linker.ld.
    public func realModeImage() -> [UInt8] { bytes(ofBase64: realModeX86_64) }

    /// The payload that has a BIOS start a boot sector or a disk image, a bzImage; see Payloads/BIOSBoot.
    public func biosBootImage() -> [UInt8] { bytes(ofBase64: biosBootX86_64) }
    /// The way from a boot loader of ELF files to Linux: a flat image of 32-bit code that mkelfimage completes; see
    /// Payloads/Trampoline/linker.ld.
    public func trampolineImage() -> [UInt8] { bytes(ofBase64: trampolineI686) }
#endif

/// Decodes base64 up to the first character that is no digit: its end, or the padding.
public func bytes(ofBase64 text: StaticString) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8CodeUnitCount / 4 * 3)
    var group: UInt32 = 0
    var bits: UInt32 = 0
    for index in 0..<text.utf8CodeUnitCount {
        // A static string has as many bytes as it says.
        guard let digit = value(ofDigit: unsafe text.utf8Start[index]) else { break }
        group = group << 6 | digit
        bits += 6
        if bits >= 8 {
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: group >> bits))
        }
    }
    return bytes
}

private func value(ofDigit character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character) - 71
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character) + 4
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
}
