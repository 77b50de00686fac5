// SPDX-License-Identifier: MIT
import Foundation

/// What cases are made of: programs, kernels, and files made from them on demand.
actor Workshop {
    nonisolated let cache: CacheFolder
    nonisolated let tools: Toolset
    /// The kexec under test.
    nonisolated let kexec: String
    /// Lies where `make` leaves it, whatever kexec is under test.
    nonisolated let mkelfimage = URL(fileURLWithPath: "build/mkelfimage").standardizedFileURL.path
    /// Consoles and ram disks, a folder per case.
    nonisolated let folder: String
    /// Debian's kexec-tools is under test: cases that need more are skipped.
    nonisolated var testsPeer: Bool { kexec == tools.peer }

    /// What `make` leaves beside the programs.
    nonisolated func payload(_ name: String) -> String {
        URL(fileURLWithPath: "build/payloads/\(name)").standardizedFileURL.path
    }

    private var making: [String: Task<String, any Error>] = [:]

    init(cache: CacheFolder, kexec: String, folder: String) throws {
        self.cache = cache
        tools = Toolset(cache)
        self.kexec = kexec == "debian" ? tools.peer : URL(fileURLWithPath: kexec).standardizedFileURL.path
        self.folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// A file that several cases share: made once per run, by the first that asks.
    func made(_ name: String, by make: @escaping @Sendable (String) async throws -> Void) async throws -> String {
        if let task = making[name] { return try await task.value }
        let folder = "\(folder)/made"
        let task = Task {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let path = "\(folder)/\(name)"
            try? FileManager.default.removeItem(atPath: path)
            try await make(path)
            return path
        }
        making[name] = task
        return try await task.value
    }

    /// The release that `uname -r` prints in this kernel: the bzImage's `kernel_version` at 0x20e points to it.
    nonisolated func release(of kernel: KernelName) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: cache.kernel(kernel)))
        defer { try? file.close() }
        let start = [UInt8](try file.read(upToCount: 0x8000) ?? Data())
        guard start.count == 0x8000 else { throw LabError("'\(cache.kernel(kernel))' is no kernel") }
        let at = (Int(start[0x20e]) | Int(start[0x20f]) << 8) + 0x200
        guard at < start.count else { throw LabError("'\(cache.kernel(kernel))' names no version") }
        return String(decoding: start[at...].prefix { $0 > 0x20 }, as: UTF8.self)
    }

    /// The kernel with a signature that the snakeoil firmware accepts.
    func signed(_ kernel: KernelName) async throws -> String {
        try await made("\(kernel.rawValue).signed") { [cache, tools] path in
            // The key is protected by a pass phrase that is no secret; sbsign asks a terminal, so it is taken off first.
            let key = path + ".key"
            _ = try await tools.command(
                "openssl", ["rsa", "-in", tools.snakeoilKey, "-passin", "pass:snakeoil", "-out", key]
            ).output()
            _ = try await tools.command(
                "sbsign",
                ["--key", key, "--cert", tools.snakeoilCertificate, "--output", path, cache.kernel(kernel)]
            ).output()
        }
    }
}
