// SPDX-License-Identifier: MIT
import Foundation
import Handoff
import PayloadImages
import Testing

/// The SHA unit of purgatory, run from its own image: the very bytes that run between two kernels.
private struct UnitInImage: SHA256Engine {
    typealias Unit = @convention(c) (UnsafeMutablePointer<UInt32>, UnsafeRawPointer, UInt) -> Void
    private let unit: Unit

    /// nil: the image cannot be made executable here.
    init?() {
        let image = bytes(ofBase64: purgatoryImage)
        guard let symbol = ELFProgram(bytes(ofBase64: purgatoryELF)).symbol("sha256_absorb_with_extensions"),
            let memory = mmap(nil, image.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { return nil }
        image.withUnsafeBytes { if let start = $0.baseAddress { memory.copyMemory(from: start, byteCount: $0.count) } }
        guard mprotect(memory, image.count, PROT_READ | PROT_EXEC) == 0 else { return nil }
        unit = unsafeBitCast(memory + symbol.address, to: Unit.self)
    }

    func absorb(_ blocks: RawSpan, into state: inout SHA256.State) {
        var words = state.mutableSpan
        words.withUnsafeMutableBufferPointer { words in
            blocks.withUnsafeBytes { blocks in
                guard let state = words.baseAddress, let start = blocks.baseAddress else { return }
                unit(state, start, UInt(blocks.count / 64))
            }
        }
    }
}

private let processorHasExtensions =
    (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains(" sha_ni ") == true

struct SHAExtensionsTests {
    @Test(.enabled(if: processorHasExtensions, "this processor has no SHA extensions"))
    func agreeWithThePortableCode() throws {
        let engine = try #require(UnitInImage())
        for length in [0, 1, 55, 56, 63, 64, 65, 127, 128, 1000, 4096] {
            let input = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 31 + 5) }
            input.withUnsafeBytes { input in
                let here = SegmentDigest(.sha256, of: input.bytes, engine: engine)
                #expect(here == SegmentDigest(.sha256, of: input.bytes), "\(length) bytes")
            }
        }
    }
}
