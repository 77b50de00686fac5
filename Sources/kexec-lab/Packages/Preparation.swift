// SPDX-License-Identifier: MIT
import Foundation

/// Fills the cache: programs, kernels, and what is made from them. Does nothing that is done already.
struct Preparation {
    let cache: CacheFolder
    let refresh: Bool
    var report: @Sendable (String) -> Void = { announce($0) }

    private var files: FileManager { .default }

    /// Makes sure that the programs, `kernels`, and what builds modules for `moduleKernels` are there.
    func prepare(_ kernels: [KernelName], moduleKernels: [KernelName] = []) async throws {
        let built = moduleKernels.isEmpty && !kernels.contains(.noKexec) ? nil : BuildEnvironment(cache)
        try await cache.locked {
            let missing = (kernels + moduleKernels).filter { refresh || !cache.isComplete($0) }
            let needsTools = refresh || !Toolset(cache).isComplete
            let needsEnvironment = built.map { refresh || !$0.isComplete } ?? false
            let needsHeaders = moduleKernels.contains { !cache.hasBuildTree($0) }
            guard needsTools || needsEnvironment || needsHeaders || !missing.isEmpty else { return }
            let archive = try PrivateArchive(in: cache)
            try await archive.inheritProxies()
            report("reading Debian's package lists")
            try await archive.update()
            if needsTools { try await prepareTools(archive) }
            if needsEnvironment, let built { try await prepare(built, archive) }
            for kernel in KernelName.allCases where missing.contains(kernel) { try await prepare(kernel, archive) }
            for kernel in moduleKernels where !cache.hasBuildTree(kernel) {
                try await prepareHeaders(kernel, archive)
            }
        }
    }

    private func prepare(_ environment: BuildEnvironment, _ archive: PrivateArchive) async throws {
        report("fetching compilers and tools to build kernel modules (about 120 MB)")
        let packages = try emptyFolder("packages/environment")
        try await archive.downloadClosure(
            BuildEnvironment.packages, release: BuildEnvironment.release, to: packages)
        let unpacked = try emptyFolder("environment.new")
        for package in try debs(in: packages) { try await unpack("\(packages)/\(package)", into: unpacked) }
        try replace(environment.root, with: unpacked)
        try environment.link()
        try BuildEnvironment.stamp.write(
            toFile: "\(environment.root)/complete", atomically: true, encoding: .utf8)
        try await record(packages)
    }

    /// Headers are of the very kernel that is in the cache; archives keep old ones for some weeks only.
    private func prepareHeaders(_ kernel: KernelName, _ archive: PrivateArchive) async throws {
        let headers = "linux-headers-\(try cache.release(of: kernel))"
        report("fetching \(kernel.rawValue)'s headers: \(headers)")
        let packages = try emptyFolder("packages/\(kernel.rawValue)-headers")
        do {
            let needed = try await archive.dependencies(
                of: headers, beginningWith: ["linux-headers-", "linux-kbuild-"])
            for package in [headers] + needed { try await archive.download(package, to: packages) }
        } catch {
            throw LabError(
                "no headers for the \(kernel.rawValue) kernel in the cache: \(error)\n"
                    + "with a newer kernel this may go: kexec-lab prepare --refresh --kernels=\(kernel.rawValue)")
        }
        for package in try debs(in: packages) {
            // Debian 12's packages bring a folder /lib, which would take the place of the link of that name.
            let script = "dpkg-deb --fsys-tarfile \"$0\" | tar -x -C \"$1\" ./usr"
            _ = try await HostCommand("sh", ["-c", script, "\(packages)/\(package)", cache.environment]).output()
        }
        guard cache.hasBuildTree(kernel) else { throw LabError("no Module.symvers in \(headers)") }
        try await record(packages)
    }

    private func prepareTools(_ archive: PrivateArchive) async throws {
        report("fetching QEMU, firmware and tools (about 50 MB)")
        let packages = try cache.folder("packages/tools")
        try await archive.downloadClosure(Toolset.packages, release: Toolset.release, to: packages)
        let unpacked = try emptyFolder("tools.new")
        for package in try debs(in: packages) { try await unpack("\(packages)/\(package)", into: unpacked) }
        try Toolset.stamp.write(toFile: "\(unpacked)/complete", atomically: true, encoding: .utf8)
        try replace(cache.tools, with: unpacked)
        try await record(packages)
    }

