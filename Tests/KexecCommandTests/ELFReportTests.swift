// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import KexecCommand

/// What `mkelfimage --show` says of files.
@Suite struct ELFReportTests {
    private func report(_ bytes: [UInt8]) throws -> [String] {
        try ELFReport.text(of: bytes.span.bytes).split(separator: "\n").map(String.init)
    }

    private static func note(_ owner: String, _ type: UInt32, _ contents: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [UInt32(owner.utf8.count + 1), UInt32(contents.count), type] { bytes.appendLittle(word) }
        bytes += Array(owner.utf8) + [0]
        bytes.pad(to: 4)
        bytes += contents
        bytes.pad(to: 4)
        return bytes
    }

    /// A program of `bits` bits with one segment, at 1 MiB, and notes.
    private static func program(bits: Int = 64, _ contents: [UInt8], notes: [UInt8] = []) -> [UInt8] {
        let headers = bits == 64 ? 64 + 2 * 56 : 52 + 2 * 32
        let contents = [UInt8](repeating: 0xf4, count: 0x20) + contents
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, bits == 64 ? 2 : 1, 1, 1]
        bytes.pad(to: 16)
        func address(_ value: Int) {
            if bits == 64 { bytes.appendLittle(UInt64(value)) } else { bytes.appendLittle(UInt32(value)) }
        }
        for value in [2, bits == 64 ? 62 : 3] as [UInt16] { bytes.appendLittle(value) }
        bytes.appendLittle(UInt32(1))
        for value in [0x10_0010, bits == 64 ? 64 : 52, 0] { address(value) }
        bytes.appendLittle(UInt32(0))
        for value in bits == 64 ? [64, 56, 2, 0, 0, 0] : [52, 32, 2, 0, 0, 0] as [UInt16] { bytes.appendLittle(value) }
        for (type, start, size, memory, place) in [
            (1, headers + notes.count, contents.count, 0x2000, 0x10_0000), (4, headers, notes.count, notes.count, 0),
        ] {
            bytes.appendLittle(UInt32(type))
            if bits == 64 { bytes.appendLittle(UInt32(5)) }
            for value in [start, place, place, size, memory] { address(value) }
            if bits == 32 { bytes.appendLittle(UInt32(5)) }
            address(4)
        }
        return bytes + notes + contents
    }

    @Test func namesHeaderSegmentsAndWhereTheyAre() throws {
        let contents = [UInt8](repeating: 0x90, count: 0x800)
        #expect(
            try report(Self.program(contents)) == [
                "file      ELF64, entry 0x100010", "segment   0x100000-0x101fff, 2080 bytes from offset 0xb0",
            ])
        #expect(
            try report(Self.program(bits: 32, contents)) == [
                "file      ELF32, entry 0x100010", "segment   0x100000-0x101fff, 2080 bytes from offset 0x74",
            ])
    }

    @Test func readsTheNotesThatItKnows() throws {
        var entry: [UInt8] = []
        entry.appendLittle(UInt32(0x123_4560))
        let notes =
            Self.note("Xen", 18, entry) + Self.note("Xen", 6, Array("linux".utf8))
            + Self.note("ELFBoot", 1, Array("Linux\0".utf8)) + Self.note("GNU", 18, entry)
        let lines = try report(Self.program([1, 2, 3, 4], notes: notes)).dropFirst(2)
        #expect(
            Array(lines) == [
                "note      Xen, type 18: PVH entry 0x1234560", "note      Xen, type 6, 5 bytes",
                "note      ELFBoot, type 1: Linux", "note      GNU, type 18, 4 bytes",
            ])
    }

    /// Magic number, flags, and what makes their sum 0.
    @Test func namesMultibootHeadersOfBothVersions() throws {
        var first: [UInt8] = []
        for word in [0x1bad_b002, 0, 0xe452_4ffe] as [UInt32] { first.appendLittle(word) }
        var second: [UInt8] = []
        for word in [0xe852_50d6, 0, 24, 0x17ad_af12, 0, 8] as [UInt32] { second.appendLittle(word) }
        #expect(try report(Self.program([0, 0, 0, 0])).count == 2)
        #expect(try report(Self.program(first)).dropFirst(2) == ["header    Multiboot"])
        #expect(try report(Self.program(second)).dropFirst(2) == ["header    Multiboot2"])
        #expect(
            try report(Self.program(second + first)).dropFirst(2) == ["header    Multiboot", "header    Multiboot2"])
    }

    /// A bzImage that mkelfimage takes, with the beginning of a payload.
    private static let kernel: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 1024 + 0x2000)
        bytes.store(UInt8(1), at: 0x1f1)
        bytes.store(UInt32(0x200), at: 0x1f4)
        bytes.store(UInt16(0xaa55), at: 0x1fe)
        bytes.store([0xeb, 0x6a] as [UInt8], at: 0x200)
        bytes.store("HdrS".utf8, at: 0x202)
        bytes.store(UInt16(0x20f), at: 0x206)
        bytes.store(UInt16(0x100), at: 0x20e)
        bytes.store(UInt8(1), at: 0x211)
        bytes.store(UInt32(0x10_0000), at: 0x214)
        bytes.store(UInt32(0x7fff_ffff), at: 0x22c)
        bytes.store(UInt32(0x20_0000), at: 0x230)
        bytes.store([1, 21] as [UInt8], at: 0x234)
        bytes.store(UInt16(0x7f), at: 0x236)
        bytes.store(UInt32(2047), at: 0x238)
        bytes.store(UInt32(0x1000), at: 0x248)
        bytes.store(UInt32(0x800), at: 0x24c)
        bytes.store(UInt64(0x100_0000), at: 0x258)
        bytes.store(UInt32(0x5000), at: 0x260)
        bytes.store([0x1f, 0x8b, 8] as [UInt8], at: 0x1400)
        bytes.store(UInt32(0x1000), at: 0x1bfc)
        bytes.store("6.1.0-test (x@y) #1\0".utf8, at: 0x300)
        return bytes
    }()

    @Test(arguments: [0, 5000]) func tellsWhatMkelfimageHasPutIntoAnImage(initrd: Int) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        try Data(Self.kernel).write(to: URL(filePath: path("k")))
        try Data([UInt8](repeating: 0x55, count: initrd)).write(to: URL(filePath: path("i")))
        let words =
            ["mkelfimage", "--command-line=root=/dev/sda quiet"] + (initrd > 0 ? ["--initrd=" + path("i")] : [])
        try #require(runMkelfimage(arguments: (words + [path("k"), path("o")]).map { ByteString($0) }) == 0)
        let lines = try report([UInt8](Data(contentsOf: URL(filePath: path("o")))))
        #expect(lines.first?.hasPrefix("file      ELF32, entry 0x10") == true)
        #expect(lines.count { $0.hasPrefix("segment ") } == (initrd > 0 ? 3 : 2))
        #expect(lines.contains("note      ELFBoot, type 2: 6.1.0-test (x@y) #1"))
        #expect(lines.contains("kernel    6.1.0-test (x@y) #1, boot protocol 2.15"))
        #expect(lines.contains("line      root=/dev/sda quiet"))
        #expect(lines.last == (initrd > 0 ? "initrd    5000 bytes at 0x1005000" : "line      root=/dev/sda quiet"))
    }
}
