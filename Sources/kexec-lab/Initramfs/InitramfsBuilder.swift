// SPDX-License-Identifier: MIT
import Foundation

/// What a case puts into the first guest beside the laboratory's own files.
enum GuestFile: Sendable {
    case text(String)
    case bytes([UInt8])
    /// A file of the host, by path.
    case host(String)
    /// A program of the host with the libraries it needs, called through a wrapper of that name.
    case program(String)
}

/// Builds the two initial ram disks of a case: busybox, PID 1, the scripts, and in the first one the kexec under test with
/// the second kernel and the second ram disk. Nothing is compressed: unpacking in an emulated processor costs more than
/// copying.
struct InitramfsBuilder {
    let tools: Toolset
    private var archive = CPIOArchive()
    /// Paths of libraries that are there already.
    private var added: Set<String> = []

    /// Nothing: for what is unpacked over a root file system.
    init(emptyWith tools: Toolset) { self.tools = tools }

    /// Nothing but a console.
    init(bareWith tools: Toolset) {
        self.tools = tools
        archive.add(characterDevice: "dev/console", major: 5, minor: 1)
    }

    init(_ tools: Toolset) async throws {
        self.tools = tools
        for folder in ["proc", "sys", "dev", "tmp", "root", "run"] { archive.add(folder: folder) }
        archive.add(characterDevice: "dev/console", major: 5, minor: 1)
        archive.add(file: "bin/busybox", try Self.read(tools.busybox), executable: true)
        for applet in try await HostCommand(tools.busybox, ["--list"]).output().split(separator: "\n")
        where applet != "busybox" {
            archive.add(link: "bin/\(applet)", to: "busybox")
        }
        archive.add(file: "init", Array(GuestScripts.initScript.utf8), executable: true)
        archive.add(file: "lab/functions", Array(GuestScripts.functions.utf8))
    }

    mutating func add(_ path: String, _ file: GuestFile) async throws {
        switch file {
        case .text(let text): archive.add(file: path, Array(text.utf8), executable: true)
        case .bytes(let bytes): archive.add(file: path, bytes)
        case .host(let source): archive.add(file: path, try Self.read(source))
        case .program(let source): try await add(program: source, as: path)
        }
    }

    mutating func finished() -> [UInt8] {
        archive.finish()
        return archive.bytes
    }

    /// A static program goes in as it is, one of the tool set with its libraries where Debian has them. Any other dynamic
    /// one gets a folder of its own with its linker and libraries, so that programs of two systems live side by side.
    private mutating func add(program source: String, as path: String) async throws {
        let bytes = try Self.read(source)
        guard let interpreter = Self.interpreter(in: bytes) else {
            archive.add(file: path, bytes, executable: true)
            return
        }
        let ofTools = source.hasPrefix(tools.root)
        let linker = ofTools ? tools.linker : interpreter
        let libraries = try await Toolset.libraries(
            of: source, linker: linker, searching: ofTools ? tools.libraries : nil)
        let name = path.split(separator: "/").last ?? "program"
        let folder = ofTools ? "usr/lib/x86_64-linux-gnu" : "opt/\(name)"
        for library in libraries {
            try addOnce("\(folder)/\(library.split(separator: "/").last ?? "")", library)
        }
        if ofTools {
            try addOnce(String(interpreter.dropFirst()), linker)
            archive.add(file: path, bytes, executable: true)
        } else {
            try addOnce("\(folder)/linker", linker)
            archive.add(file: "\(folder)/program", bytes, executable: true)
            let start = "exec /\(folder)/linker --argv0 /\(path) --library-path /\(folder) /\(folder)/program"
            archive.add(file: path, Array("#!/bin/sh\n\(start) \"$@\"\n".utf8), executable: true)
        }
    }

    private mutating func addOnce(_ path: String, _ source: String) throws {
        guard added.insert(path).inserted else { return }
        archive.add(file: path, try Self.read(source), executable: true)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: ReadFiles.note(path)) else {
            throw LabError("cannot read '\(path)'")
        }
        return [UInt8](data)
    }

    /// The dynamic linker's path, from the ELF64 program header of type PT_INTERP (3).
    static func interpreter(in elf: [UInt8]) -> String? {
        func number(_ at: Int, _ size: Int) -> Int {
            guard at >= 0, at + size <= elf.count else { return 0 }
            return (0..<size).reduce(0) { $0 | Int(elf[at + $1]) << (8 * $1) }
        }
        guard elf.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2]) else { return nil }
        for index in 0..<number(0x38, 2) {
            let header = number(0x20, 6) + index * number(0x36, 2)
            guard number(header, 4) == 3 else { continue }
            let start = number(header + 8, 6), size = number(header + 32, 6)
            guard size > 1, start + size <= elf.count else { return nil }
            return String(decoding: elf[start..<(start + size - 1)], as: UTF8.self)
        }
        return nil
    }
}
