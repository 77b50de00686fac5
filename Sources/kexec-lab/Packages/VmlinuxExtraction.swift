// SPDX-License-Identifier: MIT
import Foundation

/// Takes the ELF `vmlinux` out of a bzImage, with the compressors of the tool set.
struct VmlinuxExtraction {
    let tools: Toolset

    init(_ tools: Toolset) { self.tools = tools }

    /// Boot protocol 2.08: `payload_offset` and `payload_length` at 0x248, counted from the protected-mode kernel. The
    /// payload's last four bytes are its unpacked size and no part of the compressed stream.
    static func payload(of image: Data) throws -> Data {
        guard image.count > 0x250, image[0x202..<0x206] == Data("HdrS".utf8) else {
            throw LabError("not a bzImage")
        }
        func word(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(image[at + $1]) << (8 * $1) } }
        let setupSectors = image[0x1f1] == 0 ? 4 : Int(image[0x1f1])
        let start = (setupSectors + 1) * 512 + word(0x248)
        let end = start + word(0x24c) - 4
        guard start < end, end <= image.count else { throw LabError("the payload ends outside the image") }
        return image[start..<end]
    }

    func extract(_ image: String, to target: String) async throws {
        let payload = try Self.payload(of: try Data(contentsOf: URL(fileURLWithPath: image), options: .alwaysMapped))
        let packed = target + ".packed"
        try Data(payload).write(to: URL(fileURLWithPath: packed))
        let program =
            switch Array(payload.prefix(4)) {
            case [0x02, 0x21, 0x4c, 0x18]: "lz4"
            case [0x28, 0xb5, 0x2f, 0xfd]: "zstd"
            case [0xfd, 0x37, 0x7a, 0x58]: "xz"
            default: throw LabError("'\(image)' is compressed in a way that is not known here")
            }
        try await tools.command(program, ["-d", "-c", packed]).output(to: target)
        try FileManager.default.removeItem(atPath: packed)
    }
}
