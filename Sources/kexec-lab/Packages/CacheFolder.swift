// SPDX-License-Identifier: MIT
import Foundation

/// Everything that was downloaded or made from downloads; may be deleted at any time and shared between work trees.
///
/// ```
/// apt/        private apt state            packages/   downloaded .deb files
/// tools/      unpacked programs, runnable  trees/      unpacked kernel packages
/// kernels/    NAME/{vmlinuz,vmlinux,config,modules/} and PROGRAMS   record   what was found: package, version, SHA-256
/// environment/  a Debian for building kernels and modules, see `BuildEnvironment`
/// ```
struct CacheFolder: Sendable {
    let path: String

    /// `KEXEC_LAB_CACHE`, else `build/cache` below the working directory.
    init() {
        let named = ProcessInfo.processInfo.environment["KEXEC_LAB_CACHE"] ?? "build/cache"
        self.init(at: named)
    }

    init(at folder: String) { path = URL(fileURLWithPath: folder).standardizedFileURL.path }

    func folder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    func kernel(_ name: KernelName) -> String { "\(path)/kernels/\(name.rawValue)/vmlinuz" }
    func vmlinux(_ name: KernelName) -> String { "\(path)/kernels/\(name.rawValue)/vmlinux" }
    func modules(_ name: KernelName) -> String { "\(path)/kernels/\(name.rawValue)/modules" }
    /// One of the kernel's own programs and libraries.
    func program(_ program: String, of name: KernelName) -> String { "\(path)/kernels/\(name.rawValue)/\(program)" }
    func isComplete(_ name: KernelName) -> Bool {
        if name == .noKexec, !hasBuildTree(name) { return false }
        return ([name.hasELF ? vmlinux(name) : kernel(name)] + name.programs.map { program($0, of: name) }).allSatisfy {
            FileManager.default.fileExists(atPath: $0)
        }
    }
    var tools: String { "\(path)/tools" }
    var environment: String { "\(path)/environment" }
    var record: String { "\(path)/record" }

    /// Holds the folder for one process at a time, so that two runs do not unpack into each other's files.
    func locked<Result>(_ body: () async throws -> Result) async throws -> Result {
        let lock = open("\(try folder("apt"))/lock-of-lab", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw LabError("cannot write below '\(path)': \(String(cString: strerror(errno)))") }
        defer { close(lock) }
        if flock(lock, LOCK_EX | LOCK_NB) != 0 {
            announce("another kexec-lab is preparing '\(path)'; waiting for it")
            flock(lock, LOCK_EX)
        }
        return try await body()
    }
}
