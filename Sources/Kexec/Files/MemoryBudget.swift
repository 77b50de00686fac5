// SPDX-License-Identifier: MIT
internal import BootFormats

/// The memory that the contents of files may take for one load: whoever reads or unpacks draws from it, so that looking at
/// files is cheap, whatever they hold.
///
/// Two bounds hold at once. What is read and unpacked together takes three quarters of the memory that is available at most.
/// And what comes out of compressed data has to be in proportion to the files that it comes from, the kernel's or the
/// initrds': 128 MiB, and 32 times their sizes.
public struct MemoryBudget: Hashable, Sendable {
    private var memory: UInt64
    private var kernelUnpacking = Self.smallest
    private var initrdUnpacking = Self.smallest
    /// Bytes that were drawn so far.
    private(set) var taken: UInt64 = 0

    /// What compressed files may become, whatever their sizes.
    private static let smallest: UInt64 = 128 << 20
    /// What they may become besides, for each of their bytes: kernels and archives are packed to a tenth at best.
    private static let ratio: UInt64 = 32
    /// No kernel is larger.
    private static let kernelLimit: UInt64 = 1 << 30

    /// For this machine, as it is now.
    public init() {
        self.init(memory: .max)
        guard let root = try? MachineRoot(path: "/") else { return }
        let available = MemoryInformation(parsing: root.bytes("proc/meminfo") ?? []).available
        if available > 0 { memory = available / 4 * 3 }
    }

    /// - Parameter memory: bytes that may be taken.
    public init(memory: UInt64) { self.memory = memory }

    /// For a load on `machine`, whatever machine this is: files stay in memory here and now, and no kernel takes an image of
    /// more than half of its RAM.
    init(on machine: MachineDescription) {
        self.init()
        if machine.memoryTotal > 0 { memory = min(memory, machine.memoryTotal / 2) }
    }

    /// Bytes that may be read into memory.
    var limitForReading: UInt64 { memory }

    /// Bytes that may come out of compressed data: a decoder has a window besides, of as many bytes at most as it has written.
    @inline(never) func limit(for part: UnpackablePart) -> UInt64 {
        let allowed = part == .kernel ? min(unpacking(part), Self.kernelLimit) : unpacking(part)
        return min(allowed, memory > 2 * decoderMemoryLimit ? memory - decoderMemoryLimit : memory / 2)
    }

    /// Counts the size of a file whose contents may be unpacked.
    @inline(never) mutating func admit(_ byteCount: Int, to part: UnpackablePart) {
        let (more, overflow) = UInt64(byteCount).multipliedReportingOverflow(by: Self.ratio)
        let allowed = unpacking(part)
        setUnpacking(overflow || more > .max - allowed ? .max : allowed + more, of: part)
    }

    private func unpacking(_ part: UnpackablePart) -> UInt64 { part == .kernel ? kernelUnpacking : initrdUnpacking }

    private mutating func setUnpacking(_ byteCount: UInt64, of part: UnpackablePart) {
        if part == .kernel { kernelUnpacking = byteCount } else { initrdUnpacking = byteCount }
    }

    /// Draws bytes that were read into memory.
    @inline(never) mutating func take(_ byteCount: Int) {
        memory -= min(memory, UInt64(byteCount))
        taken += UInt64(byteCount)
    }

    /// Draws the bytes of a file that was read into memory, and counts its size.
    @inline(never) mutating func takeFile(_ byteCount: Int, of part: UnpackablePart) {
        admit(byteCount, to: part)
        take(byteCount)
    }

    /// Draws bytes that came out of compressed data.
    @inline(never) mutating func takeUnpacked(_ byteCount: Int, of part: UnpackablePart) {
        take(byteCount)
        let allowed = unpacking(part)
        setUnpacking(allowed - min(allowed, UInt64(byteCount)), of: part)
    }
}
