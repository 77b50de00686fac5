// SPDX-License-Identifier: MIT

/// What the loader tells the payload that goes down to real mode: one source file, compiled into both.
///
/// ```
///    0 version    4 instruction pointer, code segment    8 stack pointer, stack segment
///   12 data segments, flags    16 eax ebx ecx edx esi edi ebp    44 zero    48 firmware's state
/// ```
public struct RealModeParameters: BitwiseCopyable, Hashable, Sendable {
    /// The loader refuses a payload that was built for any other.
    public static let currentVersion: UInt32 = 3
    /// In bytes.
    public static let size = 56

    public private(set) var version = RealModeParameters.currentVersion
    /// Where real-mode code begins: `codeSegment` times 16, plus `instructionPointer`.
    public var instructionPointer: UInt16 = 0
    /// `cs`
    public var codeSegment: UInt16 = 0
    /// `sp`, in the segment that `stackSegment` names.
    public var stackPointer: UInt16 = 0
    /// `ss`
    public var stackSegment: UInt16 = 0
    /// `ds`, `es`, `fs` and `gs`.
    public var dataSegment: UInt16 = 0
    private var flagBits: UInt16 = 0
    public var eax: UInt32 = 0
    public var ebx: UInt32 = 0
    public var ecx: UInt32 = 0
    public var edx: UInt32 = 0
    public var esi: UInt32 = 0
    public var edi: UInt32 = 0
    public var ebp: UInt32 = 0
    private var zero1: UInt32 = 0
    /// Where the record of firmware's state lies, below 4 GiB; 0 for none.
    public var firmwareState: UInt64 = 0

    public init() {}

    /// Whether the payload goes back to its caller when the machine is as firmware left it: all but `firmwareState` is of no
    /// use then.
    public var returns: Bool {
        get { flagBits & 1 != 0 }
        set { flagBits = newValue ? 1 : 0 }
    }
}
