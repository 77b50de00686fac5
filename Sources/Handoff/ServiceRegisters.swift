// SPDX-License-Identifier: MIT

/// The registers of real-mode code that calls a service of the BIOS, and of the answer; laid out as the payloads' gate keeps
/// them (`real_mode_registers`).
///
/// `ds` and `es` are real-mode segments, 16 bytes to each step; `flags` are the lower half of eflags.
public struct ServiceRegisters: Sendable, BitwiseCopyable {
    public var eax: UInt32 = 0
    public var ebx: UInt32 = 0
    public var ecx: UInt32 = 0
    public var edx: UInt32 = 0
    public var esi: UInt32 = 0
    public var edi: UInt32 = 0
    public var ebp: UInt32 = 0
    public var ds: UInt16 = 0
    public var es: UInt16 = 0
    public var flags: UInt16 = 0
    private var unused: UInt16 = 0

    public init() {}

    /// How a service says that it failed.
    public var carry: Bool {
        get { flags & 1 != 0 }
        set { flags = flags & ~1 | (newValue ? 1 : 0) }
    }
    var ax: UInt16 {
        get { UInt16(truncatingIfNeeded: eax) }
        set { eax = eax & 0xffff_0000 | UInt32(newValue) }
    }
    public var ah: UInt8 {
        get { UInt8(truncatingIfNeeded: eax >> 8) }
        set { eax = eax & 0xffff_00ff | UInt32(newValue) << 8 }
    }
    var al: UInt8 {
        get { UInt8(truncatingIfNeeded: eax) }
        set { eax = eax & 0xffff_ff00 | UInt32(newValue) }
    }
    var bx: UInt16 {
        get { UInt16(truncatingIfNeeded: ebx) }
        set { ebx = ebx & 0xffff_0000 | UInt32(newValue) }
    }
    var cx: UInt16 {
        get { UInt16(truncatingIfNeeded: ecx) }
        set { ecx = ecx & 0xffff_0000 | UInt32(newValue) }
    }
    var dx: UInt16 {
        get { UInt16(truncatingIfNeeded: edx) }
        set { edx = edx & 0xffff_0000 | UInt32(newValue) }
    }
    var dh: UInt8 { UInt8(truncatingIfNeeded: edx >> 8) }
    public var dl: UInt8 {
        get { UInt8(truncatingIfNeeded: edx) }
        set { edx = edx & 0xffff_ff00 | UInt32(newValue) }
    }
}
