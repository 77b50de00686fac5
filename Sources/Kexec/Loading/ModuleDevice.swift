// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

/// The kernel module's device, open: one function for each shape of call in `ModuleInterface`.
///
/// A result is 0, or the negated errno of the call.
struct ModuleDevice: ~Copyable {
    /// `/dev/kexec`, of the module `kexec_mod`.
    static var path: String { StaticCallName.module.rawValue }

    private let file: FileDescriptor

    /// - Throws: ENOENT, ENODEV and ENXIO where the module is not loaded, EACCES where this is not root.
    init(opening path: String = Self.path) throws(CallFailure) {
        // The path lives for the call.
        let number = unsafe path.withCString { unsafe kx_open($0, O_RDWR | O_CLOEXEC, 0) }
        guard number >= 0 else { throw CallFailure(call: .open, errno: -number) }
        file = FileDescriptor(owning: number)
    }

    /// - Parameter segments: with addresses of this process in `contents`, which are valid during the call.
    borrowing func load(entry: UInt64, _ segments: [ModuleSegment], flags: UInt64) -> Int {
        // The module reads the table, and what it points to, during the call.
        unsafe segments.withUnsafeBytes { table in
            var load = ModuleLoad(
                entry: entry, segmentCount: UInt64(segments.count),
                segments: UInt64(UInt(bitPattern: table.baseAddress)), flags: flags)
            return unsafe kx_ioctl(file.number, ModuleCommand.load.rawValue, &load)
        }
    }

    /// A command without an argument.
    borrowing func call(_ command: ModuleCommand) -> Int { kx_ioctl(file.number, command.rawValue, nil) }

    borrowing func status() throws(CallFailure) -> ModuleStatus {
        var status = ModuleStatus()
        // The command's size is that of the value.
        let result = unsafe kx_ioctl(file.number, ModuleCommand.status.rawValue, &status)
        guard result >= 0 else { throw CallFailure(call: .ioctl, errno: Int32(clamping: -result)) }
        return status
    }
}
