// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

/// The memory of the process that calls. Linux checks each address; false: the caller does not have it.
enum CallerMemory {
    static func read<Value: BitwiseCopyable>(_ value: inout Value, at address: UInt64) -> Bool {
        // The copy writes the value and nothing else; any bytes are one.
        unsafe withUnsafeMutableBytes(of: &value) {
            unsafe glue_copy_from_user($0.baseAddress, address, UInt64($0.count)) == 0
        }
    }

    static func write<Value: BitwiseCopyable>(_ value: Value, at address: UInt64) -> Bool {
        // Structures of the interface have no padding.
        unsafe withUnsafeBytes(of: value) {
            unsafe glue_copy_to_user(address, $0.baseAddress, UInt64($0.count)) == 0
        }
    }
}
