// SPDX-License-Identifier: MIT
internal import BootFormats

/// Whether an initrd may be unpacked at load time, so that Linux has only to copy it out.
extension BootPlanner {
    /// - Parameters:
    ///   - initrdSize: bytes of it as it is.
    ///   - unpackedKernel: bytes that an unpacked kernel takes besides; 0 for none.
    /// - Returns: bytes that the initrd may become.
    /// - Throws: why it is not to be.
    func unpackedInitrdLimit(
        for image: BzImage, _ facts: ImageFacts, initrdSize: Int, unpackedKernel: Int
    ) throws(UnpackingObstacle) -> UInt64 {
        guard request.decompression.takesInitrd else { throw .notWanted }
        _ = try checkedCommandLine(of: image, facts, without: Self.initrdWords)
        let others = memoryTaken + UInt64(unpackedKernel) + image.header.initSize + UInt64(initrdSize)
        return min(limitHere(besides: others), limitThere)
    }

    /// `retain_initrd` shows its bytes in `/sys/firmware/initrd`; with `initrdmem=` it is another one; and by the others
    /// the next kernel has less memory than this machine.
    private static let initrdWords: [(word: StaticString, name: FieldName)] = [
        ("retain_initrd", "retain_initrd"), ("initrdmem", "initrdmem="), ("mem", "mem="), ("memmap", "memmap="),
        ("hugepages", "hugepages="),
    ]

    /// It is in memory twice until it is loaded: as it was unpacked, and as the kernel's own copy. A quarter of what is
    /// available is left alone.
    private func limitHere(besides others: UInt64) -> UInt64 {
        guard machine.memoryAvailable > 0 else { return .max }
        let usable = machine.memoryAvailable / 4 * 3
        return usable > others ? (usable - others) / 2 : 0
    }

    /// And twice in the next kernel until it has copied out all files: half of its memory at most.
    private var limitThere: UInt64 { machine.memoryTotal > 0 ? machine.memoryTotal / 4 : .max }
}
