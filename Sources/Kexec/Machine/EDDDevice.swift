// SPDX-License-Identifier: MIT

/// One BIOS disk; `edd_info` of the boot protocol. From `boot_params`, else from `/sys/firmware/edd/int13_devXX`.
public struct EDDDevice: Hashable, Sendable {
    /// The BIOS drive number, 0x80 and up: XX of the folder's name.
    public var number: UInt8
    /// `version`, 0x30 and the like.
    public var version: UInt8
    /// `interface_support`: bit 0 fixed disk access, 1 locking and ejecting, 2 enhanced disk drive, 3 64-bit.
    public var extensions: UInt16
    /// `legacy_max_cylinder`: the last cylinder, counted from 0, as INT 13h, function 8 tells the geometry.
    public var legacyMaxCylinder: UInt16
    /// `legacy_max_head`: the last head, counted from 0.
    public var legacyMaxHead: UInt8
    /// `legacy_sectors_per_track`: how many, for sectors count from 1.
    public var legacySectorsPerTrack: UInt8
    /// `mbr_signature`, where shown.
    public var mbrSignature: UInt32?
    /// `raw_data`: `edd_device_params`, at most 74 bytes; empty where only the signature is known.
    public var rawData: [UInt8]

    public init(
        number: UInt8, version: UInt8 = 0, extensions: UInt16 = 0, legacyMaxCylinder: UInt16 = 0,
        legacyMaxHead: UInt8 = 0, legacySectorsPerTrack: UInt8 = 0, mbrSignature: UInt32? = nil, rawData: [UInt8] = []
    ) {
        self.number = number
        self.version = version
        self.extensions = extensions
        self.legacyMaxCylinder = legacyMaxCylinder
        self.legacyMaxHead = legacyMaxHead
        self.legacySectorsPerTrack = legacySectorsPerTrack
        self.mbrSignature = mbrSignature
        self.rawData = rawData
    }
}
