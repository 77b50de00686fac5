// SPDX-License-Identifier: MIT

/// What the purgatory that started this kernel has left: the data of the `setup_data` node of `type` below
/// `/sys/kernel/boot_params/setup_data`; nil where there is none.
///
/// Only nodes of that type are read: others hold seeds of random numbers.
public func lastJumpRecord(below root: borrowing MachineRoot, type: UInt32) -> [UInt8]? {
    let folder = "sys/kernel/boot_params/setup_data"
    let numbers = (root.names(in: folder) ?? []).compactMap { Array($0.utf8)[...].decimal }.sorted()
    for number in numbers where root.line("\(folder)/\(number)/type")?.hexadecimal == UInt64(type) {
        return root.bytes("\(folder)/\(number)/data", limit: 1 << 20)
    }
    return nil
}
