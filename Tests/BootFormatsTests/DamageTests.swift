// SPDX-License-Identifier: MIT
import BootFormats
import ImagePromises
import Testing

/// What is cut or changed anywhere is read or refused, and never traps.
@Suite struct DamageTests {
    @Test(arguments: [0x200, 0x203, 0x207, 0x208, 0x20a, 0x20f] as [UInt16])
    func refusesABzImageCutAnywhere(version: UInt16) {
        let builder = BzImageBuilder(version: version, appended: 64)
        let bytes = builder.bytes
        // Before 2.04 nothing tells where a bzImage ends, and before 2.08 its last unit may be cut.
        let complete = version < 0x204 ? builder.setupSize + 1 : builder.fullSize - (version < 0x208 ? 15 : 0)
        for size in 0...bytes.count {
            let isTaken = if case .success = recognised(Array(bytes[..<size])) { true } else { false }
            #expect(isTaken == (size >= complete), "\(size) bytes")
        }
    }

    @Test(arguments: [ELFBuilder(), .narrow])
    func refusesAnELFFileCutAnywhere(builder: ELFBuilder) {
        let bytes = builder.bytes
        for size in 0..<bytes.count {
            #expect(throws: ImageError.self, "\(size) bytes") { try recognised(Array(bytes[..<size])).get() }
        }
    }

    @Test(arguments: [
        (BzImageBuilder().bytes, 0x1f1..<0x270), (BzImageBuilder(version: 0x203).bytes, 0x1f1..<0x230),
        (ELFBuilder().bytes, 0..<64 + 112), (ELFBuilder.narrow.bytes, 0..<52 + 64),
        (NBIBuilder.linux.bytes, 0..<0x50), (NBIBuilder.relative.bytes, 0..<0x50),
    ])
    func keepsItsPromisesWhateverByteOfTheHeadersChanges(bytes: [UInt8], headers: Range<Int>) {
        var changed = bytes
        var accepted = 0
        for offset in headers {
            for value in Self.others(than: bytes[offset]) {
                changed[offset] = value
                guard case .success(let image) = recognised(changed) else { continue }
                accepted += 1
                let span = changed.span.bytes
                let broken = image.brokenPromise(in: span) ?? image.brokenSizePromise(in: span)
                if let broken { Issue.record("\(broken): \(value) at \(offset)") }
            }
            changed[offset] = bytes[offset]
        }
        #expect(accepted >= headers.count, "each byte has the value that it had")
    }

    /// The byte itself, it with each bit turned over, its neighbours, and the ends of both ranges.
    private static func others(than byte: UInt8) -> Set<UInt8> {
        Set((0..<8).map { byte ^ 1 << $0 } + [byte, byte &+ 1, byte &- 1, 0, 0x7f, 0x80, 0xff])
    }
}
