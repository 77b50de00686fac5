// SPDX-License-Identifier: MIT
import Foundation

/// What the boots are made of, made once per run and kept where making takes minutes.
struct BenchMaterial: Sendable {
    let workshop: Workshop
    /// `build/bench`.
    let folder: String
    /// Added to the second kernel's command line.
    var words = ""

    private var cache: CacheFolder { workshop.cache }

    // MARK: - Initial ram disks

    func pieces(_ mebibytes: Int) async throws -> InitrdPieces {
        InitrdPieces(program: try Self.read(try await BenchInit.make(in: workshop)), mebibytes: mebibytes)
    }

    /// The second kernel's initrd as a file of the host.
    func initrd(_ initrd: BenchInitrd) async throws -> String {
        switch initrd {
        case .xz: return try await compressedInitrd()
        case .raw(let size):
            let pieces = try await pieces(size)
            return try await workshop.made("bench-initrd-\(size)") { path in
                let file = try HostFile.create(path)
                try pieces.assemble { try file.write(contentsOf: Data($0)) }
            }
        }
    }

    /// Compressing takes more than a minute: the result is kept until `/init` or the kernel changes.
    private func compressedInitrd() async throws -> String {
        let program = try await BenchInit.make(in: workshop)
        let release = try cache.release(of: .linux61Full)
        let modules = cache.modules(.linux61Full), tools = workshop.tools, folder = folder
        let libraries = "\(cache.environment)/usr/lib/x86_64-linux-gnu"
        return try await workshop.made("bench-initrd-xz.\(release)") { path in
            let sum = try await HostCommand("sha256sum", [program]).output().prefix(16)
            let kept = "\(folder)/kept/initrd-with-libraries-\(release)-\(sum).xz"
            if !FileManager.default.fileExists(atPath: kept) {
                try FileManager.default.createDirectory(atPath: "\(folder)/kept", withIntermediateDirectories: true)
                try Data(try Self.archive(of: modules, libraries, program: try Self.read(program)))
                    .write(to: URL(fileURLWithPath: path))
                // The kernel's decoder knows no other check but CRC32.
                try await tools.command("xz", ["-6", "-T1", "--check=crc32", "-c", path]).output(to: kept + ".new")
                try FileManager.default.moveItem(atPath: kept + ".new", toPath: kept)
                try FileManager.default.removeItem(atPath: path)
            }
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: kept)
        }
    }

    /// `/init` and what a distribution's initrd consists of, in its shares: 27 MB of shared libraries, which
    /// pack half as well as the modules up to 135 MB. Each in the order of its names.
    private static func archive(of modules: String, _ libraries: String, program: [UInt8]) throws -> [UInt8] {
        var archive = CPIOArchive()
        archive.add(characterDevice: "dev/console", major: 5, minor: 1)
        archive.add(file: "init", program, executable: true)
        try archive.fill(to: 27_000_000, from: libraries, below: "usr/lib", deeply: false) { $0.contains(".so") }
        try archive.fill(to: 135_000_000, from: modules, below: "lib/modules", deeply: true) { $0.hasSuffix(".ko") }
        archive.finish()
        return archive.bytes
    }

    /// The first kernel's initramfs: what runs, and what it loads.
    func firstInitrd(_ test: BenchCase, _ tool: BenchTool, measuresMemory: Bool) async throws -> [UInt8] {
        var guest = InitramfsBuilder(bareWith: workshop.tools)
        try await guest.add("init", .program(try await BenchInit.make(in: workshop)))
        try await guest.add("sbin/kexec", .program(tool.isOurs ? workshop.kexec : workshop.tools.peer))
        try await guest.add("boot/vmlinuz", .host(cache.kernel(test.secondKernel)))
        if tool == .oursModule {
            try await guest.add("lib/kexec_mod.ko", .host(try await workshop.module(for: test.firstKernel)))
        }
        if case .raw(let size) = test.initrd, test.initrd.isMadeInGuest {
            let pieces = try await pieces(size)
            for (name, bytes) in [("head", pieces.head), ("block", pieces.block), ("tail", pieces.tail)] {
                try await guest.add("boot/\(name)", .bytes(bytes))
            }
        } else {
            try await guest.add("boot/initrd", .host(try await initrd(test.initrd)))
        }
        try await guest.add("case", .text(Self.script(test, tool, words: words, measuresMemory: measuresMemory)))
        return guest.finished()
    }

    /// See `BenchInit`.
    static func script(
        _ test: BenchCase, _ tool: BenchTool, words: String = "", measuresMemory: Bool
    ) -> String {
        var lines: [[String]] = []
        var initrd = "/boot/initrd"
        if case .raw(let size) = test.initrd, test.initrd.isMadeInGuest {
            initrd = "/data/initrd"
            lines.append(["join", initrd, "/boot/head", "/boot/block", String(size), "/boot/tail"])
        }
        if tool == .oursModule { lines.append(["insmod", "/lib/kexec_mod.ko", "beside_native=1"]) }
        // Kernels go on testing their own algorithms for a while after they started /init.
        lines.append(["settle", "2000"])
        let load = ["/sbin/kexec", "-l", "/boot/vmlinuz", "--initrd=\(initrd)"] + tool.options
        lines.append([measuresMemory ? "memory" : "load"] + load + ["--append=\(BenchBoot.commandLine(words))"])
        if !measuresMemory { lines.append([tool == .oursModule ? "jump-by-module" : "jump"]) }
        return lines.map { $0.joined(separator: "\t") + "\n" }.joined()
    }

    // MARK: - Kernels

    /// Addresses of the kernel's symbols, from its own `/proc/kallsyms`; kept per kernel image.
    func symbols(of kernel: KernelName, deadline: Double) async throws -> [String: UInt64] {
        let sum = try await HostCommand("sha256sum", [cache.kernel(kernel)]).output().prefix(16)
        let kept = try await workshop.made("symbols-\(kernel.rawValue)") { path in
            let kept = "\(folder)/kept/symbols-\(sum)"
            if !FileManager.default.fileExists(atPath: kept) {
                try FileManager.default.createDirectory(atPath: "\(folder)/kept", withIntermediateDirectories: true)
                let lines = try await symbolLines(of: kernel, deadline: deadline)
                try lines.joined(separator: "\n").write(toFile: kept, atomically: true, encoding: .utf8)
            }
            try FileManager.default.copyItem(atPath: kept, toPath: path)
        }
        let found = Self.symbols(in: try String(contentsOfFile: kept, encoding: .utf8))
        if let missing = BenchPhases.Event.symbols.first(where: { found[$0] == nil }) {
            throw LabError("\(kernel.rawValue) has no symbol '\(missing)'")
        }
        return found
    }

    /// Lines `SYMBOL ADDRESS NAME`; other lines are passed over.
    static func symbols(in text: String) -> [String: UInt64] {
        text.split(whereSeparator: \.isNewline).reduce(into: [:]) { found, line in
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "SYMBOL", let address = UInt64(words[1], radix: 16) else { return }
            found[String(words[2])] = address
        }
    }

    private func symbolLines(of kernel: KernelName, deadline: Double) async throws -> [String] {
        var guest = InitramfsBuilder(bareWith: workshop.tools)
        try await guest.add("init", .program(try await BenchInit.make(in: workshop)))
        try await guest.add("case", .text("symbols\t" + BenchPhases.Event.symbols.joined(separator: "\t") + "\n"))
        let place = "\(folder)/symbols-\(kernel.rawValue)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try Data(guest.finished()).write(to: URL(fileURLWithPath: "\(place)/initrd"))
        let boot = BenchBoot(
            workshop: workshop, folder: place, kernel: cache.kernel(kernel), initrd: "\(place)/initrd", memory: 1024,
            deadline: deadline)
        return try await boot.run().console.filter { $0.hasPrefix("SYMBOL ") }
    }

    /// How the entries of the compressed and of the unpacked kernel are known.
    func entries(of kernel: KernelName) throws -> [String: MilestonePlugin.CodePattern] {
        [
            BenchPhases.Event.compressedEntry: try KernelEntry.compressed(Self.head(cache.kernel(kernel))),
            BenchPhases.Event.kernelEntry: try KernelEntry.unpacked(Self.head(cache.vmlinux(kernel))),
        ]
    }

    /// As much as holds the entry of every kernel.
    private static func head(_ path: String) throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        return [UInt8](try file.read(upToCount: 4 << 20) ?? Data())
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else { throw LabError("cannot read '\(path)'") }
        return [UInt8](data)
    }
}

extension CPIOArchive {
    /// Adds files in the order of their names until there are so many bytes.
    fileprivate mutating func fill(
        to size: Int, from folder: String, below place: String, deeply: Bool, where isWanted: (String) -> Bool
    ) throws {
        let root = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        let files = FileManager.default
        let names = deeply ? try files.subpathsOfDirectory(atPath: root) : try files.contentsOfDirectory(atPath: root)
        for name in names.sorted() where isWanted(name) && bytes.count < size {
            let path = "\(root)/\(name)"
            let type = try files.attributesOfItem(atPath: path)[.type] as? FileAttributeType
            guard type == .typeRegular else { continue }
            add(file: "\(place)/\(name)", [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        }
        guard bytes.count >= size else { throw LabError("'\(folder)' holds less than \(size) bytes") }
    }
}
