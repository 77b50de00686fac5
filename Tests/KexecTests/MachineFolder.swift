// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import PhysicalMemory

@testable import Kexec

/// A directory that stands for the `/` of some machine; removed with the value that made it.
final class MachineFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("machine-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func add(_ file: String, _ text: String) throws { try add(file, bytes: Array(text.utf8)) }

    func add(_ file: String, bytes: [UInt8]) throws {
        let place = path + "/" + file
        if let slash = place.lastIndex(of: "/") {
            try FileManager.default.createDirectory(
                atPath: String(place[..<slash]), withIntermediateDirectories: true)
        }
        guard FileManager.default.createFile(atPath: place, contents: Data(bytes)) else {
            throw CocoaError(.fileWriteUnknown)
        }
    }

    func addDirectory(_ directory: String) throws {
        try FileManager.default.createDirectory(
            atPath: path + "/" + directory, withIntermediateDirectories: true)
    }

    func addLink(_ link: String, to target: String) throws {
        let place = URL(fileURLWithPath: path).appendingPathComponent(link)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: target)
    }

    /// One entry of `/sys/firmware/memmap`, with the last byte as Linux shows it.
    func addMemory(_ number: Int, _ start: UInt64, _ last: UInt64, _ type: String) throws {
        let folder = "sys/firmware/memmap/\(number)/"
        try add(folder + "start", "0x" + String(start, radix: 16) + "\n")
        try add(folder + "end", "0x" + String(last, radix: 16) + "\n")
        try add(folder + "type", type + "\n")
    }

    /// The least with which a machine can be described.
    func addSomeMemory() throws {
        try add("proc/iomem", "00001000-0009fbff : System RAM\n00100000-3fffffff : System RAM\n")
    }

    /// All files of the folder `name` of Tests/Fixtures/machines; they belong to whoever runs the tests.
    func copy(fixture name: String) throws {
        let source = Self.fixture(name)
        for file in try FileManager.default.subpathsOfDirectory(atPath: source) {
            if let bytes = FileManager.default.contents(atPath: source + "/" + file) {
                try add(file, bytes: Array(bytes))
            } else {
                try addDirectory(file)
            }
        }
    }

    func describe() throws -> MachineDescription {
        try MachineDescription(reading: MachineRoot(path: ByteString(path)))
    }

    /// The folder `name` of Tests/Fixtures/machines.
    static func fixture(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/machines/\(name)").path
    }

    static func describe(fixture name: String) throws -> MachineDescription {
        try MachineDescription(reading: MachineRoot(path: ByteString(fixture(name))))
    }
}

/// The range of which `last` is the last byte.
func through(_ first: UInt64, _ last: UInt64) -> PhysicalRange {
    PhysicalRange(from: PhysicalAddress(first), to: PhysicalAddress(last + 1))
}
