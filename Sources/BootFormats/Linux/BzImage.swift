// SPDX-License-Identifier: MIT

/// A Linux bzImage: real-mode setup code, then the protected-mode kernel (Documentation/arch/x86/boot.rst).
///
///     0        0x1f1           0x202+len   (setup_sects+1)*512             syssize*16 later
///     +--------+---------------+-----------+-------------------------------+- - - - - -+
///     | boot   | setup header  | setup     | protected-mode kernel         | signature |
///     +--------+---------------+-----------+-------------------------------+- - - - - -+
public struct BzImage: Hashable, Sendable {
    /// The setup header's values; its bytes are at `setupHeader`.
    public var header: SetupHeader
    /// Bytes of boot sector and setup code.
    public var setupSize: Int
    /// The protected-mode kernel: what is loaded at the load address.
    public var protectedModeKernel: Range<Int>
    /// The setup header's own bytes, from 0x1f1: what goes into boot_params.
    public var setupHeader: Range<Int>
    /// The compressed kernel inside (`payload_offset`, `payload_length`); nil before protocol 2.08.
    public var payload: Range<Int>?

    public init(
        header: SetupHeader, setupSize: Int, protectedModeKernel: Range<Int>, setupHeader: Range<Int>,
        payload: Range<Int>?
    ) {
        self.header = header
        self.setupSize = setupSize
        self.protectedModeKernel = protectedModeKernel
        self.setupHeader = setupHeader
        self.payload = payload
    }
}
