// SPDX-License-Identifier: MIT

/// What firmware left in the machine's PCI functions, read before Linux's drivers loaded: one source file, compiled into
/// the loader, which records and checks it, and into the payloads that give it back.
///
/// ```
///    0 header         32 bytes
///   32 functions      48 bytes each
///   …  channels       48 bytes each: a port of an AHCI controller, a queue of a virtio device
/// ```
/// Little-endian, all fields naturally aligned. In the machine's memory `scratchSize` bytes follow that payloads may use.
public struct FirmwareStateHeader: BitwiseCopyable, Hashable, Sendable {
    /// "SWKXFWS1" in memory.
    public static let magic: UInt64 = 0x3153_5746_584b_5753
    /// A record of any other is refused.
    public static let currentVersion: UInt32 = 2
    /// In bytes.
    public static let size = 32
    /// In bytes; behind the record, for requests of the payload's own.
    public static let scratchSize = 256
    /// More functions than any machine has, and room for the channels of all.
    public static let maximumSize: UInt32 = 1 << 20

    public private(set) var magic = FirmwareStateHeader.magic
    public private(set) var version = FirmwareStateHeader.currentVersion
    /// Of the whole record, in bytes.
    public var totalSize: UInt32 = 0
    public var functionCount: UInt32 = 0
    public var channelCount: UInt32 = 0
    /// `FastHash` of all that follows the header.
    public var checksum: UInt64 = 0

    public init() {}

    /// What the counts come to, in bytes: 48 times twice 32 bits, no overflow.
    public var neededSize: UInt64 {
        UInt64(Self.size) &+ 48 &* (UInt64(functionCount) &+ UInt64(channelCount))
    }
}

/// What a controller is driven by.
public enum ControllerKind: UInt8, Sendable {
    /// No controller whose state is kept: command word and base addresses are all.
    case none = 0
    case ahci = 1
    case virtioBlock = 2
    case virtioSCSI = 3
    /// NVM Express: where its queues are cannot be read back.
    case nvme = 4
}

/// Whose the state of a controller is.
public enum ControllerStanding: UInt8, Sendable {
    /// Firmware's: it can be given back.
    case kept = 0
    /// A Linux driver was there first.
    case driverFirst = 1
    /// Firmware never used it.
    case unused = 2
    /// It could not be read, or is of a form that cannot be given back.
    case notReadable = 3
}

/// One PCI function as it was found.
public struct FunctionRecord: BitwiseCopyable, Hashable, Sendable {
    /// In bytes.
    public static let size = 48

    public var address: PCIAddress
    /// Vendor in the low, device in the high half.
    public var identity: UInt32
    /// As in the configuration space, revision in the lowest byte.
    public var classAndRevision: UInt32
    /// The command register, offset 0x04 of the configuration space: what the function may do on the bus.
    public var command: UInt16
    private var rawKind: UInt8 = 0
    private var rawStanding: UInt8 = 0
    private var base0: UInt32
    private var base1: UInt32
    private var base2: UInt32
    private var base3: UInt32
    private var base4: UInt32
    private var base5: UInt32
    /// The index of its first channel among those of the record.
    public var firstChannel: UInt16 = 0
    /// How many channels it has from there on; 0 for what is no controller, or whose state is not kept.
    public var channelCount: UInt16 = 0
    /// AHCI: global host control (`GHC`).
    public var control: UInt32 = 0

    /// Reads identity, class, command and base addresses; neither kind nor standing, and no channels.
    public init(_ function: some PCIConfiguration, at address: PCIAddress) {
        self.address = address
        identity = function.identity
        classAndRevision = function.classAndRevision
        command = function.command
        base0 = function.baseAddress(0)
        base1 = function.baseAddress(1)
        base2 = function.baseAddress(2)
        base3 = function.baseAddress(3)
        base4 = function.baseAddress(4)
        base5 = function.baseAddress(5)
    }

    /// nil: a kind that this version does not know.
    public var kind: ControllerKind? { ControllerKind(rawValue: rawKind) }
    /// nil likewise.
    public var standing: ControllerStanding? { ControllerStanding(rawValue: rawStanding) }
    public mutating func set(_ kind: ControllerKind, _ standing: ControllerStanding) {
        (rawKind, rawStanding) = (kind.rawValue, standing.rawValue)
    }

    /// The base address register as it was read, flags included; any index above 5 counts as 5.
    @inline(never) public func baseAddress(_ index: UInt8) -> UInt32 {
        switch index {
        case 0: base0
        case 1: base1
        case 2: base2
        case 3: base3
        case 4: base4
        default: base5
        }
    }

