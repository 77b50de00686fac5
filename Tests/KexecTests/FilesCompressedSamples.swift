// SPDX-License-Identifier: MIT
import BootFormats
import Foundation

/// `CompressedSample.contents`, compressed by the formats' own programs; how is in `command`.
struct CompressedSample: Sendable {
    var testDescription: String
    var compression: Compression
    var command: String
    private var base64: String

    /// Whether a checksum guards every byte of the contents.
    var hasChecksum: Bool { compression != .lzma && testDescription != "lz4, the old format" }

    var bytes: [UInt8] { Data(base64Encoded: base64).map { [UInt8]($0) } ?? [] }

    static let contents = (0..<150_000).map { UInt8(65 + $0 % 29) }

    static let all = [
        CompressedSample(
            testDescription: "gzip", compression: .gzip, command: "gzip -9n",
            base64: """
                H4sIAAAAAAACA+3JNQHAMAAAMG0dMzP4tzETO5M3IYqTNMuLsqqbtuuHcZqXdduP87qfN0gppZRSSimllFJKKaWUUk\
                oppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSiml\
                lFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUk\
                oppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSiml\
                lFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUk\
                oppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSiml\
                lFJKKaWUUkoppfwrP3GCXU7wSQIA
                """),
        CompressedSample(
            testDescription: "xz", compression: .xz, command: "xz -9",
            base64: """
                /Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4knvAHhdACCQhHa6inXPtA2y6J8Th/gFV33sre50eADx5/M0KDzxxPKSRx\
                wknCMB6F3g5O+xzoeMo2J0woq3m01VNj3/yibdSbY0QuEUea0CtlMXjp+Y4afAZKDXhYjRDJ278V5FgszQsM4ImQZ1\
                Dn8RDYTqEYyU0DIezfIAAACc5f4aqlsI0wABlAHwkwkAfwIz0LHEZ/sCAAAAAARZWg==
                """),
        CompressedSample(
            testDescription: "lzma", compression: .lzma, command: "xz --format=lzma",
            base64: """
                XQAAgAD//////////wAgkIR2uop1z7QNsuifE4f4BVd97K3udHgA8efzNCg88cTykkccJJwjAehd4OTvsc6HjKNidM\
                KKt5tNVTY9/8om3Um2NELhFHmtArZTF46fmOGnwGSg14WI0Qydu/FeRYLM0LDOCJkGdQ5/EQ2E6hGMlNAyHs8ymAP/\
                /t9QAA==
                """),
        CompressedSample(
            testDescription: "zstd", compression: .zstd, command: "zstd -19",
            base64: """
                KLUv/aTwSQIANAEA6EFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdAQCB/4NcOQFFAAAAAQDtCdgVEP67fYc=
                """),
        CompressedSample(
            testDescription: "zstd without a size", compression: .zstd, command: "zstd < FILE",
            base64: """
                KLUv/QRYNAEA6EFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdAQCB/4NcOQFFAAAIVgEA7MkOhP67fYc=
                """),
        CompressedSample(
            testDescription: "lz4, linked blocks, with a size", compression: .lz4,
            command: "lz4 -9 -BD -B4 --content-size",
            base64: """
                BCJNGExA8EkCAAAAAAAaKAEAAP8OQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF0dAP////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                ///////////////////////////////////////////////////LUFVWV1hZCgEAAA8dAP////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                ///////////////////////////////////////////////////oUFFSU1RVVAAAAA8dAP////////////////////\
                //////////////////////////////////////////////////////////////////////////////IlBISUpLTAAA\
                AACVLw+6
                """),
        CompressedSample(
            testDescription: "lz4, independent blocks with checksums", compression: .lz4, command: "lz4 -9 -BX -BI -B5",
            base64: """
                BCJNGHRQ/3QCAAD/DkFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdHQD///////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                ////////////////////////////////8HUEhJSktMXRm3bgAAAACVLw+6
                """),
        CompressedSample(
            testDescription: "lz4, the old format", compression: .lz4, command: "lz4 -l",
            base64: """
                AiFMGHQCAAD/DkFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdHQD///////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                //////////////////////////////////////////////////////////////////////////////////////////\
                ////////////////////////////8HUEhJSktM
                """),
        CompressedSample(
            testDescription: "bzip2", compression: .bzip2, command: "bzip2",
            base64: """
                QlpoOTFBWSZTWaUSpmIAChoGAD////4wARgBQADQAAFAANAAAFKqADIAAaZEoJjnkoJokoJpkoJqkoJrkoJskoJtko\
                JukoJvkoJhJQTGSgmBKCcCUE4koJyJQTmSgnQlBOpKCdiUE7koJ4JQTySgnolBPZKCfCUE+koJ+JQTIlBP4u5IpwoS\
                FKJUzEA=
                """),
    ]
}
