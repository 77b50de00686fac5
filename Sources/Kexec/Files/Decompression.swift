// SPDX-License-Identifier: MIT
internal import BootFormats

/// Unpacks a compressed file into memory.
func unpacked(
    _ file: borrowing MappedFile, _ compression: Compression, memoryLimit: UInt64
) throws(FileProblem) -> MappedFile {
    throw .codecMissing(compression)
}
