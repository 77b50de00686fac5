// SPDX-License-Identifier: MIT

/// The kernels that cases use, by what matters in them; the newest package that fits is taken.
enum KernelName: String, CaseIterable, Sendable {
    /// Boot protocol 2.15, payload LZ4.
    case linux61 = "6.1-cloud"
    /// Payload ZSTD.
    case linux612 = "6.12-cloud"
    /// The newest kernel in Debian's backports, payload ZSTD.
    case linux7 = "7.x-cloud"
    /// The same with Debian's signature.
    case linux7Signed = "7.x-cloud-signed"
    /// Payload XZ, and the drivers that cloud kernels leave out.
    case linux61Full = "6.1-full"
    case linux612Full = "6.12-full"
    case linux7Full = "7.x-full"
    /// 32 bits; Debian 12 is the last release with one.
    case linux61PAE = "6.1-686-pae"
    /// 6.1 built here without any kexec, see `scripts/build-kernel-without-kexec.sh`; takes minutes.
    case noKexec = "no-kexec"
    /// A hypervisor, a Multiboot image of both versions; no Linux.
    case xen417 = "xen-4.17"
    case xen420 = "xen-4.20"
    /// GNU Mach for amd64: a Multiboot 1 header in an ELF file of 64 bits; no Linux.
    case gnuMach = "gnumach-1.8"
    /// A test of memory in the shape of a kernel, by its 64-bit and its 32-bit build; no Linux.
    case memtest = "memtest86+"

    /// Patterns of package names; each stands for the newest match, unpacked over each other.
    var packages: [PackagePattern] {
        switch self {
        case .linux61: [PackagePattern(#"linux-image-6\.1\.[0-9.-]+-cloud-amd64"#)]
        case .linux612: [PackagePattern(#"linux-image-6\.12\.[0-9.]+\+deb13-cloud-amd64"#)]
        case .linux7:
            ["binary-unsigned", "base", "modules"].map {
                PackagePattern("linux-\($0)-" + #"[0-9]+\.[0-9.]+\+deb13-cloud-amd64"#)
            }
        case .linux7Signed: [PackagePattern(#"linux-binary-[0-9]+\.[0-9.]+\+deb13-cloud-amd64"#)]
        case .linux61Full: [PackagePattern(#"linux-image-6\.1\.[0-9.-]+-amd64"#)]
        case .linux612Full: [PackagePattern(#"linux-image-6\.12\.[0-9.]+\+deb13-amd64"#)]
        case .linux7Full:
            ["binary-unsigned", "base", "modules"].map {
                PackagePattern("linux-\($0)-" + #"[0-9]+\.[0-9.]+\+deb13-amd64"#)
            }
        case .linux61PAE:
            [
                PackagePattern(#"linux-image-6\.1\.[0-9.-]+-686-pae-unsigned"#, architecture: "i386"),
                // Its programs: a kernel of 32 bits runs no others.
                PackagePattern("busybox-static", architecture: "i386"),
                PackagePattern("kexec-tools", architecture: "i386"), PackagePattern("libc6", architecture: "i386"),
                PackagePattern("zlib1g", architecture: "i386"),
            ]
        case .noKexec: []
        case .xen417: [PackagePattern(#"xen-hypervisor-4\.17-amd64"#)]
        case .xen420: [PackagePattern(#"xen-hypervisor-4\.20-amd64"#)]
        case .gnuMach: [PackagePattern(#"gnumach-image-1\.8-amd64-up"#)]
        case .memtest: [PackagePattern(#"memtest86\+"#)]
        }
    }

    /// Packed with gzip as a whole.
    var isGzip: Bool { [.xen417, .xen420, .gnuMach].contains(self) }

    /// Files that are kept beside the kernel, for those that run no programs of the tool set.
    var programs: [String] {
        switch self {
        case .linux61PAE: ["busybox", "kexec", "ld-linux.so.2", "libc.so.6", "libz.so.1"]
        case .memtest: ["memtest86+x64.bin", "memtest86+x64.efi", "memtest86+ia32.bin"]
        default: []
        }
    }
}

extension KernelName {
    /// There is an ELF file in the image, or around it.
    var hasELF: Bool { self != .memtest }
}

/// A regular expression that a whole package name must match.
struct PackagePattern: Sendable {
    let expression: String
    let architecture: String
    /// What every match begins with.
    var prefix: String { String(expression.prefix { $0.isLetter || $0 == "-" }) }

    init(_ expression: String, architecture: String = "amd64") {
        self.expression = expression
        self.architecture = architecture
    }
}
