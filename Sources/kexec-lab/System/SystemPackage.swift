// SPDX-License-Identifier: MIT
import Foundation

/// What brings the `kexec` under test into a system.
enum SystemPackage: Sendable, Equatable {
    /// A package of this host's, which lies in the guest as `/lab/kexec.deb`.
    case file(String)
    /// kexec-tools of the release itself.
    case peer

    /// How apt is told.
    var argument: String {
        switch self {
        case .file: "/lab/kexec.deb"
        case .peer: "kexec-tools"
        }
    }

    var files: [String: String] {
        switch self {
        case .file(let path): ["kexec.deb": path].merging(module(beside: path)) { first, _ in first }
        case .peer: [:]
        }
    }

    /// The module's package, where `make deb` has left it in the same folder, as `/lab/kexec-dkms.deb`.
    private func module(beside path: String) -> [String: String] {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let found = names.filter { $0.hasPrefix("swift-kexec-dkms_") && $0.hasSuffix("_all.deb") }
        return found.count == 1 ? ["kexec-dkms.deb": "\(folder)/\(found[0])"] : [:]
    }

    /// The one package in `folder` that `make deb` left there.
    static func built(in folder: String) throws -> SystemPackage {
        let found = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasPrefix("swift-kexec_") && $0.hasSuffix("_amd64.deb")
        }
        guard let name = found.first, found.count == 1 else {
            throw LabError(
                found.isEmpty
                    ? "no swift-kexec_VERSION_amd64.deb in '\(folder)': run 'make deb'"
                    : "several packages in '\(folder)': name one with --package")
        }
        return .file("\(folder)/\(name)")
    }
}
