// SPDX-License-Identifier: MIT
internal import BootFormats

extension MachineRoot {
    /// The settings that matter of `/proc/config.gz`, else `/boot/config-RELEASE` and the like. A capture holds these
    /// lines under the name `swift-kexec/config`, whichever file they came from.
    func kernelConfiguration(release: String?) -> KernelConfiguration {
        let path = "swift-kexec/config"
        if !isRunning, let text = bytes(path) { return KernelConfiguration(parsing: text) }
        guard let text = runningConfiguration() ?? installedConfiguration(release: release) else {
            return KernelConfiguration()
        }
        let kept = text.excerpt { KernelConfiguration.setting(in: $0) != nil }
        recording?.add(path, kept)
        return KernelConfiguration(parsing: kept)
    }

    /// `/proc/config.gz`: CONFIG_IKCONFIG_PROC. Nil where it is missing or no gzip decoder is built in.
    private func runningConfiguration() -> [UInt8]? {
        guard let packed = unrecordedBytes("proc/config.gz") else { return nil }
        do throws(FileProblem) {
            // Files of /proc cannot be mapped, and the decoders take mapped ones.
            var copy = try MemoryFile(limit: 1 << 20)
            try copy.reserve(packed.count)
            // Nothing is written yet: the room begins at its start, and has the size reserved.
            try unsafe copy.append { room, _ in
                unsafe room.copyBytes(from: packed)
                return packed.count
            }
            let text = try unpacked(copy.finished(), .gzip, memoryLimit: 8 << 20)
            // The buffer lives for the call.
            return unsafe text.bytes.withUnsafeBytes { unsafe Array($0) }
        } catch {
            return nil
        }
    }

    /// The places that distributions use, of which none is part of the kernel's own interface.
    private func installedConfiguration(release: String?) -> [UInt8]? {
        guard let release else { return nil }
        for path in [
            "boot/config-\(release)", "usr/lib/modules/\(release)/config", "lib/modules/\(release)/config",
            "usr/lib/kernel/config-\(release)",
        ] {
            if let text = unrecordedBytes(path) { return text }
        }
        return nil
    }
}
