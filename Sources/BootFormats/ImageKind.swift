// SPDX-License-Identifier: MIT

/// What an image is, as far as `--type` tells kinds apart; the names are kexec-tools'.
public enum ImageKind: String, CaseIterable, Hashable, Sendable {
    /// With a 64-bit entry point.
    case bzImage64
    /// Entered in protected or real mode.
    case bzImage
    case elfX86_64 = "elf-x86_64"
    /// EM_386 or EM_486.
    case elfX86 = "elf-x86"
    /// With a header of Multiboot 0.6.96, or of Multiboot2.
    case multibootX86 = "multiboot-x86"
    case multiboot2X86 = "multiboot2-x86"
    /// Etherboot's tagged image.
    case nbiX86 = "nbi-x86"

    /// "bzImage64", "elf-x86".
    public var name: String { rawValue }
}
