// SPDX-License-Identifier: MIT
import Foundation

/// Compilers and tools for kernels and their modules: a small Debian 13, unpacked in the cache and entered by
/// `scripts/in-environment.sh`.
///
/// The host tools among a kernel's headers (objtool, modpost, fixdep) are linked with the C library of the release that
/// the kernel comes from. Debian 13's runs those of Debian 12, too, and it has both compilers that headers ask for by
/// name. Headers are unpacked where their packages want them, so that their absolute paths are right inside.
///
/// ```
/// usr/src/linux-headers-RELEASE   a kernel's headers     build/NAME   folders of builds, named inside as /build/NAME
/// ```
struct BuildEnvironment: Sendable {
    static let release = "trixie"
    static let packages = [
        // What headers of 6.1, and of 6.12 and later depend on.
        "gcc-12", "gcc-14", "binutils", "pahole", "libelf1t64",
        "make", "dash", "bash", "coreutils", "sed", "grep", "mawk", "findutils", "diffutils", "base-files",
        // For a whole kernel.
        "libc6-dev", "flex", "bison", "bc", "libelf-dev", "libssl-dev", "openssl", "perl-base", "gzip", "tar",
        "xz-utils",
    ]
    /// Written when all is unpacked; another list of packages makes it stale.
    static let stamp = ([release] + packages).joined(separator: "\n") + "\n"

    let root: String

    init(_ cache: CacheFolder) { root = cache.environment }

    var isComplete: Bool { (try? String(contentsOfFile: "\(root)/complete", encoding: .utf8)) == Self.stamp }
    var script: String { URL(fileURLWithPath: "scripts/in-environment.sh").standardizedFileURL.path }

    /// An empty folder is made when it is not there.
    func buildFolder(_ name: String) throws -> String {
        let folder = "\(root)/build/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Links that packages make when they are configured, which never happens here. Headers name their compiler; the
    /// kernel that is built here is a 6.1.
    func link() throws {
        for (name, target) in [("awk", "mawk"), ("gcc", "gcc-12")] {
            let path = "\(root)/usr/bin/\(name)"
            guard !FileManager.default.fileExists(atPath: path) else { continue }
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        }
    }
}

extension CacheFolder {
    /// What modules of a kernel are built with, `KDIR`: its headers' folder, or the folder that it was built in itself.
    func buildTree(_ name: KernelName) throws -> String {
        name == .noKexec
            ? "\(environment)/build/no-kexec/kernel" : "\(environment)/usr/src/linux-headers-\(try release(of: name))"
    }

    func hasBuildTree(_ name: KernelName) -> Bool {
        guard let tree = try? buildTree(name) else { return false }
        return FileManager.default.fileExists(atPath: "\(tree)/Module.symvers")
    }

    /// The release that `uname -r` prints in this kernel: the bzImage's `kernel_version` at 0x20e points to it.
    func release(of name: KernelName) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: kernel(name)))
        defer { try? file.close() }
        let start = [UInt8](try file.read(upToCount: 0x8000) ?? Data())
        guard start.count == 0x8000 else { throw LabError("'\(kernel(name))' is no kernel") }
        let at = (Int(start[0x20e]) | Int(start[0x20f]) << 8) + 0x200
        guard at < start.count else { throw LabError("'\(kernel(name))' names no version") }
        return String(decoding: start[at...].prefix { $0 > 0x20 }, as: UTF8.self)
    }
}
