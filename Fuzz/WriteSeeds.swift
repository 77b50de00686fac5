// SPDX-License-Identifier: MIT
// Writes the files that fuzzing starts from: what the tests' builders make.
// usage: write-seeds FOLDER
import BootFormats
import Foundation

@main struct WriteSeeds {
    static func main() throws {
        let folder = CommandLine.arguments[1]
        var seeds: [String: [[UInt8]]] = [:]
        let small = BzImageBuilder(setupSectors: 1, kernelSize: 0x240, payload: (0x10, 0x200))
        let images = ([0x200, 0x203, 0x206, 0x208, 0x20a, 0x20f] as [UInt16]).map { version in
            var image = small
            image.version = version
            return image.bytes
        }
        seeds["BzImage"] = images.map { Array($0[0x1f0...]) }
        let note: [UInt8] = [4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, 0x58, 0x65, 0x6e, 0, 1, 2, 3, 4]
        seeds["ELF"] = [true, false].flatMap { isWide in
            let programs = [
                ELFBuilder.Header(
                    physicalAddress: 0x100_0000, fileSize: 16, contents: [UInt8](repeating: 0x90, count: 16)),
                ELFBuilder.Header(type: 4, contents: note),
            ]
            let image = ELFBuilder(isWide: isWide, machine: isWide ? 62 : 3, headers: programs)
            return [image.bytes, ELFBuilder(isWide: isWide, machine: isWide ? 62 : 6).bytes]
        }
        seeds["Decompression"] = CompressedSample.all.map(\.bytes)
        seeds["LZ4Block"] = CompressedSample.all.filter { $0.compression == .lz4 }.map { Array($0.bytes[11...]) }
        seeds["Recognition"] = images + (seeds["ELF"] ?? []) + CompressedSample.all.map { Array($0.bytes.prefix(32)) }
        for (target, files) in seeds {
            let path = "\(folder)/\(target)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (index, bytes) in files.enumerated() {
                try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/seed-\(index)"))
            }
        }
    }
}