    /// Base class 0x01: mass storage.
    public var isStorage: Bool { classAndRevision >> 24 == 0x01 }
    /// Base class 0x06: a bridge, to another bus or of the host.
    public var isBridge: Bool { classAndRevision >> 24 == 0x06 }

    /// The first thing in which `function` is another than the recorded one; nil where it is the same.
    @inline(never) public func difference(from function: some PCIConfiguration) -> FunctionDifference? {
        let found = function.identity
        if found == .max { return .missing }
        if found != identity { return .identity(found: found, recorded: identity) }
        var index: UInt8 = 0
        while index < 6 {
            let found = function.baseAddress(index)
            let recorded = baseAddress(index)
            if found != recorded { return .baseAddress(index, found: found, recorded: recorded) }
            index &+= 1
        }
        return nil
    }
}

/// How a function differs from the recorded one.
public enum FunctionDifference: Hashable, Sendable {
    case missing
    case identity(found: UInt32, recorded: UInt32)
    case baseAddress(UInt8, found: UInt32, recorded: UInt32)
}

/// What a controller reads requests from: a port of an AHCI controller, or a queue of a virtio device.
public struct ChannelRecord: BitwiseCopyable, Hashable, Sendable {
    /// In bytes.
    public static let size = 48

    /// The port's or the queue's number.
    public var number: UInt32 = 0
    /// AHCI: `PxCMD`. virtio: the queue's size.
    public var commandOrSize: UInt32 = 0
    /// AHCI: `PxIE`. virtio: the queue's place among the notifications.
    public var interruptsOrNotify: UInt32 = 0
    /// AHCI: `PxSCTL`. virtio: the device's status.
    public var controlOrStatus: UInt32 = 0
    /// virtio: the features that firmware took.
    public var features: UInt64 = 0
    /// AHCI: the command list, `PxCLB`. virtio: the descriptors.
    public var commands: UInt64 = 0
    /// AHCI: where what the disk answers goes, `PxFB`. virtio: the area that the device writes.
    public var answers: UInt64 = 0
    /// virtio: the area that the driver writes.
    public var requests: UInt64 = 0

    public init() {}
}

/// Why bytes are not the record of a machine's firmware: what one of its numbers is, and what it has to be.
public struct FirmwareStateError: Error, Hashable, Sendable {
    /// What is not as it has to be.
    public enum Field: Sendable {
        case magic, version, size, counts, checksum
        /// Channels of a function end behind the last one.
        case channels
    }

    public var field: Field
    public var found: UInt64
    public var needed: UInt64

    public init(_ field: Field, found: UInt64, needed: UInt64) {
        self.field = field
        self.found = found
        self.needed = needed
    }
}

/// Reads a record where it lies.
public enum FirmwareState {
    /// The header, once it fits the bytes; nil for what is no record. Whether they are still what was recorded is for the
    /// loader to check, and for purgatory.
    @inline(never) public static func header(of bytes: RawSpan) -> FirmwareStateHeader? {
        guard bytes.byteCount >= FirmwareStateHeader.size else { return nil }
        // The size was checked, and every pattern of bits is a header.
        let header = unsafe bytes.unsafeLoadUnaligned(as: FirmwareStateHeader.self)
        guard header.magic == FirmwareStateHeader.magic, header.version == FirmwareStateHeader.currentVersion,
            UInt64(header.totalSize) == UInt64(bytes.byteCount), header.neededSize == UInt64(bytes.byteCount)
        else { return nil }
        return header
    }

    /// The function at `index`, which is less than the header's count; `bytes` have passed `header(of:)`.
    @inline(never) public static func function(_ index: UInt32, of bytes: RawSpan) -> FunctionRecord {
        let offset = FirmwareStateHeader.size &+ FunctionRecord.size &* Int(truncatingIfNeeded: index)
        // The header's counts fit into the bytes.
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: FunctionRecord.self)
    }

    /// The channel at `index` likewise.
    @inline(never) public static func channel(
        _ index: UInt32, of bytes: RawSpan, _ header: FirmwareStateHeader
    ) -> ChannelRecord {
        let functions = FunctionRecord.size &* Int(truncatingIfNeeded: header.functionCount)
        let offset =
            FirmwareStateHeader.size &+ functions &+ ChannelRecord.size &* Int(truncatingIfNeeded: index)
        // As above.
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: ChannelRecord.self)
    }
}
