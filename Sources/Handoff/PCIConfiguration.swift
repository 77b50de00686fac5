// SPDX-License-Identifier: MIT

/// Where a PCI function is found.
public struct PCIAddress: BitwiseCopyable, Hashable, Sendable {
    /// The domain: one host bridge's own 256 buses.
    public var segment: UInt16
    public var bus: UInt8
    /// Device number times eight, plus the function's.
    public var deviceAndFunction: UInt8

    public init(segment: UInt16 = 0, bus: UInt8, deviceAndFunction: UInt8) {
        self.segment = segment
        self.bus = bus
        self.deviceAndFunction = deviceAndFunction
    }
}

/// The configuration space of one PCI function (PCI Local Bus Specification 3.0, chapter 6), by ports, files or arrays.
public protocol PCIConfiguration {
    /// The 32-bit word at `offset`, a multiple of four; all ones where there is none.
    func word(at offset: UInt8) -> UInt32
}

extension PCIConfiguration {
    /// Vendor in the low, device in the high half; all ones where there is no function.
    public var identity: UInt32 { word(at: 0x00) }
    /// Base class, subclass, programming interface, revision, from the highest byte down.
    public var classAndRevision: UInt32 { word(at: 0x08) }
    public var command: UInt16 { UInt16(truncatingIfNeeded: word(at: 0x04)) }
    /// 0 for a device, 1 for a bridge to another bus, 2 for one to CardBus.
    public var headerType: UInt8 { UInt8(truncatingIfNeeded: word(at: 0x0c) >> 16 & 0x7f) }

    /// The base address register as it is; 0 for those that a bridge does not have.
    @inline(never) public func baseAddress(_ index: UInt8) -> UInt32 {
        let count: UInt8 = headerType == 0 ? 6 : headerType == 1 ? 2 : 1
        return index < count ? word(at: 0x10 &+ 4 &* index) : 0
    }

    /// The address of the memory behind a base address register; nil where there is none.
    @inline(never) public func memory(_ index: UInt8) -> UInt64? {
        guard index < 6 else { return nil }
        let low = baseAddress(index)
        guard low & 1 == 0 else { return nil }
        // Bits 1 and 2 say 2: the next register holds the upper half.
        let high = low & 6 == 4 && index < 5 ? UInt64(baseAddress(index &+ 1)) : 0
        let start = high << 32 | UInt64(low & 0xffff_fff0)
        return start == 0 ? nil : start
    }

    /// The offset of the first capability; 0 where there is none.
    @inline(never) private var firstCapability: UInt8 {
        guard word(at: 0x04) & 1 << 20 != 0 else { return 0 }
        // A bridge to CardBus has other registers where the rest have this one.
        return UInt8(truncatingIfNeeded: word(at: headerType == 2 ? 0x14 : 0x34)) & 0xfc
    }

    /// The first capability for which `accepts` says so, by its offset and first word.
    public func firstCapability(_ accepts: (UInt8, UInt32) -> Bool) -> UInt8? {
        var offset = firstCapability
        // There is room for 48: a list that goes in circles ends, too.
        var left = 48
        while offset >= 0x40 && left > 0 {
            let first = word(at: offset)
            if accepts(offset, first) { return offset }
            offset = UInt8(truncatingIfNeeded: first >> 8) & 0xfc
            left &-= 1
        }
        return nil
    }
}

/// Where a virtio device of version 1 has its registers (Virtual I/O Device 1.2, section 4.1.4).
public struct VirtioPlaces: Hashable, Sendable {
    /// Base address register and offset of the common configuration.
    public var commonRegion: UInt8
    public var commonOffset: UInt32
    /// The same for the notifications; a queue's own is its number times the multiplier further on.
    public var notifyRegion: UInt8
    public var notifyOffset: UInt32
    public var notifyMultiplier: UInt32

    /// nil: the device has the interface from before version 1 only.
    public init?(in function: some PCIConfiguration) {
        guard let common = Self.structure(1, in: function), let notify = Self.structure(2, in: function),
            common <= 0xf0, notify <= 0xec
        else { return nil }
        commonRegion = UInt8(truncatingIfNeeded: function.word(at: common &+ 4))
        commonOffset = function.word(at: common &+ 8)
        notifyRegion = UInt8(truncatingIfNeeded: function.word(at: notify &+ 4))
        notifyOffset = function.word(at: notify &+ 8)
        notifyMultiplier = function.word(at: notify &+ 16)
        // Both are far smaller than this; sums of them stay in range.
        guard commonOffset < 1 << 30, notifyOffset < 1 << 30, notifyMultiplier < 1 << 16 else { return nil }
    }

    /// The vendor's capability whose `cfg_type` is `type`.
    @inline(never) private static func structure(_ type: UInt32, in function: some PCIConfiguration) -> UInt8? {
        function.firstCapability { _, first in first & 0xff == 0x09 && first >> 24 == type }
    }
}

/// Registers of the AHCI (Serial ATA AHCI 1.3.1, chapter 3), by their offsets from base address 5.
public enum AHCIRegister {
    public static let globalControl: UInt64 = 0x04
    public static let interrupts: UInt64 = 0x08
    public static let portsImplemented: UInt64 = 0x0c
    public static func port(_ number: UInt32) -> UInt64 { 0x100 &+ 0x80 &* UInt64(number & 31) }
    // From the port's own.
    public static let commandList: UInt64 = 0x00
    public static let receivedFIS: UInt64 = 0x08
    public static let portInterrupts: UInt64 = 0x10
    public static let interruptEnable: UInt64 = 0x14
    public static let command: UInt64 = 0x18
    public static let taskFile: UInt64 = 0x20
    public static let status: UInt64 = 0x28
    public static let control: UInt64 = 0x2c
    public static let error: UInt64 = 0x30
    /// Of `command`: start, receive FISes; and what says that they go on.
    public static let start: UInt32 = 1 << 0
    public static let receive: UInt32 = 1 << 4
    public static let isReceiving: UInt32 = 1 << 14
    public static let isRunning: UInt32 = 1 << 15
}

/// Registers of virtio over PCI, version 1, by offsets from the common configuration.
public enum VirtioRegister {
    /// Of all that firmware's drivers use, in bytes.
    public static let size: UInt64 = 0x38
    // 32 bits
    public static let driverFeatureSelect: UInt64 = 0x08
    public static let driverFeature: UInt64 = 0x0c
    public static let descriptors: UInt64 = 0x20
    public static let driverArea: UInt64 = 0x28
    public static let deviceArea: UInt64 = 0x30
    // 8 bits
    public static let status: UInt64 = 0x14
    // 16 bits
    public static let queueSelect: UInt64 = 0x16
    public static let queueSize: UInt64 = 0x18
    public static let queueEnable: UInt64 = 0x1c
    public static let queueNotifyOffset: UInt64 = 0x1e

    /// Of the status: acknowledged, driver, driver OK, features OK.
    public static let acknowledged: UInt32 = 1
    public static let driver: UInt32 = 2
    public static let driverOK: UInt32 = 4
    public static let featuresOK: UInt32 = 8
    /// Feature bit: the interface since version 1.
    public static let versionOne: UInt64 = 1 << 32
    /// Feature bit: rings of another form, which no firmware uses.
    public static let packedRing: UInt64 = 1 << 34
}

/// How wide a register is; it is read and written as a whole.
public enum RegisterWidth: Sendable { case byte, half, word }
