// SPDX-License-Identifier: MIT
internal import BootFormats
public import PhysicalMemory

/// Where everything lies in memory; each part begins on a page.
///
///     1 MiB          pref_address                     init_size later
///     +------------+ - - - +---------------------------------+-----------------+
///     | trampoline |       | kernel, and room to unpack it   | initrd          |
///     +------------+ - - - +---------------------------------+-----------------+
///
/// The first mebibyte is firmware's. A kernel that begins there, at 1 MiB, has the trampoline behind it. The initrd is no
/// higher than it must be: some loaders (QEMU) fetch all from the first part to the last.
public struct BootableELFLayout: Hashable, Sendable {
    /// Code, boot_params and command line: see Payloads/Trampoline.
    public let trampoline: PhysicalRange
    /// `init_size` bytes: the kernel unpacks itself there.
    public let kernel: PhysicalRange
    /// Empty where there is none.
    public let initrd: PhysicalRange

    private static let lowest: UInt64 = 0x10_0000
    private static let end: UInt64 = 1 << 32

    /// - Parameters:
    ///   - header: of the kernel.
    ///   - kernelSize: bytes of the protected-mode kernel.
    ///   - trampolineSize: bytes in memory.
    init(
        for header: SetupHeader, kernelSize: Int, trampolineSize: Int, initrdSize: Int
    ) throws(BootableELFError) {
        let start = max(Self.lowest, header.preferredAddress)
        kernel = try Self.place(
            .kernel, at: start, size: max(header.initSize, UInt64(kernelSize)), limit: Self.end - 1)
        let room = start - Self.lowest
        trampoline = try Self.place(
            .trampoline, at: room >= UInt64(trampolineSize) ? Self.lowest : kernel.end.rawValue,
            size: UInt64(trampolineSize), limit: Self.end - 1)
        initrd = try Self.place(
            .initrd, at: max(kernel.end, trampoline.end).rawValue, size: UInt64(initrdSize),
            limit: UInt64(header.initrdAddressMaximum))
    }

    private static func place(
        _ part: BootableELFError.Part, at start: UInt64, size: UInt64, limit: UInt64
    ) throws(BootableELFError) -> PhysicalRange {
        // Parsers have seen to it that `pref_address` and `init_size` can be added; files are smaller than half of the
        // address space.
        guard let first = start.roundedUp(to: pageSize),
            let last = PhysicalRange(start: PhysicalAddress(first), size: size)?.end.rawValue,
            let end = last.roundedUp(to: pageSize)
        else { throw .doesNotFit(part, last: .max, limit: limit) }
        guard size == 0 || last - 1 <= limit else { throw .doesNotFit(part, last: last - 1, limit: limit) }
        return PhysicalRange(from: PhysicalAddress(first), to: PhysicalAddress(size == 0 ? first : end))
    }
}
