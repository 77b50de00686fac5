// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Where `struct boot_params` keeps what the BIOS said of its disks (Linux, Documentation/arch/x86/zero-page.rst).
private enum EDDOffsets {
    static let deviceCount = 0x1e9
    static let signatureCount = 0x1ea
    static let signatures = 0x290
    static let devices = 0xd00
    static let maximumSignatures = 16
    static let maximumDevices = 6
    /// `struct edd_info`: 8 bytes of header, then `edd_device_params`.
    static let deviceSize = 82
    static let rawDataSize = 74
}

extension EDDDevice {
    /// The disks in a `boot_params` block; none for a block of another size.
    static func disks(bootParameters: [UInt8]) -> [EDDDevice] {
        guard bootParameters.count == BootParameters.size else { return [] }
        var disks: [EDDDevice] = []
        for index in 0..<min(Int(bootParameters[EDDOffsets.deviceCount]), EDDOffsets.maximumDevices) {
            let start = EDDOffsets.devices + index * EDDOffsets.deviceSize
            disks.append(EDDDevice(information: bootParameters[start..<(start + EDDOffsets.deviceSize)]))
        }
        for index in 0..<min(Int(bootParameters[EDDOffsets.signatureCount]), EDDOffsets.maximumSignatures) {
            let number = UInt8(0x80 + index)
            let signature = bootParameters.loadLittle(UInt32.self, at: EDDOffsets.signatures + index * 4)
            if let place = disks.firstIndex(where: { $0.number == number }) {
                disks[place].mbrSignature = signature
            } else {
                disks.append(EDDDevice(number: number, mbrSignature: signature))
            }
        }
        return disks.sorted { UInt64($0.number) }
    }

    /// One `struct edd_info`; the slice has its size.
    private init(information: ArraySlice<UInt8>) {
        let bytes = Array(information)
        self.init(
            number: bytes[0], version: bytes[1], extensions: UInt16(bytes[2]) | UInt16(bytes[3]) << 8,
            legacyMaxCylinder: UInt16(bytes[4]) | UInt16(bytes[5]) << 8, legacyMaxHead: bytes[6],
            legacySectorsPerTrack: bytes[7], rawData: Array(bytes[8...]))
    }

    /// The bits behind the sentences of `extensions` (Linux, drivers/firmware/edd.c).
    static func extensions(parsing text: [UInt8]) -> UInt16 {
        let sentences: [(StaticString, UInt16)] = [
            ("Fixed disk access", 1), ("Device locking and ejecting", 2), ("Enhanced Disk Drive support", 4),
            ("64-bit extensions", 8),
        ]
        var bits: UInt16 = 0
        for line in text.lines {
            for (sentence, bit) in sentences where line.trimmed.equals(sentence) { bits |= bit }
        }
        return bits
    }
}

extension MachineRoot {
    /// The disks of `boot_params`, which the kernel's own loader passes on; `/sys/firmware/edd` where that is not shown.
    func eddDevices(bootParameters: [UInt8]?) -> [EDDDevice] {
        let folder = "sys/firmware/edd"
        var shown: [EDDDevice] = []
        for name in names(in: folder) ?? [] {
            if let device = eddDevice("\(folder)/\(name)", name: Array(name.utf8)) { shown.append(device) }
        }
        if let bootParameters { return EDDDevice.disks(bootParameters: bootParameters) }
        return shown.sorted { UInt64($0.number) }
    }

    private func eddDevice(_ folder: String, name: [UInt8]) -> EDDDevice? {
        guard name[...].hasPrefix("int13_dev"), let number = name.dropFirst(9).number(radix: 16),
            let number = UInt8(exactly: number)
        else { return nil }
        var device = EDDDevice(number: number)
        device.version = line("\(folder)/version")?.hexadecimal.flatMap { UInt8(exactly: $0) } ?? 0
        device.extensions = bytes("\(folder)/extensions", limit: 4096).map { EDDDevice.extensions(parsing: $0) } ?? 0
        device.legacyMaxCylinder =
            line("\(folder)/legacy_max_cylinder")?.decimal.flatMap { UInt16(exactly: $0) } ?? 0
        device.legacyMaxHead = line("\(folder)/legacy_max_head")?.decimal.flatMap { UInt8(exactly: $0) } ?? 0
        device.legacySectorsPerTrack =
            line("\(folder)/legacy_sectors_per_track")?.decimal.flatMap { UInt8(exactly: $0) } ?? 0
        device.mbrSignature = line("\(folder)/mbr_signature")?.hexadecimal.flatMap { UInt32(exactly: $0) }
        device.rawData = Array((bytes("\(folder)/raw_data", limit: 4096) ?? []).prefix(EDDOffsets.rawDataSize))
        return device
    }
}
