// SPDX-License-Identifier: MIT
import Foundation

/// QEMU, firmware, busybox, the peer and the compressors, unpacked with their own C library beside the system.
///
/// All come from Debian 13: QEMU 10 (QEMU 7.2's interpreter faults at random with newer guests), OVMF and kexec-tools.
/// They run through their own dynamic linker, so any Debian host will do.
struct Toolset: Sendable {
    static let release = "trixie"
    static let packages = [
        "qemu-system-x86", "ovmf", "sbsigntool", "busybox-static", "kexec-tools",
        "xz-utils", "zstd", "lz4", "bzip2", "openssl", "ipxe", "syslinux-common",
        "grub-pc-bin", "grub-common", "e2fsprogs",
    ]
    /// Written when all is unpacked; another list of packages makes it stale.
    static let stamp = ([release] + packages).joined(separator: "\n") + "\n"

    let root: String

    init(_ cache: CacheFolder) { root = cache.tools }

    var libraries: String { "\(root)/usr/lib/x86_64-linux-gnu" }
    var linker: String { "\(libraries)/ld-linux-x86-64.so.2" }
    var busybox: String { "\(root)/usr/bin/busybox" }
    var peer: String { "\(root)/usr/sbin/kexec" }
    /// Prints the kernel's log of a dump.
    var vmcoreDmesg: String { "\(root)/usr/sbin/vmcore-dmesg" }
    var kexecTest: String { "\(libraries)/kexec-tools/kexec_test.static" }
    /// Network boot firmware and a disk in memory, both in the shape of a kernel that is entered in real mode.
    var ipxe: String { "\(root)/boot/ipxe.lkrn" }
    var memdisk: String { "\(root)/usr/lib/syslinux/memdisk" }
    /// GRUB's modules for a BIOS.
    var grub: String { "\(root)/usr/lib/grub/i386-pc" }
    var snakeoilKey: String { "\(root)/usr/share/ovmf/PkKek-1-snakeoil.key" }
    var snakeoilCertificate: String { "\(root)/usr/share/ovmf/PkKek-1-snakeoil.pem" }
    var isComplete: Bool { (try? String(contentsOfFile: "\(root)/complete", encoding: .utf8)) == Self.stamp }
    func firmware(_ name: String) -> String { "\(root)/usr/share/OVMF/\(name)" }

    /// A command line that runs one of the unpacked programs.
    func command(_ program: String, _ arguments: [String], folder: String = "usr/bin") -> HostCommand {
        HostCommand(linker, ["--library-path", libraries, "\(root)/\(folder)/\(program)"] + arguments)
    }

    /// The libraries that a dynamic program is linked with, in the order of its linker; none for a static one.
    static func libraries(of program: String, linker: String, searching folder: String?) async throws -> [String] {
        let options = folder.map { ["--library-path", $0] } ?? []
        let list = try await HostCommand(linker, options + ["--list", program]).output()
        return list.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 3, words[1] == "=>" else { return nil }
            return String(words[2])
        }
    }
}
