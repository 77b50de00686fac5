// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

/// What a reader of the format finds, written apart from the writer.
private struct Entry: Equatable {
    var path: String
    var mode: Int
    var contents: [UInt8]
    var major = 0
    var minor = 0
}

private func entries(of bytes: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var at = 0
    func field(_ index: Int) throws -> Int {
        let start = at + 6 + 8 * index
        return try #require(Int(String(decoding: bytes[start..<(start + 8)], as: UTF8.self), radix: 16))
    }
    while at < bytes.count {
        #expect(Array(bytes[at..<(at + 6)]) == Array("070701".utf8))
        let size = try field(6), nameSize = try field(11)
        let name = String(decoding: bytes[(at + 110)..<(at + 110 + nameSize - 1)], as: UTF8.self)
        if name == "TRAILER!!!" { return entries }
        let start = (at + 110 + nameSize + 3) / 4 * 4
        entries.append(
            Entry(
                path: name, mode: try field(1), contents: Array(bytes[start..<(start + size)]), major: try field(9),
                minor: try field(10)))
        at = (start + size + 3) / 4 * 4
    }
    Issue.record("the archive has no trailer")
    return entries
}

struct CPIOArchiveTests {
    @Test func addsParentsOnceAndBeforeTheirFiles() throws {
        var archive = CPIOArchive()
        archive.add(file: "boot/grub/a", [1, 2, 3, 4, 5])
        archive.add(file: "boot/b", [], executable: true)
        archive.finish()
        let expected = [
            Entry(path: "boot", mode: 0o040755, contents: []),
            Entry(path: "boot/grub", mode: 0o040755, contents: []),
            Entry(path: "boot/grub/a", mode: 0o100644, contents: [1, 2, 3, 4, 5]),
            Entry(path: "boot/b", mode: 0o100755, contents: []),
        ]
        #expect(try entries(of: archive.bytes) == expected)
        #expect(archive.bytes.count % 512 == 0)
    }

    @Test func linksAndDevicesCarryTheirTargets() throws {
        var archive = CPIOArchive()
        archive.add(link: "sh", to: "busybox")
        archive.add(characterDevice: "console", major: 5, minor: 1)
        archive.finish()
        let expected = [
            Entry(path: "sh", mode: 0o120777, contents: Array("busybox".utf8)),
            Entry(path: "console", mode: 0o020600, contents: [], major: 5, minor: 1),
        ]
        #expect(try entries(of: archive.bytes) == expected)
    }

    @Test(arguments: 1...9) func everyNameLengthKeepsContentsAligned(length: Int) throws {
        var archive = CPIOArchive()
        let name = String(repeating: "n", count: length)
        archive.add(file: name, [0xaa])
        archive.finish()
        #expect(try entries(of: archive.bytes).first?.contents == [0xaa])
    }
}
