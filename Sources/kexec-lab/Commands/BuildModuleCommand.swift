// SPDX-License-Identifier: MIT
import ArgumentParser

struct BuildModuleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build-module",
        abstract: "Builds the kernel module for kernels of the laboratory: build/modules/NAME/kexec_mod.ko.",
        discussion: "Compilers and headers are fetched into the cache; nothing is installed.")

    @Argument(help: "Names as of 'prepare'; 'no-kexec' builds that kernel first, which takes minutes.")
    var kernels: [String]

    @Flag(help: "Only fetch compilers and headers, and print KDIR.")
    var prepareOnly = false

    func run() async throws {
        let named = try kernels.map { name in
            guard let kernel = KernelName(rawValue: name) else {
                throw ValidationError(
                    "no kernel is called '\(name)'; there are \(KernelName.allCases.map(\.rawValue))")
            }
            return kernel
        }
        let cache = CacheFolder()
        try await Preparation(cache: cache, refresh: false).prepare(named, moduleKernels: named)
        for kernel in named {
            let text =
                prepareOnly ? try cache.buildTree(kernel) : try await ModuleBuild(cache: cache).build(for: kernel)
            announce("\(kernel.rawValue)  \(text)")
        }
    }
}
