// SPDX-License-Identifier: MIT
public import BootFormats
internal import PhysicalMemory

/// A kernel, an initrd and a command line as one static ELF executable, which any loader of such files can start: it is
/// entered in 32-bit protected mode, and its setup code never runs.
///
/// What is made here are the file's own bytes; those of kernel and initrd stay where they are until they are written.
public struct BootableELF: Hashable, Sendable {
    /// What stands in the file, in this order.
    public enum Piece: Hashable, Sendable {
        case bytes([UInt8])
        /// A range of the kernel image.
        case kernel(Range<Int>)
        /// All of the initrd.
        case initrd
        /// Zeros up to the next page.
        case padding(Int)
    }

    /// Where the program is loaded, by whatever loads ELF files.
    public let layout: BootableELFLayout
    /// One after the other these are the file.
    public let pieces: [Piece]

    /// Lays out the file.
    /// - Parameters:
    ///   - image: the kernel, which `bytes` hold.
    ///   - commandLine: without a NUL.
    ///   - initrdSize: in bytes, 0 for none.
    /// - Throws: `.notBzImage`, `.zImage`, `.protocolTooOld`, `.realModeOnly` and `.commandLineTooLong` for the kernel;
    ///   `.doesNotFit` for a part that ends above 4 GiB, or an initrd that ends above `initrd_addr_max`; `.noTrampoline`.
    public init(
        _ image: KernelImage, _ bytes: borrowing RawSpan, commandLine: ByteString, initrdSize: Int
    ) throws(BootableELFError) {
        let kernel = try Self.usableKernel(image, commandLine: commandLine)
        let trampoline = try TrampolineSegment(commandLine: commandLine)
        layout = try BootableELFLayout(
            for: kernel.header, kernelSize: kernel.protectedModeKernel.count, trampolineSize: trampoline.size,
            initrdSize: initrdSize)
        let setupHeader = kernel.setupHeader.map { bytes.byte(at: $0) ?? 0 }
        let code = trampoline.encoded(layout, setupHeader: setupHeader, initrdSize: initrdSize)
        var body = Body()
        body.add(.bytes(code), size: code.count, at: layout.trampoline, memorySize: UInt64(code.count), flags: 7)
        body.add(
            .kernel(kernel.protectedModeKernel), size: kernel.protectedModeKernel.count, at: layout.kernel,
            memorySize: layout.kernel.size, flags: 7)
        if initrdSize > 0 {
            body.add(.initrd, size: initrdSize, at: layout.initrd, memorySize: UInt64(initrdSize), flags: 4)
        }
        let head = BootableELFHead(
            segments: body.segments, entry: layout.trampoline.start.rawValue, version: kernel.header.kernelVersion ?? ""
        )
        pieces = [.bytes(head.encoded())] + body.pieces
    }

    private static func usableKernel(_ image: KernelImage, commandLine: ByteString) throws(BootableELFError) -> BzImage
    {
        guard case .bzImage(let kernel) = image else { throw .notBzImage(image.kind) }
        let header = kernel.header
        guard header.isLoadedHigh else { throw .zImage }
        guard header.version >= 0x208 else { throw .protocolTooOld(found: header.version, needed: 0x208) }
        guard header.has64BitEntry || header.payloadLength != 0 else { throw .realModeOnly }
        let length = commandLine.count
        guard length <= Int(clamping: header.commandLineSize) else {
            throw .commandLineTooLong(length: length, limit: header.commandLineSize)
        }
        return kernel
    }
}

/// Segments one after the other, each on a page of the file.
private struct Body {
    var segments: [BootableELFHead.Segment] = []
    var pieces: [BootableELF.Piece] = []
    private var offset = BootableELFHead.size

    mutating func add(
        _ piece: BootableELF.Piece, size: Int, at place: PhysicalRange, memorySize: UInt64, flags: UInt32
    ) {
        segments.append(
            BootableELFHead.Segment(
                offset: offset, address: place.start.rawValue, fileSize: size, memorySize: memorySize, flags: flags))
        let padding = (BootableELFHead.size - size % BootableELFHead.size) % BootableELFHead.size
        pieces += padding == 0 ? [piece] : [piece, .padding(padding)]
        offset += size + padding
    }
}
