// SPDX-License-Identifier: MIT
internal import Handoff
internal import PhysicalMemory

/// What the purgatory that started this kernel has left: the data of the `setup_data` node below
/// `/sys/kernel/boot_params/setup_data` that is a `TraceRecord`; nil where there is none.
///
/// Of other nodes only the type is read: they hold, among other things, seeds of random numbers.
public func lastJumpRecord(below root: MachineRoot) -> [UInt8]? {
    let folder = "sys/kernel/boot_params/setup_data"
    let numbers = (root.names(in: folder) ?? []).compactMap { Array($0.utf8)[...].decimal }.sorted { $0 }
    for number in numbers {
        guard root.line("\(folder)/\(number)/type")?.hexadecimal == UInt64(TraceRecord.setupDataType) else { continue }
        return root.bytes("\(folder)/\(number)/data", limit: 1 << 20)
    }
    return nil
}
