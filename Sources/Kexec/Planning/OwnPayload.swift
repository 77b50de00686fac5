// SPDX-License-Identifier: MIT
internal import BootFormats

/// A payload of ours that is a kernel image: it takes words on its command line that a loader adds.
enum OwnPayload {
    case kexecTest, biosBoot
}

extension KernelImage {
    /// It says so where a Linux has its version.
    var ownPayload: OwnPayload? {
        guard case .bzImage(let image) = self, let version = image.header.kernelVersion?.utf8 else { return nil }
        if version.starts(with: "swift-kexec kexec_test".utf8) { return .kexecTest }
        return version.starts(with: "swift-kexec bios_boot".utf8) ? .biosBoot : nil
    }
}
