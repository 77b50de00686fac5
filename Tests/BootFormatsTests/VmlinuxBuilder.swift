// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory

/// Builds small unpacked payloads: two segments, the second ending with `.bss`, and a relocation table.
struct VmlinuxBuilder {
    /// Where a list is in the table, from Linux 7.2 on without the inverse one.
    var lists: [[UInt32]] = [[0x8100_0010], [0x8100_0020], [0x8100_0030, 0x8100_2040]]
    var hasTable = true
    /// Words behind the section headers, in the place of the table.
    var table: [UInt32]?
    /// What the file has for `.bss`.
    var bss: UInt8 = 0
    var bssName = ".bss"
    /// `p_vaddr` of the second segment; 0 as per-CPU segments have it.
    var secondVirtualAddress: UInt64 = 0xffff_ffff_8100_2000
    var entry: UInt64 = 0x100_2080
    var patches: [(offset: Int, bytes: [UInt8])] = []

    static let place = PhysicalRange(from: PhysicalAddress(0x100_0000), to: PhysicalAddress(0x120_0000))
    /// In the file: segment after segment, then names, then section headers.
    static let (first, second, names, sections, tableStart) = (0x200, 0x600, 0xa00, 0xa40, 0xa40 + 3 * 64)
    /// Bytes of each segment, and those of them before `.bss`.
    static let (size, bssOffset) = (0x400, 0x300)

    func patched<Value: FixedWidthInteger>(_ value: Value, at offset: Int) -> VmlinuxBuilder {
        var copy = self
        var bytes: [UInt8] = []
        bytes.appendLittle(value)
        copy.patches.append((offset, bytes))
        return copy
    }

    var bytes: [UInt8] {
        var elf = ELFBuilder.wide([
            .init(
                offset: UInt64(Self.first), virtualAddress: 0xffff_ffff_8100_0000, physicalAddress: 0x100_0000,
                fileSize: UInt64(Self.size), memorySize: UInt64(Self.size)),
            .init(
                offset: UInt64(Self.second), virtualAddress: secondVirtualAddress, physicalAddress: 0x100_2000,
                fileSize: UInt64(Self.size), memorySize: UInt64(Self.size)),
        ])
        elf.entry = entry
        var bytes = Array(elf.bytes.prefix(64 + 2 * 56)) + [UInt8](repeating: 0, count: Self.tableStart)
        bytes.removeLast(bytes.count - Self.tableStart)
        for offset in Self.first..<Self.second + Self.bssOffset { bytes[offset] = 0x11 }
        for offset in Self.second + Self.bssOffset..<Self.names { bytes[offset] = bss }
        bytes.store("\0.text\0\(bssName)\0".utf8, at: Self.names)
        section(1, name: 1, address: 0xffff_ffff_8100_0000, offset: Self.first, &bytes)
        section(2, name: 7, address: secondVirtualAddress + UInt64(Self.bssOffset), offset: 0, &bytes)
        bytes.store(UInt64(Self.names), at: Self.sections + 0x18)
        bytes.store(UInt64(Self.sections), at: 0x28)
        for (offset, value) in [(0x3a, 64), (0x3c, 3), (0x3e, 0)] { bytes.store(UInt16(value), at: offset) }
        for word in words { bytes.appendLittle(word) }
        for patch in patches { bytes.store(patch.bytes, at: patch.offset) }
        return bytes
    }

    private var words: [UInt32] { table ?? (hasTable ? lists.flatMap { [0] + $0 } : []) }

    private func section(_ index: Int, name: UInt32, address: UInt64, offset: Int, _ bytes: inout [UInt8]) {
        bytes.store(name, at: Self.sections + 64 * index)
        bytes.store(address, at: Self.sections + 64 * index + 0x10)
        bytes.store(UInt64(offset), at: Self.sections + 64 * index + 0x18)
    }

    var image: UnpackedLinux? { try? UnpackedLinux(parsing: bytes.span.bytes, linkedAt: Self.place) }

    var refusal: ImageError? {
        do throws(ImageError) {
            _ = try UnpackedLinux(parsing: bytes.span.bytes, linkedAt: Self.place)
            return nil
        } catch { return error }
    }

    /// The bytes, moved; nil where that was refused.
    func moved(by distance: UInt64) -> [UInt8]? {
        guard let image, let relocations = image.relocations else { return nil }
        var bytes = bytes
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        do throws(ImageError) { try relocations.apply(distance, to: &raw, image.segments) } catch { return nil }
        return bytes
    }
}
