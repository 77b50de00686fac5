// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec

@Suite struct CyclicChecksumTests {
    /// The check values of the two in the catalogue of parametrised CRC algorithms.
    @Test func hasTheCheckValues() {
        let digits = Array("123456789".utf8)
        #expect(digits.withUnsafeBytes { CyclicChecksum.crc32.checksum(of: $0, after: 0) } == 0xcbf4_3926)
        #expect(digits.withUnsafeBytes { CyclicChecksum.crc64.checksum(of: $0, after: 0) } == 0x995d_c9bb_df19_39fa)
    }

    @Test func isWhatItWasOfNoBytes() {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(CyclicChecksum.crc32.checksum(of: nothing, after: 0xcbf4_3926) == 0xcbf4_3926)
        #expect(CyclicChecksum.crc64.checksum(of: nothing, after: 17) == 17)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 16, 63, 200])
    func goesOnAfterAnyNumberOfBytes(size: Int) {
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 / 7) }
        for checksum in [CyclicChecksum.crc32, .crc64] {
            let whole = bytes.withUnsafeBytes { checksum.checksum(of: $0, after: 0) }
            let parts = bytes.withUnsafeBytes {
                let first = checksum.checksum(of: UnsafeRawBufferPointer(rebasing: $0[..<size]), after: 0)
                return checksum.checksum(of: UnsafeRawBufferPointer(rebasing: $0[size...]), after: first)
            }
            #expect(parts == whole)
        }
    }
}
