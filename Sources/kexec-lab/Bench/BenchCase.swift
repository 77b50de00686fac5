// SPDX-License-Identifier: MIT

/// One comparison: what is booted on what machine; each of `tools` is measured in a boot of its own.
struct BenchCase: Sendable {
    var name: String
    var firstKernel: KernelName = .linux61
    var secondKernel: KernelName = .linux61
    var initrd: BenchInitrd
    /// In MiB.
    var memory = 4096
    var tools: [BenchTool]
    /// Those that `make bench QUICK=1` runs.
    var quickTools: [BenchTool] = []
}

/// The second kernel's initial ram disk: the bench's `/init` and ballast.
enum BenchInitrd: Hashable, Sendable {
    /// Uncompressed, with so many MiB of random data.
    case raw(Int)
    /// Kernel modules and shared libraries, 135 MB, compressed by xz.
    case xz
    /// Made in the guest from its pieces: nothing of that size goes through the first kernel's initramfs.
    var isMadeInGuest: Bool { if case .raw(let size) = self { size > 10 } else { false } }
}

/// What starts the second kernel.
enum BenchTool: String, Sendable, CaseIterable {
    case debianLoad = "kexec-tools -c"
    case debianFile = "kexec-tools -s"
    case debianUnchecked = "kexec-tools -c -i"
    /// As it is shipped.
    case oursLoad = "swift-kexec -c"
    case oursAsItIs = "swift-kexec -c as it is"
    case oursFast = "swift-kexec -c --fast"
    case oursFile = "swift-kexec -s"
    case oursModule = "swift-kexec module"
    /// QEMU places the unpacked kernel and the initrd, no firmware runs: the limit for any loader.
    case directUnpacked = "qemu pvh"
    case direct = "qemu bzimage"

    var program: String { String(rawValue.prefix { $0 != " " }) }
    var via: String { String(rawValue.drop { $0 != " " }.dropFirst()) }
    var isDirect: Bool { self == .directUnpacked || self == .direct }
    var isOurs: Bool { program == "swift-kexec" }

    /// Options of the load.
    var options: [String] {
        switch self {
        case .debianLoad, .oursLoad: ["-c"]
        case .debianFile, .oursFile: ["-s"]
        case .debianUnchecked: ["-c", "-i"]
        case .oursAsItIs: ["-c", "--decompress=none"]
        case .oursFast: ["-c", "--fast"]
        case .oursModule: ["--system-call=module"]
        case .directUnpacked, .direct: []
        }
    }
}

/// What `kexec-lab bench` measures.
enum BenchCases {
    static let all = [small, hundred, fiveHundred, thousand, littleMemory, zstd, xz, compressedInitrd]
    /// Cases in the picture.
    static let pictured = [small.name, zstd.name, xz.name]
    /// kexec_file_load leaves nearly all work to the kernel, whoever calls it: the smallest case shows that.
    private static let calls: [BenchTool] = [.oursLoad, .oursModule]
    private static let ours: [BenchTool] = [.oursAsItIs, .oursFast]

    private static let small = BenchCase(
        name: "6.1-cloud/10M", initrd: .raw(10), tools: BenchTool.allCases,
        quickTools: [.debianLoad, .debianUnchecked, .directUnpacked] + calls + ours)
    private static let hundred = BenchCase(
        name: "6.1-cloud/100M", initrd: .raw(100), tools: [.debianLoad, .debianUnchecked, .directUnpacked] + calls)
    private static let fiveHundred = BenchCase(
        name: "6.1-cloud/500M", initrd: .raw(500), tools: [.debianLoad, .debianUnchecked, .oursAsItIs] + calls)
    /// kexec-tools with its digest is left out: minutes of hashing, and a ratio that 500 MiB show as well.
    private static let thousand = BenchCase(
        name: "6.1-cloud/1000M", initrd: .raw(1000), tools: [.debianUnchecked, .oursAsItIs] + calls)
    private static let littleMemory = BenchCase(
        name: "6.1-cloud/100M/1G", initrd: .raw(100), memory: 1024,
        tools: [.debianUnchecked, .oursAsItIs] + calls)
    private static let zstd = BenchCase(
        name: "6.12-cloud/10M", secondKernel: .linux612, initrd: .raw(10),
        tools: [.debianLoad, .debianUnchecked, .directUnpacked, .direct] + calls + ours)
    private static let xz = BenchCase(
        name: "6.1-full/10M", secondKernel: .linux61Full, initrd: .raw(10),
        tools: [.debianLoad, .debianUnchecked, .directUnpacked, .direct] + calls + ours)
    private static let compressedInitrd = BenchCase(
        name: "6.1-cloud/xz", initrd: .xz,
        tools: [.debianLoad, .debianUnchecked, .directUnpacked, .oursAsItIs] + calls)
}
