// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// The code that moves an image to its place (relocate_ARCH.S): position independent, it runs on a control page.
enum RelocationCode {
    static func copy(to control: PhysicalAddress) {
        // The glue promises so many bytes, and the assembler that they and a stack fit on a page.
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
