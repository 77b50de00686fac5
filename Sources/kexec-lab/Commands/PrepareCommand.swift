// SPDX-License-Identifier: MIT
import ArgumentParser

struct PrepareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare", abstract: "Fetches QEMU, firmware and kernels from Debian's archive into the cache.",
        discussion: """
            Nothing is installed. The cache is build/cache or what KEXEC_LAB_CACHE names. The kernel 'no-kexec' is \
            built, which takes minutes, and only when it is named.
            """)

    @Flag(help: "Fetch the newest packages even if some are there.")
    var refresh = false

    @Option(help: "Only the kernels of these names (comma separated).")
    var kernels: String?

    @Option(help: "Only the whole system of this release, as it is today.")
    var system: SystemRelease?

    func run() async throws {
        if let system {
            try await Preparation(cache: CacheFolder(), refresh: refresh).prepare([])
            return try await SystemDisk(cache: CacheFolder(), release: system).prepare()
        }
        let cache = CacheFolder()
        let named = kernels?.split(separator: ",").map(String.init)
        let wanted = KernelName.allCases.filter { named?.contains($0.rawValue) ?? ($0 != .noKexec) }
        if let unknown = named?.first(where: { KernelName(rawValue: $0) == nil }) {
            throw ValidationError("no kernel is called '\(unknown)'; there are \(KernelName.allCases.map(\.rawValue))")
        }
        try await Preparation(cache: cache, refresh: refresh).prepare(wanted)
        for kernel in wanted { announce("\(kernel.rawValue)  \(cache.kernel(kernel))") }
        announce("prepared; what was used: \(cache.record)")
    }
}