    private func prepare(_ kernel: KernelName, _ archive: PrivateArchive) async throws {
        if kernel == .noKexec { return try await buildKernelWithoutKexec() }
        let tree = try emptyFolder("trees/\(kernel.rawValue)")
        let packages = try emptyFolder("packages/\(kernel.rawValue)")
        for pattern in kernel.packages {
            let package = try await archive.newest(pattern)
            report("fetching \(kernel.rawValue): \(package)")
            try await archive.download(package, to: packages)
        }
        for package in try debs(in: packages) { try await unpack("\(packages)/\(package)", into: tree) }
        let made = try emptyFolder("kernels/\(kernel.rawValue).new")
        try collect(kernel, from: tree, into: made)
        if kernel.isGzip {
            try await HostCommand("/bin/gzip", ["-d", "-c", "\(made)/vmlinuz"]).output(to: "\(made)/vmlinux")
        } else if kernel.hasELF {
            try await VmlinuxExtraction(Toolset(cache)).extract("\(made)/vmlinuz", to: "\(made)/vmlinux")
        }
        try replace("\(cache.path)/kernels/\(kernel.rawValue)", with: made)
        try await record(packages)
    }

    private func buildKernelWithoutKexec() async throws {
        report("building a kernel without kexec (minutes, once)")
        let environment = BuildEnvironment(cache)
        let script = URL(fileURLWithPath: "scripts/build-kernel-without-kexec.sh").standardizedFileURL.path
        let tree = try environment.buildFolder("no-kexec")
        _ = try await HostCommand(script, [tree, environment.root]).output()
        let made = try emptyFolder("kernels/no-kexec.new")
        for (file, name) in [("arch/x86/boot/bzImage", "vmlinuz"), ("vmlinux", "vmlinux"), (".config", "config")] {
            try files.copyItem(atPath: "\(tree)/kernel/\(file)", toPath: "\(made)/\(name)")
        }
        try replace("\(cache.path)/kernels/no-kexec", with: made)
    }

    /// Kernel packages hold the image and the configuration in `/boot` or, since 7.x, beside the modules.
    private func collect(_ kernel: KernelName, from tree: String, into made: String) throws {
        let found = files.enumerator(atPath: tree)?.compactMap { $0 as? String } ?? []
        func last(_ name: String) -> String { String(name.split(separator: "/").last ?? "") }
        guard
            let image = found.first(where: {
                last($0).hasPrefix("vmlinuz")
                    || ($0.hasPrefix("boot/xen-") || $0.hasPrefix("boot/gnumach-")) && $0.hasSuffix(".gz")
                    || $0 == "boot/memtest86+x64.bin"
            })
        else {
            throw LabError("no vmlinuz in '\(tree)'")
        }
        try files.copyItem(atPath: "\(tree)/\(image)", toPath: "\(made)/vmlinuz")
        if let config = found.first(where: { last($0) == "config" || last($0).hasPrefix("config-") }) {
            try files.copyItem(atPath: "\(tree)/\(config)", toPath: "\(made)/config")
        }
        for program in kernel.programs {
            guard
                let source = found.first(where: {
                    last($0) == program && ["bin/", "lib", "boot/"].contains(where: $0.contains)
                })
            else { throw LabError("no \(program) in '\(tree)'") }
            // Libraries are links to files that carry their version.
            let target = URL(fileURLWithPath: "\(tree)/\(source)").resolvingSymlinksInPath().path
            try files.copyItem(atPath: target, toPath: "\(made)/\(program)")
        }
        if let drivers = found.first(where: { $0.hasSuffix("/kernel/drivers") && $0.contains("lib/modules/") }) {
            // Relative, so that the cache can be moved and copied; `made` is two folders below it.
            let folder = "\(tree.dropFirst(cache.path.count))/\(drivers.dropLast("/drivers".count))"
            try files.createSymbolicLink(atPath: "\(made)/modules", withDestinationPath: "../..\(folder)")
        }
    }

    private func unpack(_ package: String, into folder: String) async throws {
        _ = try await HostCommand("dpkg-deb", ["-x", package, folder]).output()
    }

    private func debs(in folder: String) throws -> [String] {
        try files.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".deb") }.sorted()
    }

    private func emptyFolder(_ name: String) throws -> String {
        try? files.removeItem(atPath: "\(cache.path)/\(name)")
        return try cache.folder(name)
    }

    private func replace(_ path: String, with made: String) throws {
        try? files.removeItem(atPath: path)
        try files.moveItem(atPath: made, toPath: path)
    }

    /// What was used, so that a result can be repeated.
    private func record(_ folder: String) async throws {
        var lines =
            (try? String(contentsOfFile: cache.record, encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
        for package in try debs(in: folder) {
            let sum = try await HostCommand("sha256sum", ["\(folder)/\(package)"]).output().prefix(64)
            lines.removeAll { $0.hasSuffix(" \(package)") }
            lines.append("\(sum) \(package)")
        }
        try (lines.joined(separator: "\n") + "\n").write(toFile: cache.record, atomically: true, encoding: .utf8)
    }
}
