// SPDX-License-Identifier: MIT
public import BootFormats
internal import Handoff
internal import PhysicalMemory

/// What an ELF file that was made by mkelfimage holds, read back from its boot_params.
public struct BootableELFContents: Hashable, Sendable {
    /// `version` of the boot protocol: 0x20f is 2.15.
    public var bootProtocol: UInt16
    /// Without its NUL; cut after 65536 bytes.
    public var commandLine: ByteString
    /// `ramdisk_image`, a physical address; 0 for none.
    public var initrdAddress: UInt64
    /// `ramdisk_size`, in bytes; 0 for none.
    public var initrdSize: UInt64

    /// nil where the file has another maker.
    public init?(of image: ELFImage, in bytes: borrowing RawSpan) {
        guard let start = Self.offset(of: image.entry, in: image),
            bytes.little(UInt64.self, at: start + 8) == TrampolineParameters.magic,
            let block = bytes.little(UInt32.self, at: start + 16), UInt64(block) < UInt64(bytes.byteCount - start),
            let address = bytes.little(UInt32.self, at: start + Int(block) + 4),
            let zeroPage = Self.offset(of: UInt64(address), in: image),
            let version = bytes.little(UInt16.self, at: zeroPage + 0x206),
            let initrd = bytes.little(UInt32.self, at: zeroPage + 0x218),
            let size = bytes.little(UInt32.self, at: zeroPage + 0x21c),
            let line = bytes.little(UInt32.self, at: zeroPage + 0x228),
            let lineOffset = Self.offset(of: UInt64(line), in: image)
        else { return nil }
        bootProtocol = version
        initrdAddress = UInt64(initrd)
        initrdSize = UInt64(size)
        var text: [UInt8] = []
        for offset in lineOffset..<max(lineOffset, bytes.byteCount) {
            guard let byte = bytes.byte(at: offset), byte != 0, text.count < 65536 else { break }
            text.append(byte)
        }
        commandLine = ByteString(text)
    }

    /// Where in the file what belongs at `address` is.
    private static func offset(of address: UInt64, in image: ELFImage) -> Int? {
        for segment in image.segments {
            let start = segment.physicalAddress.rawValue
            guard address >= start, address - start < UInt64(segment.file.count) else { continue }
            return segment.file.lowerBound + Int(address - start)
        }
        return nil
    }
}
