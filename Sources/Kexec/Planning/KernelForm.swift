// SPDX-License-Identifier: MIT
public import BootFormats

/// What is unpacked before it is handed over (`--decompress`), so that the next kernel need not do it while the machine
/// is down.
public enum UnpackingChoice: Hashable, Sendable {
    /// Kernel and initrd, where that changes nothing but time.
    case automatic
    /// The same for one of them, or both; a warning tells where it is not done.
    case kernel, initrd, all
    case nothing

    var takesKernel: Bool { self == .automatic || namesKernel }
    var takesInitrd: Bool { self == .automatic || namesInitrd }
    var namesKernel: Bool { self == .kernel || self == .all }
    var namesInitrd: Bool { self == .initrd || self == .all }
}

/// In which form a kernel is handed over.
public enum KernelForm: Hashable, Sendable {
    /// Taken out of its bzImage; what that was packed with.
    case unpacked(Compression, isRandomised: Bool)
    case asItIs(because: UnpackingObstacle)
}

/// Why a kernel or an initrd is handed over as it is. Facts only.
public enum UnpackingObstacle: Error, Hashable, Sendable {
    /// `--decompress=none`
    case notWanted
    /// No bzImage of Linux, or one without a payload.
    case notLinux
    /// By its 32-bit or real-mode entry it has to be as it is.
    case otherEntry
    /// Nobody has tried it with a kernel before Linux 6.1, or the image does not say what it is.
    case tooOld
    case crashKernel
    /// The in-kernel loader takes files.
    case kexecFileLoad
    /// Only the kernel's own decompressor prepares what an encrypted guest needs; with initrds nobody has tried it there.
    case confidentialGuest
    /// A word of the command line that only the kernel's own decompressor heeds, or by which the next kernel shows the
    /// initrd's bytes or has other memory than this one.
    case commandLine(FieldName)
    /// The running kernel has, or may have, another number of page table levels than the next one wants, and only the
    /// decompressor changes it.
    case pagingDepth
    /// The running kernel (before Linux 5.6) has no random numbers yet, and the next one wants a random address.
    case noRandomness
    /// Bytes: what is unpacked, and what is left for it.
    case memoryShort(needed: UInt64, available: UInt64)
    /// Packed with what this program does not unpack.
    case packing
    case payload(FileProblem)
    case image(ImageError)
    /// The kernel was built to run at one address only (no CONFIG_RANDOMIZE_BASE).
    case notMovable
    /// No place of its size and alignment, bytes.
    case noRoom(needed: UInt64)
    /// Nothing in the initrd is compressed.
    case nothingPacked
    /// In the initrd is what is no cpio archive, and nothing that both Linux and this program unpack.
    case unknownPiece(at: Int)
    /// What such data of the initrd unpacks to is no cpio archive, or not all of one.
    case notArchive(Compression)
    /// An archive of the initrd goes on in another compressed stream.
    case splitArchive(Compression)
    /// What is compressed in the initrd holds a file that Linux acts upon where it is not.
    case earlyFile
}

extension UnpackingObstacle {
    @inline(never) init(_ problem: FileProblem) {
        if case .memoryShort(let needed, let available) = problem {
            self = .memoryShort(needed: needed, available: available)
        } else {
            self = .payload(problem)
        }
    }
}

/// What can be unpacked.
public enum UnpackablePart: Hashable, Sendable { case kernel, initrd }

/// 128 random bits, for where the next kernel lies.
public struct PlacementSeed: Hashable, Sendable {
    /// Chooses among the multiples of the kernel's alignment that its virtual address may be, from its link address on.
    public var virtual: UInt64
    /// Chooses the place in memory among those that are free.
    public var physical: UInt64
    public init(virtual: UInt64, physical: UInt64) {
        self.virtual = virtual
        self.physical = physical
    }

    /// Another number for each try, from the same bits (the steps of SplitMix64); `physical` for the first.
    func physical(try number: UInt64) -> UInt64 {
        guard number > 0 else { return physical }
        var bits = physical &+ number &* 0x9e37_79b9_7f4a_7c15
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }

    /// nil where these are not 16 bytes.
    init?(_ bytes: [UInt8]) {
        guard let virtual = bytes.loadLittle(UInt64.self, at: 0), let physical = bytes.loadLittle(UInt64.self, at: 8)
        else { return nil }
        self.init(virtual: virtual, physical: physical)
    }
}
