// SPDX-License-Identifier: MIT
import Foundation

/// Builds the kernel module for one of the laboratory's kernels: `build/modules/NAME/kexec_mod.ko`.
///
/// `scripts/build-module.sh` does it, told by its environment: `KDIR`, what modules of that kernel are built with; `WORK`,
/// the folder where it puts sources and objects; `MODULE_MAKE`, the command that stands for `make` in `make -C $KDIR
/// M=$WORK modules`; `OUTPUT`, the module's path. `KDIR` and `WORK` lie in the build environment, where only that command
/// runs, and are named as this system sees them.
struct ModuleBuild: Sendable {
    let cache: CacheFolder
    var folder = URL(fileURLWithPath: "build/modules").standardizedFileURL.path

    /// What the module is made from.
    static let sources = [
        "KernelModule", "Sources/Handoff", "Sources/PhysicalMemory", "scripts/build-module.sh",
        "scripts/compile-module-core.sh", "scripts/check-module.sh", "scripts/in-environment.sh",
    ]

    func path(for kernel: KernelName) -> String { "\(folder)/\(kernel.rawValue)/kexec_mod.ko" }

    /// The module's path; it is built unless it is newer than all of its sources and made for this very release.
    func build(for kernel: KernelName) async throws -> String {
        let module = path(for: kernel), made = "\(folder)/\(kernel.rawValue)/release"
        let release = try cache.release(of: kernel)
        if (try? String(contentsOfFile: made, encoding: .utf8)) == release, Self.isCurrent(module, Self.sources) {
            return module
        }
        try? FileManager.default.removeItem(atPath: made)
        try FileManager.default.createDirectory(
            atPath: "\(folder)/\(kernel.rawValue)", withIntermediateDirectories: true)
        let environment = BuildEnvironment(cache)
        let command = HostCommand(
            URL(fileURLWithPath: "scripts/build-module.sh").standardizedFileURL.path, [],
            environment: [
                "KDIR": try cache.buildTree(kernel), "OUTPUT": module,
                "WORK": try environment.buildFolder("module-\(kernel.rawValue)-\(Self.workTree)"),
                "MODULE_MAKE": "\(environment.script) \(environment.root) make",
            ])
        _ = try await command.output()
        try release.write(toFile: made, atomically: true, encoding: .utf8)
        return module
    }

    /// Tells the work trees apart that share a cache: objects of one are none of another's. FNV-1a of the tree's path.
    private static var workTree: String {
        let hash = FileManager.default.currentDirectoryPath.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return String(hash, radix: 16)
    }

    /// Whether a file is newer than all files below `sources`, each of which must be there.
    static func isCurrent(_ made: String, _ sources: [String]) -> Bool {
        guard let date = date(made) else { return false }
        return sources.allSatisfy { source in
            let below = FileManager.default.enumerator(atPath: source)?.compactMap { "\(source)/\($0)" } ?? []
            return ([source] + below).allSatisfy { (Self.date($0) ?? .distantFuture) <= date }
        }
    }

    private static func date(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }
}
