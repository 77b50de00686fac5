// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

/// The registers in memory behind one base address of a PCI function, by a map of its `resourceN` in sysfs.
@safe struct DeviceRegisters: ~Copyable {
    private let map: UnsafeMutableRawPointer
    private let size: UInt64

    /// nil where they cannot be reached: no such file, a locked-down kernel, a driver that keeps them to itself.
    init?(_ path: String, below root: MachineRoot) {
        guard let number = root.registers(path) else { return nil }
        let file = FileDescriptor(owning: number)
        var type: Int32 = 0
        var size: UInt64 = 0
        var map: UnsafeMutableRawPointer?
        // All three live for the calls; 64 KiB reach further than any register that is asked for.
        guard unsafe kx_fstat(file.number, &type, &size) == 0, size > 0 else { return nil }
        size = min(size, 1 << 16)
        guard unsafe kx_map(file.number, UInt(size), 1, &map) == 0, let map = unsafe map else { return nil }
        unsafe self.map = map
        self.size = size
    }

    deinit {
        // The map is this value's own.
        _ = unsafe munmap(map, Int(size))
    }

    /// Whether all `end` first bytes are there; a structure that is not whole would be read as addresses of ones.
    func reach(to end: UInt64) -> Bool { end <= size }

    /// All ones for what lies outside, as a bus answers.
    @inline(never) func read(_ offset: UInt64, _ width: RegisterWidth) -> UInt32 {
        guard offset <= size, size - offset >= UInt64(width.byteCount) else { return .max }
        // Inside the map; the offset is a register's, aligned like it.
        return unsafe kx_device_load(map + Int(offset), Int32(width.byteCount))
    }

    @inline(never) func write(_ value: UInt32, _ offset: UInt64, _ width: RegisterWidth) {
        guard offset <= size, size - offset >= UInt64(width.byteCount) else { return }
        // As above.
        unsafe kx_device_store(map + Int(offset), Int32(width.byteCount), value)
    }

    @inline(never) func read64(_ offset: UInt64) -> UInt64 {
        UInt64(read(offset, .word)) | UInt64(read(offset + 4, .word)) << 32
    }
}

extension RegisterWidth {
    var byteCount: Int {
        switch self {
        case .byte: 1
        case .half: 2
        case .word: 4
        }
    }
}
