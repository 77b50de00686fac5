// SPDX-License-Identifier: MIT
public import BootFormats

/// Why a kernel cannot be put into an ELF file. Facts only.
public enum BootableELFError: Error, Hashable, Sendable {
    /// An ELF or Multiboot image, which is what would come out.
    case notBzImage(ImageKind)
    /// Not `LOADED_HIGH`: its home is where the memory below 640 KiB ends.
    case zImage
    /// Before 2.08 nothing in the header promises an entry in protected mode.
    case protocolTooOld(found: UInt16, needed: UInt16)
    /// What is no Linux, such as iPXE, promises real mode only.
    case realModeOnly
    case commandLineTooLong(length: Int, limit: UInt32)
    /// This program's own trampoline, of which `found` bytes could be unpacked, is not whole.
    case noTrampoline(found: Int)
    /// Where `part` would end, and the last address that it may have.
    case doesNotFit(Part, last: UInt64, limit: UInt64)

    /// What has a place of its own in memory.
    public enum Part: Hashable, Sendable { case kernel, trampoline, initrd }
}
