// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import PayloadImages
internal import PhysicalMemory

/// The trampoline (Payloads/Trampoline) with all that it needs: what the file's entry points to.
///
///     0                    4096           8192
///     +--------------------+--------------+-----------------------+
///     | code, then a stack | boot_params  | command line, NUL     |
///     +--------------------+--------------+-----------------------+
struct TrampolineSegment {
    /// A flat image; see Payloads/Trampoline/linker.ld.
    private let image: [UInt8]
    /// In bytes, with the stack: a multiple of pages.
    private let imageSize: Int
    private let line: [UInt8]

    /// "No registered ID" in `type_of_loader`.
    private static let loaderType: UInt8 = 0xff

    /// - Parameter image: the trampoline as it was built, empty where there was no memory to unpack it.
    init(_ image: [UInt8] = trampolineImage(), commandLine: ByteString) throws(BootableELFError) {
        let memory = Int(image.loadLittle(UInt32.self, at: 24) ?? 0)
        guard image.loadLittle(UInt64.self, at: 8) == TrampolineParameters.magic,
            image.loadLittle(UInt32.self, at: 20) == UInt32(image.count), memory >= image.count
        else { throw .noTrampoline(found: image.count) }
        self.image = image
        imageSize = (memory + Int(pageSize) - 1) / Int(pageSize) * Int(pageSize)
        line = commandLine.terminated
    }

    /// In bytes.
    var size: Int { imageSize + BootParameters.size + line.count }

    /// - Parameters:
    ///   - setupHeader: the kernel's, from 0x1f1 on.
    ///   - initrdSize: in bytes, without what fills its last page.
    func encoded(_ layout: BootableELFLayout, setupHeader: [UInt8], initrdSize: Int) -> [UInt8] {
        let start = layout.trampoline.start.rawValue
        let zeroPage = start + UInt64(imageSize)
        var parameters = BootParameters()
        parameters.setHeader(setupHeader)
        parameters.setCommandLine(PhysicalAddress(zeroPage + UInt64(BootParameters.size)))
        if initrdSize > 0 { parameters.setInitrd(layout.initrd.start, size: UInt64(initrdSize)) }
        var bytes = image
        // `movl $stack, %esp`, for the trampoline cannot find out where it is without a stack.
        bytes.store(UInt32(truncatingIfNeeded: start + UInt64(imageSize)), at: 1)
        let block = Int(image.loadLittle(UInt32.self, at: 16) ?? 0)
        bytes.store(TrampolineParameters.currentVersion, at: block)
        bytes.store(UInt32(truncatingIfNeeded: zeroPage), at: block + 4)
        bytes.store(UInt32(truncatingIfNeeded: layout.kernel.start.rawValue), at: block + 8)
        bytes += [UInt8](repeating: 0, count: imageSize - image.count)
        var page = parameters.bytes
        page.store(Self.loaderType, at: 0x210)
        return bytes + page + line
    }
}
