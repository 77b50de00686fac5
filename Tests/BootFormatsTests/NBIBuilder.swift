// SPDX-License-Identifier: MIT
import BootFormats
import Testing

/// Builds network boot images.
struct NBIBuilder {
    struct Record {
        /// Bits 24 and 25 of its flags.
        var placing: UInt32 = 0
        var address: UInt32
        var imageLength: UInt32?
        var memoryLength: UInt32?
        /// Words of the common part and the maker's own.
        var sizes: UInt32 = 0x04
        var contents: [UInt8] = []
    }

    var flags: UInt32 = 0x04
    /// Segment and offset.
    var location: UInt32 = 0x9200_0000
    var entry: UInt32 = 0x9220_0000
    var records: [Record]
    /// Without it the chain of records has no end.
    var marksLast = true

    /// As mknbi lays out a kernel: its first program, and the kernel from 1 MiB on.
    static let linux = NBIBuilder(records: [
        Record(address: 0x9_2200, memoryLength: 0x1000, sizes: 0x14, contents: [UInt8](repeating: 0xf4, count: 0x200)),
        Record(address: 0x10_0000, contents: [UInt8](repeating: 0x90, count: 0x300)),
    ])
    /// Each record where the one before it leads, and one at the end of memory; entered in protected mode.
    static let relative = NBIBuilder(
        flags: 1 << 31 | 1 << 8 | 0x24, location: 0x1000_0000, entry: 0x1_0200,
        records: [
            Record(placing: 1, address: 0, memoryLength: 0x100, contents: [UInt8](repeating: 1, count: 0x80)),
            Record(placing: 3, address: 0x1200, contents: [UInt8](repeating: 2, count: 0x20)),
            Record(placing: 2, address: 0x1000, contents: [UInt8](repeating: 3, count: 0x40)),
        ])

    func with(_ change: (inout NBIBuilder) -> Void) -> NBIBuilder {
        var copy = self
        change(&copy)
        return copy
    }

    var bytes: [UInt8] {
        var header: [UInt8] = []
        for word in [0x1b03_1336, flags, location, entry] { header.appendLittle(word) }
        header += [UInt8](repeating: 0xee, count: Int(flags >> 4 & 15) * 4)
        for (index, record) in records.enumerated() {
            let isLast: UInt32 = marksLast && index == records.count - 1 ? 1 << 26 : 0
            header.appendLittle(isLast | record.placing << 24 | 0x1100 | record.sizes)
            header.appendLittle(record.address)
            header.appendLittle(record.imageLength ?? UInt32(record.contents.count))
            header.appendLittle(record.memoryLength ?? UInt32(record.contents.count))
            header += [UInt8](repeating: 0xdd, count: Int(record.sizes >> 4 & 15) * 4)
        }
        header = Array((header + [UInt8](repeating: 0, count: 512)).prefix(512))
        return header + records.flatMap(\.contents)
    }

    var result: Result<NBIImage, ImageError> {
        do throws(ImageError) { return .success(try NBIImage(parsing: bytes.span.bytes)) } catch {
            return .failure(error)
        }
    }

    var image: NBIImage? { if case .success(let image) = result { image } else { nil } }
    var refusal: ImageError? { if case .failure(let error) = result { error } else { nil } }
}

extension NBIBuilder: CustomTestStringConvertible {
    /// Without the records' contents, which would be a page each.
    var testDescription: String {
        "flags \(flags), \(records.count) records at \(records.map(\.address))\(marksLast ? "" : ", none the last")"
    }
}
