// SPDX-License-Identifier: MIT
import BootFormats
import Foundation

/// `PackedArchive.contents`, compressed by the formats' own programs.
struct PackedArchive: Sendable {
    var testDescription: String
    var compression: Compression
    var command: String
    private var base64: String

    var bytes: [UInt8] { Data(base64Encoded: base64).map { [UInt8]($0) } ?? [] }

    static let contents: [UInt8] = {
        func numbered(_ entry: [UInt8], _ number: UInt8, links: UInt8 = 1) -> [UInt8] {
            var entry = entry
            entry[13] = 0x30 + number
            entry[45] = 0x30 + links
            return entry
        }
        let file = (0..<5001).map { UInt8(65 + $0 % 29) }
        var bytes = numbered(InitrdBuilder.entry("etc", mode: InitrdBuilder.folder), 1, links: 2)
        bytes += numbered(InitrdBuilder.entry("etc/name", file), 2)
        bytes += numbered(InitrdBuilder.entry("TRAILER!!!", mode: 0), 3)
        bytes.pad(to: 512)
        return bytes
    }()

    /// One of each format that Linux takes.
    static let all = [
        PackedArchive(
            testDescription: "gzip", compression: .gzip, command: "gzip -9",
            base64: """
                H4sIAAAAAAACA+3Yyw6CMBAF0PmVfoEz0gRYooKi+Kqg+Fqgdqkr/z8mGBIwGg1xee+m05y0dz/sssvCz5SnFnvh9+ly\
                u+hqsPczEXG9s/zTk0J/eCuNi+P5P3b6tc7OrbhaoqDXH4TRcBSPJ8l0Nl8szSrN1pt8u9sfjkAgEAgEAoFAIBAIBAKB\
                QCDwP/i6A3S+7PKk5d7xVA2pCeIkNEopQhp5AImtwQ0AFgAA
                """),
        PackedArchive(
            testDescription: "xz", compression: .xz, command: "xz -9 --check=crc32",
            base64: """
                /Td6WFoAAAFpIt42AgAhARwAAAAQz1jM4BX/AIddABgN3QRjnHIbdDpiTEwf4upL+GxMw0nWdkosbHbNZBZ0otGb6LJT\
                dECrID85+8gg2GJeIvcr6HNWEo7dMQVUcDxyWfY7za9nNXylSPMTm2uDbLiJmt8q88qOlUwp3hwf+oeO3cQd7NWjvBuv\
                O9WDtCrgg9cli35QJ+/orWOM0uak424tebNjZAAAia3BDQABnwGALAAARFALzj4wDYsCAAAAAAFZWg==
                """),
        PackedArchive(
            testDescription: "lzma", compression: .lzma, command: "xz -9 --format=lzma",
            base64: """
                XQAAAAT//////////wAYDd0EY5xyG3Q6YkxMH+LqS/hsTMNJ1nZKLGx2zWQWdKLRm+iyU3RAqyA/OfvIINhiXiL3K+hz\
                VhKO3TEFVHA8cln2O82vZzV8pUjzE5trg2y4iZrfKvPKjpVMKd4cH/qHjt3EHezVo7wbrzvVg7Qq4IPXJYt+UCfv6K1j\
                jNLmpONuLYXX1r//+fEVgA==
                """),
        PackedArchive(
            testDescription: "bzip2", compression: .bzip2, command: "bzip2",
            base64: """
                QlpoOTFBWSZTWcp0RSgAADJ/gMxCCAgoAPzgP////j4DBAAACDAA5MhiiZQ0ZGjJkGgAAA9QCKqDRoAAAAwgAGjQRVQB\
                oAMgGgA0NAyB+ss9aGAQQEoQRKRcNzHokgXpkfc9LWQwxPdYApKCOCQTRGeiiqV7k+NSQjaCm1WoAEgiKfIQSCaUUTUi\
                ia0USXaiibkUTeiiRIokMaKJIiiUJUUSFFEiBROQKJICicwUS1L1BRMAKJ0lBRKYKJ2BRO4KJ4BRPIKJ6BRJgUT4CiTA\
                okf6KcmngunGeAk/i7kinChIZToilAA=
                """),
        PackedArchive(
            testDescription: "lz4", compression: .lz4, command: "lz4 -9 -l",
            base64: """
                AiFMGKUAAAByMDcwNzAxMAEAAQgAXzQxZWQwAQADLzIwAQAjFDQJAGlldGMAAAB0AAFUAE84MWE0PAAEGTENAD8zODl0\
                ABQXOXQA/xUvbmFtZQAAQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF0dAP////////////////////////9sDAQU\
                HzPMEwwfMXgUJBRiCQC/VFJBSUxFUiEhIQABAPdQAAAAAAA=
                """),
        PackedArchive(
            testDescription: "zstd", compression: .zstd, command: "zstd -19",
            base64: """
                KLUv/WQAFfUDAGKFFBhAeQNX6QY0xZgttNB6GlxF7jI/LMOwcyk958SHswy4ctDfq9dxm5Zhl1VReJIi6HEaZlES5DAK\
                YujO40cCghDUf/t9QLs7LLNbpy7mt/5+/XoRIFBraesGDMpz8fTEoIgHlEhg2oD942tJuVtU7L2fMsPriU2pCRc2Apm9\
                bGI=
                """),
    ]

    /// What programs take, and Linux does not.
    static let refused = [
        PackedArchive(
            testDescription: "xz with CRC64", compression: .xz, command: "xz -9",
            base64: """
                /Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4BX/AIddABgN3QRjnHIbdDpiTEwf4upL+GxMw0nWdkosbHbNZBZ0otGb6LJT\
                dECrID85+8gg2GJeIvcr6HNWEo7dMQVUcDxyWfY7za9nNXylSPMTm2uDbLiJmt8q88qOlUwp3hwf+oeO3cQd7NWjvBuv\
                O9WDtCrgg9cli35QJ+/orWOM0uak424tebNjZAAAIFp8OZr/mMYAAaMBgCwAAJKXs72xxGf7AgAAAAAEWVo=
                """),
        PackedArchive(
            testDescription: "xz with a filter for machine code", compression: .xz,
            command: "xz -9 --check=crc32 --x86 --lzma2",
            base64: """
                /Td6WFoAAAFpIt42AgEEACEBFgANhjUf4BX/AIddABgN3QRjnHIbdDpiTEwf4upL+GxMw0nWdkosbHbNZBZ0otGb6LJT\
                dECrID85+8gg2GJeIvcr6HNWEo7dMQVUcDxyWfY7za9nNXylSPMTm2uDbLiJmt8q88qOlUwp3hwf+oeO3cQd7NWjvBuv\
                O9WDtCrgg9cli35QJ+/orWOM0uak424tebNjZAAAia3BDQABnwGALAAARFALzj4wDYsCAAAAAAFZWg==
                """),
        PackedArchive(
            testDescription: "lz4's frame", compression: .lz4, command: "lz4 -9",
            base64: """
                BCJNGGRAp6UAAAByMDcwNzAxMAEAAQgAXzQxZWQwAQADLzIwAQAjFDQJAGlldGMAAAB0AAFUAE84MWE0PAAEGTENAD8z\
                ODl0ABQXOXQA/xUvbmFtZQAAQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF0dAP////////////////////////9s\
                DAQUHzPMEwwfMXgUJBRiCQC/VFJBSUxFUiEhIQABAPdQAAAAAAAAAAAAHXjYUQ==
                """),
    ]
}
