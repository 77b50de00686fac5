// SPDX-License-Identifier: MIT

/// What the loader tells purgatory: one source file, compiled into both.
///
/// The loader writes the block into the purgatory image at the offset that the image's header names; purgatory reads
/// it in place. All fields are little-endian and lie on multiples of their own size, so that the layout is the same
/// where 64-bit numbers are aligned to 4 bytes (i686).
/// ```
///    0 version, flags          88 exit mode, digest kind, segment count
///    8 entry                   92 reset delay, serial port, serial divisor
///   16 trace record           104 time-stamp frequency
///   24 registers              112 preparation
///                             128 segments: 16 of 64 bytes
/// ```
/// What lies before the segments is verified with purgatory's own code; their digests vouch for the segments themselves.
public struct PurgatoryParameters: BitwiseCopyable, Sendable {
    /// Purgatory refuses to go on with any other.
    public static let currentVersion: UInt32 = 1
    /// In bytes.
    public static let size = 1152
    /// Bytes before the segments: what a digest that stands among them can cover.
    public static let headSize = 128
    /// `KEXEC_SEGMENT_MAX` of Linux's `linux/kexec.h`: a load has no more segments than that.
    public static let segmentLimit = 16

    public var version = PurgatoryParameters.currentVersion
    private(set) var flagBits: UInt32 = 0
    /// Physical address of the first instruction of the next kernel; below 4 GiB for the 32-bit exit.
    public var entry: UInt64 = 0
    /// Physical address of a `TraceRecord` to fill in, aligned to 8 bytes; 0: none.
    public var traceRecord: UInt64 = 0
    /// What the next kernel finds in the general registers.
    public var registers = EntryRegisters()
    private var rawExitMode: UInt8 = 0
    private var rawDigestKind: UInt8 = 0
    /// How many of `segments` are in use.
    public private(set) var segmentCount: UInt16 = 0
    /// Seconds between the message about a digest mismatch and the reset.
    public var resetDelay: UInt16 = 30
    /// I/O port of an 8250 UART; used where `writesSerial` is set.
    public var serialPort: UInt16 = 0x3f8
    /// 115200 divided by the speed in bits a second; 0 leaves the port as it is set.
    public var serialDivisor: UInt16 = 0
    private var zero0: UInt16 = 0
    private var zero1: UInt32 = 0
    /// Frequency of the time-stamp counter in kHz, which times the reset delay; 0: unknown.
    public var timeStampFrequency: UInt64 = 0
    /// Physical address of a routine in 64-bit mode that is called before the jump, below 4 GiB like purgatory itself; it may
    /// leave other page tables, if they map both. For the 32-bit exit; 0: none.
    public var preparation: UInt64 = 0
    private var zero3: UInt64 = 0
    private var segments = InlineArray<16, CheckedSegment>(repeating: CheckedSegment())

    public init() {}
}

extension PurgatoryParameters {
    /// The state in which the processor enters the next kernel.
    public enum ExitMode: UInt8, Sendable {
        /// 64-bit, paging on as it was found; section "64-bit boot protocol" of Linux's boot.rst.
        case longMode = 0
        /// 32-bit, flat segments, paging off; section "32-bit boot protocol". Purgatory must lie below 4 GiB.
        case protectedMode = 1
    }

    /// nil: the block holds a number that this version does not know.
    public var exitMode: ExitMode? { ExitMode(rawValue: rawExitMode) }
    /// nil: the block holds a number that this version does not know.
    public var digestKind: DigestKind? { DigestKind(rawValue: rawDigestKind) }

    public mutating func setExitMode(_ mode: ExitMode) { rawExitMode = mode.rawValue }
    public mutating func setDigestKind(_ kind: DigestKind) { rawDigestKind = kind.rawValue }

    /// Whether purgatory writes to the UART at `serialPort`.
    public var writesSerial: Bool {
        get { flagBits & 1 != 0 }
        set { setFlag(1, newValue) }
    }

    /// Whether purgatory writes to VGA text memory.
    public var writesVGA: Bool {
        get { flagBits & 2 != 0 }
        set { setFlag(2, newValue) }
    }

    /// Whether purgatory puts the VGA back into text mode 3.
    public var resetsVGA: Bool {
        get { flagBits & 4 != 0 }
        set { setFlag(4, newValue) }
    }

    /// Whether purgatory leaves 5-level paging for 4-level paging. Purgatory must lie below 4 GiB, all else below 256 TiB.
    public var turnsOff5LevelPaging: Bool {
        get { flagBits & 8 != 0 }
        set { setFlag(8, newValue) }
    }

    /// Whether purgatory computes SHA-256 without the processor's SHA extensions even where it has them.
    public var avoidsSHAExtensions: Bool {
        get { flagBits & 16 != 0 }
        set { setFlag(16, newValue) }
    }

    /// Whether purgatory puts the processor's APIC from x2APIC mode into the mode that every kernel knows, where it is in the
    /// former and can leave it. Purgatory must lie below 4 GiB.
    public var leavesX2APIC: Bool {
        get { flagBits & 32 != 0 }
        set { setFlag(32, newValue) }
    }

    private mutating func setFlag(_ bit: UInt32, _ value: Bool) {
        flagBits = value ? flagBits | bit : flagBits & ~bit
    }

    /// The segment at `index`, which must be below `segmentLimit`; all zero beyond `segmentCount`.
    public subscript(segment index: Int) -> CheckedSegment { segments[index] }

    /// Adds a segment; false, and nothing added, where there are `segmentLimit` already.
    public mutating func append(_ segment: CheckedSegment) -> Bool {
        guard Int(segmentCount) < Self.segmentLimit else { return false }
        segments[Int(segmentCount)] = segment
        segmentCount += 1
        return true
    }

    /// Puts `digest` into the segment added last.
    public mutating func setLastDigest(_ digest: SegmentDigest) {
        guard segmentCount > 0 else { return }
        segments[Int(segmentCount) - 1].digest = digest
    }
}

/// The general registers at the entry of the next kernel; the 32-bit exit loads the low halves.
///
/// What an image expects in which of them is the loader's to know: 0 wherever it expects nothing.
public struct EntryRegisters: BitwiseCopyable, Hashable, Sendable {
    public var rax: UInt64 = 0
    public var rbx: UInt64 = 0
    public var rcx: UInt64 = 0
    public var rdx: UInt64 = 0
    /// Address of boot_params for Linux.
    public var rsi: UInt64 = 0
    public var rdi: UInt64 = 0
    public var rbp: UInt64 = 0
    /// 0: the end of purgatory's own stack, of which nothing is in use any more.
    public var rsp: UInt64 = 0

    public init() {}
}

/// One run of memory that purgatory compares with its digest.
///
/// Zero tails are no part of it: `byteCount` is the number of bytes handed over, not the size of the place.
public struct CheckedSegment: BitwiseCopyable, Sendable {
    /// Physical address of the first byte.
    public var start: UInt64
    public var byteCount: UInt64
    /// Of the kind that `PurgatoryParameters.digestKind` names.
    public var digest: SegmentDigest
    /// In ASCII, padded with zeros: for the message.
    public var name: InlineArray<16, UInt8>

    /// No bytes, no name: what stands behind the last segment that is in use.
    public init() {
        start = 0
        byteCount = 0
        digest = SegmentDigest()
        name = InlineArray(repeating: 0)
    }
}
