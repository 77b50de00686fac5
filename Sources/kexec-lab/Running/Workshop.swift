// SPDX-License-Identifier: MIT
import Foundation

/// What cases are made of: programs, kernels, and files made from them on demand.
actor Workshop {
    nonisolated let cache: CacheFolder
    nonisolated let tools: Toolset
    /// The kexec under test.
    nonisolated let kexec: String
    /// Lies where `make` leaves it, whatever kexec is under test.
    nonisolated var mkelfimage: String {
        ReadFiles.note(URL(fileURLWithPath: "build/mkelfimage").standardizedFileURL.path)
    }
    /// Consoles and ram disks, a folder per case.
    nonisolated let folder: String
    /// Debian's kexec-tools is under test: cases that need more are skipped.
    nonisolated var testsPeer: Bool { kexec == tools.peer }

    /// What `make` leaves beside the programs.
    nonisolated func payload(_ name: String) -> String {
        ReadFiles.note(URL(fileURLWithPath: "build/payloads/\(name)").standardizedFileURL.path)
    }

    private var making: [String: Task<String, any Error>] = [:]
    /// What each of them was made from.
    private var madeFrom: [String: ReadFiles] = [:]
    private var building: [KernelName: Task<String, any Error>] = [:]

    init(cache: CacheFolder, kexec: String, folder: String) throws {
        self.cache = cache
        tools = Toolset(cache)
        self.kexec = kexec == "debian" ? tools.peer : URL(fileURLWithPath: kexec).standardizedFileURL.path
        self.folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// The kernel module for one of the kernels; built by the first case that asks.
    func module(for kernel: KernelName) async throws -> String {
        ModuleBuild.sources.forEach { ReadFiles.note(URL(fileURLWithPath: $0).standardizedFileURL.path) }
        if let task = building[kernel] { return try await task.value }
        let build = ModuleBuild(cache: cache)
        let task = Task { try await build.build(for: kernel) }
        building[kernel] = task
        return try await task.value
    }

    /// A file that several cases share: made once per run, by the first that asks.
    func made(_ name: String, by make: @escaping @Sendable (String) async throws -> Void) async throws -> String {
        let folder = "\(folder)/made"
        let read = madeFrom[name] ?? ReadFiles()
        defer { ReadFiles.current?.add(read.paths) }
        if let task = making[name] { return try await task.value }
        let task = Task {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let path = "\(folder)/\(name)"
            try? FileManager.default.removeItem(atPath: path)
            try await ReadFiles.$current.withValue(read) { try await make(path) }
            return path
        }
        (making[name], madeFrom[name]) = (task, read)
        return try await task.value
    }

    nonisolated func release(of kernel: KernelName) throws -> String { try cache.release(of: kernel) }

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
