// SPDX-License-Identifier: MIT

/// What mkelfimage tells the trampoline of the image that it makes: one source file, compiled into both.
///
/// ```
///    0 version    4 boot_params    8 kernel entry    12 zero
/// ```
public struct TrampolineParameters: BitwiseCopyable, Hashable, Sendable {
    /// Counts changes of the layout; the trampoline's own number is compared with it where that is compiled.
    public static let currentVersion: UInt32 = 1
    /// In bytes.
    public static let size = 16
    /// "SWKXELF1", at offset 8 of the trampoline.
    public static let magic: UInt64 = 0x3146_4c45_584b_5753

    public private(set) var version = TrampolineParameters.currentVersion
    /// The address of the kernel's boot_params, made but for what only the machine knows.
    public var bootParameters: UInt32 = 0
    /// The kernel's 32-bit entry: the first byte of the protected-mode kernel.
    public var kernelEntry: UInt32 = 0
    private var zero: UInt32 = 0

    public init() {}
}
