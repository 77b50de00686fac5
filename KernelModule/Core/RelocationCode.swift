// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// The code that moves an image to its place (relocate_ARCH.S): position independent, it runs on a control page.
enum RelocationCode {
    /// At most half of a page: the other half is its stack.
    static func copy(to control: PhysicalAddress) {
        precondition(glue_relocation_size() <= pageSize / 2)
        // The glue promises so many bytes.
        unsafe glue_pointer(control.rawValue).copyMemory(
            from: glue_relocation_code(), byteCount: Int(glue_relocation_size()))
    }

    /// The first byte of the control page that is not the code's; nil: all are.
    static func firstDifference(on control: PhysicalAddress) -> UInt64? {
        let (page, code) = unsafe (glue_pointer(control.rawValue), glue_relocation_code())
        var offset = 0
        while offset < Int(glue_relocation_size()) {
            // As above.
            let (found, wanted) = unsafe (
                page?.load(fromByteOffset: offset, as: UInt8.self), code?.load(fromByteOffset: offset, as: UInt8.self)
            )
            if found != wanted { return UInt64(offset) }
            offset += 1
        }
        return nil
    }
}
