// SPDX-License-Identifier: MIT
internal import BootFormats

extension ACPIRootPointer {
    /// Reads `/dev/mem`.
    ///
    /// The BIOS's area can always be read there. Of EFI's tables, which lie in "ACPI Tables", a kernel with
    /// CONFIG_IO_STRICT_DEVMEM shows nothing, and no other file has these bytes.
    /// - Returns: nil where it cannot be read, or is none.
    init?(at address: UInt64, readingMemory path: ByteString) {
        guard let file = try? FileDescriptor(reading: path), let bytes = file.bytes(at: address, count: Self.size)
        else { return nil }
        self.init(bytes)
    }
}
