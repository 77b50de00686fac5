// SPDX-License-Identifier: MIT

/// What a test loads.
struct TestSegment: CustomStringConvertible {
    var start: UInt64
    var contents: [UInt8]
    /// Bytes of the place.
    var size: UInt64

    init(_ start: UInt64, _ contents: [UInt8], size: UInt64) {
        (self.start, self.contents, self.size) = (start, contents, size)
    }

    /// Contents that nothing else has, for a number of whole pages.
    init(_ start: UInt64, pages: Int, zeros: Int = 0) {
        (self.start, size, contents) = (start, UInt64(pages + zeros) * 4096, [])
        for page in 0..<UInt64(pages) {
            contents += Self.onePage
            let first = Int(page) * 4096
            withUnsafeBytes(of: start + page) { contents.replaceSubrange(first..<first + 8, with: $0) }
        }
    }

    private static let onePage = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 1) }

    var contentPages: [UInt64] { Self.pages(start, UInt64(contents.count)) }
    var pages: [UInt64] { Self.pages(start, size) }
    var zeroPages: [UInt64] { Array(pages.dropFirst(contentPages.count)) }
    var description: String { "0x\(hex(start)) \(contents.count) of \(size)" }

    private static func pages(_ start: UInt64, _ size: UInt64) -> [UInt64] {
        Array(stride(from: start, to: start + size, by: 4096))
    }
}
