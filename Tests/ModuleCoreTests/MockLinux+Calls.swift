// SPDX-License-Identifier: MIT
import Handoff
import ModuleCore

/// The calls of the device.
extension MockLinux {
    static let entry: UInt64 = 0x10_0200

    func load(_ segments: [TestSegment], flags: UInt64 = 0) -> Int64 {
        let table = segments.map {
            ModuleSegment(
                contents: caller.add($0.contents), contentSize: UInt64($0.contents.count), start: $0.start,
                memorySize: $0.size)
        }
        return load(table, flags: flags)
    }

    /// - Parameter count: what the call says, if not the truth.
    func load(_ table: [ModuleSegment], count: UInt64? = nil, flags: UInt64 = 0) -> Int64 {
        defer { caller.forget() }
        let segments = caller.add(table.withUnsafeBytes { Array($0) })
        let request = ModuleLoad(
            entry: Self.entry, segmentCount: count ?? UInt64(table.count), segments: segments, flags: flags)
        return call(.load, caller.add(withUnsafeBytes(of: request) { Array($0) }))
    }

    func call(_ command: ModuleCommand, _ argument: UInt64 = 0) -> Int64 { core_ioctl(command.rawValue, argument) }

    /// nil: refused.
    func status() -> ModuleStatus? {
        defer { caller.forget() }
        let size = MemoryLayout<ModuleStatus>.size
        let address = caller.add(Array(repeating: 0xee, count: size))
        guard call(.status, address) == 0 else { return nil }
        return caller.bytes(at: address, size).withUnsafeBytes { $0.loadUnaligned(as: ModuleStatus.self) }
    }
}
