// SPDX-License-Identifier: MIT
internal import BootFormats

/// A bare-metal payload as it was built: flat, position independent, entered at its first byte, with a block of parameters
/// that the loader fills in.
///
/// ```
///    0 jump to the code          20 size of the file, u32
///    8 magic                     24 size in memory, u32
///   16 offset of parameters, u32 28 zero
/// ```
struct FlatPayload: Hashable, Sendable {
    private let file: [UInt8]
    let parametersOffset: Int
    /// What the segment needs in bytes, code, stack and page tables together; more than the contents have.
    let memorySize: UInt64

    /// Reads the header of `file`.
    /// - Parameters:
    ///   - size: of the parameters, whose first word is their version.
    ///   - version: the one that this loader fills in.
    init(_ file: [UInt8], magic: UInt64, parametersSize size: Int, version: UInt32) throws(PurgatoryImageError) {
        guard file.count >= 32 else { throw .tooShort(found: file.count, needed: 32) }
        let found = file.loadLittle(UInt64.self, at: 8) ?? 0
        guard found == magic else { throw .wrongMagic(found: found) }
        let offset = Self.word(of: file, at: 16)
        let (fileSize, memory) = (Self.word(of: file, at: 20), Self.word(of: file, at: 24))
        guard UInt64(fileSize) == UInt64(file.count) else { throw .wrongFileSize(found: file.count, stated: fileSize) }
        guard memory >= fileSize else { throw .memorySmallerThanFile(memory: memory, file: fileSize) }
        guard UInt64(offset) + UInt64(size) <= UInt64(fileSize) else {
            throw .parametersOutside(offset: offset, file: fileSize)
        }
        let built = Self.word(of: file, at: Int(offset))
        guard built == version else { throw .wrongParameterVersion(found: built, needed: version) }
        self.file = file
        parametersOffset = Int(offset)
        memorySize = UInt64(memory)
    }

    /// The bytes of the segment, told `parameters`, which have the size that the initialiser was given.
    func contents<Parameters: BitwiseCopyable>(_ parameters: Parameters) -> [UInt8] {
        var contents = file
        unsafe Swift.withUnsafeBytes(of: parameters) { block in
            // The initialiser has seen to it that the block fits.
            for index in 0..<block.count { contents[parametersOffset + index] = unsafe block[index] }
        }
        return contents
    }

    private static func word(of bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes.loadLittle(UInt32.self, at: offset) ?? 0
    }
}
