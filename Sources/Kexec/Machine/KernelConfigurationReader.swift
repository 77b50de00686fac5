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
        return try? unpackedText(packed)
    }

    private func unpackedText(_ packed: [UInt8]) throws(FileProblem) -> [UInt8] {
        var output = try MemoryFile(limit: 8 << 20)
        // Bytes of an array that outlives the call.
        try unpack(unsafe packed.span.bytes, .gzip, .payload, into: &output)
        let text = try output.finished()
        return Array(copying: text.bytes)
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

extension Array<UInt8> {
    init(copying bytes: borrowing RawSpan) {
        self.init()
        reserveCapacity(bytes.byteCount)
        // Each offset lies within the span.
        for offset in 0..<bytes.byteCount { append(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) }
    }
}
