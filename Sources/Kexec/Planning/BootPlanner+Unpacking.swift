// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Whether a kernel may be taken out of its bzImage at load time, and where it lies then.
///
/// The kernel's decompressor does more than to unpack: it chooses the addresses (`arch/x86/boot/compressed/kaslr.c`), sets
/// the number of page table levels, and prepares encrypted guests. The first is done here as well; what needs the others,
/// or is told to it by the command line, gets the bzImage as it is.
extension BootPlanner {
    /// How the kernel in `image` is to be unpacked.
    /// - Parameter unpackedSize: what its payload says that it becomes.
    /// - Returns: how far it is moved up from its virtual address, and whether that is at random.
    /// - Throws: why it is not to be.
    func unpacking(
        of image: BzImage, _ facts: ImageFacts, unpackedSize: UInt64, initrdSize: Int
    ) throws(UnpackingObstacle) -> (distance: UInt64, isRandomised: Bool) {
        let header = image.header
        guard request.decompression.takesKernel else { throw .notWanted }
        guard image.payload != nil, header.isRelocatable, header.isLoadedHigh else { throw .notLinux }
        let line = try checkedCommandLine(of: image, facts, without: Self.decompressorsWords)
        if pagingDepthChanges(header, line) { throw .pagingDepth }
        let isRandomised = !line.has("nokaslr")
        guard !isRandomised || placementSeed != nil else { throw .noRandomness }
        try checkMemory(unpackedSize + header.initSize + UInt64(initrdSize))
        return (isRandomised ? virtualDistance(header) : 0, isRandomised)
    }

    /// What the decompressor looks for when it chooses an address, and `mem_encrypt`: memory that the kernel is not to use.
    private static let decompressorsWords: [(word: StaticString, name: FieldName)] = [
        ("mem", "mem="), ("memmap", "memmap="), ("movable_node", "movable_node"), ("mem_encrypt", "mem_encrypt="),
        ("hugepagesz", "hugepagesz="),
        ("efi_fake_mem", "efi_fake_mem="),
    ]
    /// `KERNEL_IMAGE_SIZE` of a kernel that can be moved: what is mapped for it at most.
    private static let virtualEnd: UInt64 = 1 << 30

    /// Checks what is asked of every load of which something is unpacked.
    /// - Returns: the command line, which has none of these words.
    func checkedCommandLine(
        of image: BzImage, _ facts: ImageFacts, without words: [(word: StaticString, name: FieldName)]
    ) throws(UnpackingObstacle) -> KernelCommandLine {
        let header = image.header
        guard request.target != .crash else { throw .crashKernel }
        guard header.kernelVersionOffset != 0 else { throw .notLinux }
        guard header.has64BitEntry, !request.entry32Bit, !request.realMode, !request.isForBIOS else {
            throw .otherEntry
        }
        guard let version = LinuxVersion(header.kernelVersion), version >= Self.firstVersion else { throw .tooOld }
        let text = finalCommandLine(for: .bzImage(image))
        guard chooseCall(for: .bzImage(image), facts, text).call != .kexecFileLoad else { throw .kexecFileLoad }
        guard !machine.isConfidentialGuest else { throw .confidentialGuest }
        let line = KernelCommandLine(text)
        for (word, name) in words where line.has(word) { throw .commandLine(name) }
        return line
    }

    /// The first that all of this was tried with.
    private static let firstVersion = LinuxVersion(6, 1)

    /// The unpacked kernel stays in memory until it is loaded, beside the kernel's own copy of all segments. A quarter of
    /// what is available is left alone: to be fast is no reason to drive programs out of memory.
    private func checkMemory(_ needed: UInt64) throws(UnpackingObstacle) {
        guard machine.memoryAvailable > 0 else { return }
        let available = machine.memoryAvailable / 4 * 3
        guard needed <= available, memoryTaken <= available - needed else {
            throw .memoryShort(needed: needed, available: available - min(available, memoryTaken))
        }
    }

    /// Linux hides the processor's flag where it uses 4 levels: what it was told to leave, the processor may have.
    private func pagingDepthChanges(_ header: SetupHeader, _ line: KernelCommandLine) -> Bool {
        let wants5Levels = header.prefers5LevelPaging && !line.has("no5lvl")
        if machine.uses5LevelPaging { return !wants5Levels }
        return wants5Levels
            && (KernelCommandLine(machine.commandLine).has("no5lvl")
                || machine.configuration.disabled.contains(.fiveLevelPaging))
    }

    private func virtualDistance(_ header: SetupHeader) -> UInt64 {
        guard let seed = placementSeed, header.initSize <= Self.virtualEnd,
            header.preferredAddress <= Self.virtualEnd - header.initSize
        else { return 0 }
        let alignment = UInt64(header.kernelAlignment)
        let places = (Self.virtualEnd - header.initSize - header.preferredAddress) / alignment + 1
        return seed.virtual % places * alignment
    }
}
