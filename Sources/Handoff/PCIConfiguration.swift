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
    /// The command register: bit 0 answers in I/O ports, 1 in memory, 2 may master the bus.
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
    /// Index of the base address register behind which the common configuration lies: `bar` of the capability with
    /// `VIRTIO_PCI_CAP_COMMON_CFG`.
    public var commonRegion: UInt8
    /// Where in that region it begins, in bytes; below 1 GiB.
    public var commonOffset: UInt32
    /// The same for the notifications: `VIRTIO_PCI_CAP_NOTIFY_CFG`.
    public var notifyRegion: UInt8
    /// Where in that region those of the queue with `queue_notify_off` 0 are, in bytes; below 1 GiB.
    public var notifyOffset: UInt32
    /// `notify_off_multiplier`: a queue's own are its `queue_notify_off` times so many bytes further on; below 64 KiB.
    public var notifyMultiplier: UInt32

    /// nil: the device has the interface from before version 1 only, or offsets that no device has.
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
///
/// Those of a port count from `port(_:)`. All are 32 bits wide; the upper halves of the addresses `commandList` and
/// `receivedFIS` are in the word behind.
public enum AHCIRegister {
    /// `GHC`, global HBA control.
    public static let globalControl: UInt64 = 0x04
    /// `IS`, a bit for each port that wants an interrupt.
    public static let interrupts: UInt64 = 0x08
    /// `PI`, a bit for each port that is there.
    public static let portsImplemented: UInt64 = 0x0c
    /// Where the registers of a port begin; only the lowest five bits of the number count.
    public static func port(_ number: UInt32) -> UInt64 { 0x100 &+ 0x80 &* UInt64(number & 31) }
    // From the port's own.
    /// `PxCLB` and `PxCLBU`, physical address of the command list.
    public static let commandList: UInt64 = 0x00
    /// `PxFB` and `PxFBU`, physical address of what the disk answers.
    public static let receivedFIS: UInt64 = 0x08
    /// `PxIS`; ones that are written clear bits.
    public static let portInterrupts: UInt64 = 0x10
    /// `PxIE`
    public static let interruptEnable: UInt64 = 0x14
    /// `PxCMD`, command and status.
    public static let command: UInt64 = 0x18
    /// `PxTFD`, the disk's status in the lowest byte.
    public static let taskFile: UInt64 = 0x20
    /// `PxSSTS`, the link as it is.
    public static let status: UInt64 = 0x28
    /// `PxSCTL`, the link as it shall be.
    public static let control: UInt64 = 0x2c
    /// `PxSERR`; ones that are written clear bits.
    public static let error: UInt64 = 0x30
    /// `PxCMD.ST`: the port takes commands from the list.
    public static let start: UInt32 = 1 << 0
    /// `PxCMD.FRE`: the port writes down what the disk answers.
    public static let receive: UInt32 = 1 << 4
    /// `PxCMD.FR`: it still does, also for a while after `receive` was cleared.
    public static let isReceiving: UInt32 = 1 << 14
    /// `PxCMD.CR`: it still takes commands, also for a while after `start` was cleared.
    public static let isRunning: UInt32 = 1 << 15
}

/// Registers of virtio over PCI, version 1, by offsets from the common configuration (Virtual I/O Device 1.2, section
/// 4.1.4.3; `struct virtio_pci_common_cfg` of <linux/virtio_pci.h>).
///
/// Those of queues show the queue whose number was written to `queueSelect`. The three addresses are physical; their
/// upper halves are in the word behind.
public enum VirtioRegister {
    /// Of all that firmware's drivers use, in bytes.
    public static let size: UInt64 = 0x38
    // 32 bits
    /// `driver_feature_select`: which 32 feature bits `driverFeature` shows, 0 or 1.
    public static let driverFeatureSelect: UInt64 = 0x08
    /// `driver_feature`: what the driver takes of the device's features.
    public static let driverFeature: UInt64 = 0x0c
    /// `queue_desc`
    public static let descriptors: UInt64 = 0x20
    /// `queue_driver`: the area that the driver writes.
    public static let driverArea: UInt64 = 0x28
    /// `queue_device`: the area that the device writes.
    public static let deviceArea: UInt64 = 0x30
    // 8 bits
    /// `device_status`: the bits below; writing 0 resets the device.
    public static let status: UInt64 = 0x14
    // 16 bits
    /// `queue_select`
    public static let queueSelect: UInt64 = 0x16
    /// `queue_size`, in descriptors.
    public static let queueSize: UInt64 = 0x18
    /// `queue_enable`: 1 once the device may use the queue.
    public static let queueEnable: UInt64 = 0x1c
    /// `queue_notify_off`: the queue's place among the notifications, see `VirtioPlaces.notifyMultiplier`.
    public static let queueNotifyOffset: UInt64 = 0x1e

    /// Of the status, `ACKNOWLEDGE` (section 2.1): the device was seen.
    public static let acknowledged: UInt32 = 1
    /// `DRIVER`: there is one for it.
    public static let driver: UInt32 = 2
    /// `DRIVER_OK`: the driver is ready, and so are its queues.
    public static let driverOK: UInt32 = 4
    /// `FEATURES_OK`: reads as set only where the device accepts the features.
    public static let featuresOK: UInt32 = 8
    /// Feature bit `VIRTIO_F_VERSION_1`: the interface since version 1.
    public static let versionOne: UInt64 = 1 << 32
    /// Feature bit `VIRTIO_F_RING_PACKED`: rings of another form, which no firmware uses.
    public static let packedRing: UInt64 = 1 << 34
}

/// How wide a register is; it is read and written as a whole.
public enum RegisterWidth: Sendable { case byte, half, word }
