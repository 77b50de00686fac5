// SPDX-License-Identifier: MIT
import Hardware
import StandaloneAssembly

/// What the loader has handed over, in the payload's own memory: nothing of it depends on the loader's page tables.
struct Handover {
    let entry: entry_state
    let words: CommandLine
    /// Address and size in bytes; the size is 0 where there is none.
    let ramdisk: (start: UInt64, size: UInt64)
    /// Of the record of firmware's state that the loader has left; 0 for none.
    var firmwareState: UInt64 { words.value(of: "firmware-state")?.number ?? 0 }
    /// Firmware's boot services are gone for ever on a machine that UEFI has started; it never had a BIOS.
    let isEFI: Bool

    /// Reads boot_params, or the setup segment, which has the header at the same place, and goes over to the payload's own
    /// page tables.
    init(_ parameters: UnsafeRawPointer) {
        unsafe entry = parameters.load(fromByteOffset: Int(ENTRY_STATE), as: entry_state.self)
        // Real-mode code hands over the header only: what boot_params have besides is something else there.
        let isComplete = entry.kind != 16
        func word(_ offset: Int, high: Int) -> UInt64 {
            let low = UInt64(unsafe parameters.load(fromByteOffset: offset, as: UInt32.self))
            return isComplete ? low | UInt64(unsafe parameters.load(fromByteOffset: high, as: UInt32.self)) << 32 : low
        }
        let line = word(0x228, high: 0xc8)
        unsafe words = CommandLine(copying: UnsafePointer(bitPattern: UInt(line)))
        ramdisk = (word(0x218, high: 0xc0), word(0x21c, high: 0xc4))
        // "EL64", "EL32"
        let signature = isComplete ? unsafe parameters.load(fromByteOffset: 0x1c0, as: UInt32.self) : 0
        isEFI = signature == 0x3436_4c45 || signature == 0x3233_4c45
    }
}
