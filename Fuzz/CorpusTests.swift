// SPDX-License-Identifier: MIT
// The fuzz targets without a fuzzer: the inputs in Corpus/ go through them in every `swift test`.
import Foundation
import Testing

/// Takes the place of `Support.swift`: a broken promise fails the test that `Replay` says.
func expect(_ condition: Bool, _ promise: @autoclosure () -> StaticString) {
    if !condition { Issue.record("broken: \(promise()), by \(Replay.input)") }
}

enum Replay {
    /// Which file is being read.
    @TaskLocal static var input = ""
}

@Suite struct CorpusTests {
    static let targets: [String: @Sendable (UnsafeRawBufferPointer) -> Void] = [
        "BzImage": fuzzBzImage, "Decompression": fuzzDecompression, "ELF": fuzzELF, "FirmwareState": fuzzFirmwareState,
        "Initrd": fuzzInitrd, "KernelRecords": fuzzKernelRecords, "LZ4Block": fuzzLZ4Block,
        "MachineText": fuzzMachineText, "Multiboot": fuzzMultiboot, "NBI": fuzzNBI, "Options": fuzzOptions,
        "Planning": fuzzPlanning, "Recognition": fuzzRecognition, "UnpackedLinux": fuzzUnpackedLinux,
    ]

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    private func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: Self.folder.appending(path: folder).path).sorted()
    }

    @Test func everyTargetIsHereAndHasItsInputs() throws {
        #expect(try names(in: "Targets") == Self.targets.keys.sorted().map { $0 + ".swift" })
        #expect(try names(in: "Corpus") == Self.targets.keys.sorted())
    }

    @Test(arguments: targets.keys.sorted())
    func keepsItsPromisesForEveryInput(target: String) throws {
        let run = try #require(Self.targets[target])
        let files = try names(in: "Corpus/\(target)")
        #expect(!files.isEmpty)
        for file in files {
            let bytes = try Data(contentsOf: Self.folder.appending(path: "Corpus/\(target)/\(file)"))
            #expect(bytes.count <= 4096, "\(target)/\(file) is no small input")
            Replay.$input.withValue("\(target)/\(file)") { bytes.withUnsafeBytes { run($0) } }
        }
    }

    /// Each is in every clone for ever.
    @Test func allInputsTogetherAreSmall() throws {
        var size = 0
        for target in try names(in: "Corpus") {
            for file in try names(in: "Corpus/\(target)") {
                size += try Data(contentsOf: Self.folder.appending(path: "Corpus/\(target)/\(file)")).count
            }
        }
        #expect(size <= 300 << 10)
    }
}
