// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// A network boot image: Etherboot's tagged image, as mknbi and GRUB 1 make them.
///
/// "Draft Net Boot Image Proposal 0.3" (Honan, Kuhlmann and Yap, 1997) and what Etherboot and iPXE do (nbi.c). The first
/// 512 bytes of the file are the header; they are copied to memory, too. What the records say is to be loaded follows in
/// their order, without gaps. All numbers are little-endian:
/// ```
///    0 magic 0x1b031336    4 flags: 0-3 words (of 4 bytes) of this part, 4-7 words of the maker's own part behind it,
///                                   8 the image may return, 31 the entry is linear
///    8 where the header goes, offset and segment    12 the entry: offset and segment, or linear
///
///   record:  0 flags: 0-3 and 4-7 sizes as above, 8-15 the maker's tag, 26 the last one; 24-25 the load address is
///                     0 absolute, 1 counted from the end of the record before it, 2 down from the end of memory, 3 down
///                     from the beginning of the record before it
///            4 load address    8 image length, in the file    12 memory length, more than that is zeros
/// ```
/// A real-mode entry is called with two far pointers on the stack, to the header and to a BOOTP reply; a linear one in
/// flat protected mode with three pointers: to facts about the loader, the header, and the BOOTP reply.
///
/// The records stay in the file: where some go, the machine decides.
public struct NBIImage: Hashable, Sendable {
    /// Offset and segment, the segment in the upper half.
    public internal(set) var location: UInt32
    /// A linear address, or as `location`.
    public internal(set) var entry: UInt32
    /// Bit 31 of the flags: `entry` is linear, and entered in protected mode; else it is entered in real mode.
    public internal(set) var isLinear: Bool

    static let magic: UInt32 = 0x1b03_1336
    /// Bytes of the header.
    static let headerSize = 512

    /// Where the 512 bytes of the header go: `location` as a physical address.
    public var headerAddress: PhysicalAddress { Self.linear(location) }

    static func linear(_ pointer: UInt32) -> PhysicalAddress {
        PhysicalAddress(UInt64(pointer >> 16) << 4 + UInt64(pointer & 0xffff))
    }
}
