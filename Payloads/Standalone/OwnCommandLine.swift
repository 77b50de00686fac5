// SPDX-License-Identifier: MIT
import StandaloneAssembly

extension CommandLine {
    /// Copies the line that boot_params point to, so that its memory may be used for other things.
    init(copying line: UnsafePointer<UInt8>?) {
        // head.S has room for a line of this size and its NUL.
        unsafe self.init(copying: line, to: own_command_line(), limit: Int(COMMAND_LINE_SIZE))
    }
}
