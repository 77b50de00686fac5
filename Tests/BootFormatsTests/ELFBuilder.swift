// SPDX-License-Identifier: MIT
import BootFormats

/// Builds small ELF executables: header, program headers, then 0x100 bytes for each segment.
struct ELFBuilder {
    struct Header {
        var type: UInt32 = 1
        var offset: UInt64?
        var virtualAddress: UInt64?
        var physicalAddress: UInt64 = 0
        var fileSize: UInt64 = 0x100
        var memorySize: UInt64 = 0x100
        var alignment: UInt64 = 4
        /// What the file has for it, where nothing else is said.
        var contents: [UInt8]?
    }

    var isWide = true
    var type: UInt16 = 2
    var machine: UInt16 = 62
    var entry: UInt64 = 0x100_0000
    var headers = [Header(physicalAddress: 0x100_0000), Header(physicalAddress: 0x200_0000, memorySize: 0x1000)]
    var patches: [(offset: Int, bytes: [UInt8])] = []

    static func wide(_ headers: [Header]) -> ELFBuilder { ELFBuilder(headers: headers) }
    static var narrow: ELFBuilder { ELFBuilder(isWide: false, machine: 3) }

    func patched<Value: FixedWidthInteger>(_ value: Value, at offset: Int) -> ELFBuilder {
        var copy = self
        var bytes: [UInt8] = []
        bytes.appendLittle(value)
        copy.patches.append((offset, bytes))
        return copy
    }

    var tableOffset: Int { isWide ? 64 : 52 }
    var entrySize: Int { isWide ? 56 : 32 }
    /// Where the first segment's bytes begin.
    var dataOffset: Int { tableOffset + entrySize * headers.count }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, isWide ? 2 : 1, 1, 1] + [UInt8](repeating: 0, count: 9)
        bytes.appendLittle(type)
        bytes.appendLittle(machine)
        bytes.appendLittle(UInt32(1))
        append(entry, to: &bytes)
        append(UInt64(tableOffset), to: &bytes)
        append(0, to: &bytes)
        bytes.appendLittle(UInt32(0))
        for value in [tableOffset, entrySize, headers.count, 0, 0, 0] { bytes.appendLittle(UInt16(value)) }
        var data: [UInt8] = []
        for header in headers {
            append(header, at: UInt64(dataOffset + data.count), to: &bytes)
            data += header.contents ?? [UInt8](repeating: 0xcc, count: 0x100)
        }
        bytes += data
        for patch in patches { bytes.store(patch.bytes, at: patch.offset) }
        return bytes
    }

    private func append(_ header: Header, at offset: UInt64, to bytes: inout [UInt8]) {
        bytes.appendLittle(header.type)
        if isWide { bytes.appendLittle(UInt32(7)) }
        append(header.offset ?? offset, to: &bytes)
        append(header.virtualAddress ?? header.physicalAddress, to: &bytes)
        append(header.physicalAddress, to: &bytes)
        append(header.contents.map { UInt64($0.count) } ?? header.fileSize, to: &bytes)
        append(header.memorySize, to: &bytes)
        if !isWide { bytes.appendLittle(UInt32(7)) }
        append(header.alignment, to: &bytes)
    }

    private func append(_ word: UInt64, to bytes: inout [UInt8]) {
        if isWide { bytes.appendLittle(word) } else { bytes.appendLittle(UInt32(truncatingIfNeeded: word)) }
    }

    var refusal: ImageError? {
        if case .failure(let error) = recognised(bytes) { error } else { nil }
    }

    var image: ELFImage? {
        if case .success(.elf(let image)) = recognised(bytes) { image } else { nil }
    }
}
