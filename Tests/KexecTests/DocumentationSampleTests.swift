// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Kexec
import Testing

// What the articles of Sources/Kexec/Kexec.docc show, word for word.

func load(kernel: ByteString, initrd: ByteString) throws {
    var request = KexecRequest(kernel: kernel)
    request.initrds = [initrd]
    request.reusesCommandLine = true
    let machine = try MachineDescription(reading: MachineRoot(path: "/"))
    let prepared = try PreparedLoad(request, on: machine)
    let report = try prepared.load()
    print("loaded by", report.call)
}

func jump() throws {
    let state = try MachineDescription(reading: MachineRoot(path: "/")).kexec
    _ = try state.checkJump()
    try state.jump()
}

func segments(kernel: ByteString, machineIn directory: ByteString) throws -> [String] {
    let machine = try MachineDescription(reading: MachineRoot(path: directory))
    var request = KexecRequest(kernel: kernel)
    request.commandLine = "root=/dev/vda1 ro"
    let plan = try PreparedLoad(request, on: machine).plan
    guard plan.isLoadable else { return [] }
    return plan.segments.map { "\($0.name) at 0x\(String($0.place.start.rawValue, radix: 16))" }
}

/// The first two functions are compiled only: nothing is loaded on the machine that runs the tests.
@Suite struct DocumentationSampleTests {
    @Test(arguments: ["FromFileToJump", "PlanningWithoutLoading"])
    func articlesShowWhatIsCompiled(article: String) throws {
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        let text = try String(
            contentsOf: root.appending(path: "Sources/Kexec/Kexec.docc/\(article).md"), encoding: .utf8)
        let samples = text.components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        #expect(!samples.isEmpty)
        for sample in samples { #expect(source.contains("\n" + sample), "\(sample)") }
    }

    @Test func planOfACapturedMachineHasTheKernelAndItsParameters() throws {
        let kernel = FileManager.default.temporaryDirectory.appending(path: "sample-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: kernel) }
        try Data(bzImage()).write(to: kernel)
        let found = try segments(
            kernel: ByteString(kernel.path),
            machineIn: ByteString(root.appending(path: "Tests/Fixtures/machines/bios-512m").path))
        #expect(found.contains { $0.hasPrefix("kernel at ") })
        #expect(found.contains { $0.hasPrefix("boot_params at ") })
    }

    /// Boot protocol 2.15, with a 64-bit entry, that wants to run at 16 MiB.
    private func bzImage() -> [UInt8] {
        var bytes = [UInt8](repeating: 0x90, count: 0x8000)
        bytes.replaceSubrange(0..<0x1000, with: repeatElement(0, count: 0x1000))
        let fields: [(offset: Int, value: UInt64, size: Int)] = [
            (0x1f1, 7, 1), (0x1f4, 0x700, 4), (0x1fe, 0xaa55, 2), (0x200, 0x6aeb, 2), (0x202, 0x5372_6448, 4),
            (0x206, 0x20f, 2), (0x211, 1, 1), (0x22c, 0x7fff_ffff, 4), (0x230, 0x20_0000, 4), (0x234, 1, 1),
            (0x236, 1, 2), (0x238, 2047, 4), (0x258, 0x100_0000, 8), (0x260, 0x40_0000, 4),
        ]
        for field in fields {
            for index in 0..<field.size {
                bytes[field.offset + index] = UInt8(truncatingIfNeeded: field.value >> (8 * index))
            }
        }
        return bytes
    }

    private var root: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }
}
