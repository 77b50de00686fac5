// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// Files of which far more comes than they are worth.
enum Bomb {
    /// zstd blocks of zeros behind `head`, 4 bytes for 128 KiB (RFC 8878, 3.1.1.2).
    /// - Parameter size: what the frame says that it has; nil: nothing.
    static func zstd(_ head: [UInt8], zeros: Int, size: UInt64? = nil) -> [UInt8] {
        // A window of 128 KiB.
        var bytes: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, size == nil ? 0 : 0xc0, 0x38]
        if let size { bytes.appendLittle(size) }
        func block(_ kind: UInt32, _ size: Int, isLast: Bool = false) {
            let word = UInt32(size) << 3 | kind << 1 | (isLast ? 1 : 0)
            bytes += [UInt8(word & 0xff), UInt8(word >> 8 & 0xff), UInt8(word >> 16)]
        }
        block(0, head.count)
        bytes += head
        for number in 1...zeros / (128 << 10) {
            block(1, 128 << 10, isLast: number == zeros / (128 << 10))
            bytes.append(0)
        }
        return bytes
    }

    /// A setup header of Linux, and nothing behind it.
    static func bzImage(version: UInt16 = 0x20f, paragraphs: UInt32, size: Int = 1 << 16) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.store(UInt8(1), at: 0x1f1)
        bytes.store(paragraphs, at: 0x1f4)
        bytes.store(UInt16(0xaa55), at: 0x1fe)
        bytes.store([0xeb, 0x6a], at: 0x200)
        bytes.store("HdrS".utf8, at: 0x202)
        bytes.store(version, at: 0x206)
        bytes.store(UInt8(1), at: 0x211)
        bytes.store(UInt32(0x10_0000), at: 0x214)
        bytes.store(UInt32(0x20_0000), at: 0x230)
        bytes.store([1, 21], at: 0x234)
        bytes.store(UInt64(0x100_0000), at: 0x258)
        bytes.store(UInt32(0x4000_0000), at: 0x260)
        return bytes
    }

    /// A file of 4 GiB less 16 bytes in an archive that ends there.
    static let archive = InitrdBuilder.entry("zeros", size: 0xffff_fff0)
}

@Suite struct MemoryBudgetTests {
    private func unpack(
        _ bytes: [UInt8], limit: UInt64 = 160 << 20, _ compression: Compression = .zstd
    ) -> Result<Int, FileProblem> {
        do throws(FileProblem) {
            var output = try MemoryFile(limit: limit)
            try Kexec.unpack(bytes.span.bytes, compression, .kernel, into: &output)
            return .success(output.count)
        } catch { return .failure(error) }
    }

    @Test func unpacksAKernelAndAPageOfWhatIsBehindIt() throws {
        let head = Bomb.bzImage(paragraphs: 5 << 16)
        let end = 1024 + 5 << 20
        for size in [nil, UInt64(head.count) + 1 << 30] {
            let unpacked = try unpack(Bomb.zstd(head, zeros: 1 << 30, size: size)).get()
            #expect(unpacked >= end + 4096 && unpacked <= end + 4096 + 128 << 10)
        }
        // Whole streams one after the other, of a decoder that fills the room it is given.
        let zeros = InitrdBuilder.gzip([UInt8](repeating: 0, count: 1 << 20))
        let streams = InitrdBuilder.gzip(head) + (0..<20).flatMap { _ in zeros }
        #expect(unpack(streams, .gzip) == .success(end + 4096))
    }

    @Test func refusesAKernelThatIsLongerThanMemoryByItsHead() {
        let size = 1024 + UInt64(1 << 28) * 16
        let bytes = Bomb.zstd(Bomb.bzImage(paragraphs: 1 << 28), zeros: 1 << 20)
        #expect(unpack(bytes) == .failure(.memoryShort(needed: size, available: 160 << 20)))
    }

    @Test func takesWhatHasNoLengthUpToTheLimit() {
        let head = Bomb.bzImage(version: 0x203, paragraphs: 0)
        let limit: UInt64 = 160 << 20
        #expect(unpack(Bomb.zstd(head, zeros: 1 << 30)) == .failure(.memoryShort(needed: limit + 1, available: limit)))
        #expect(unpack(Bomb.zstd(head, zeros: 8 << 20)) == .success(head.count + 8 << 20))
    }

    @Test func compressedDataMayGrowInProportion() {
        var budget = MemoryBudget(memory: .max)
        #expect(budget.limit(for: .kernel) == 128 << 20 && budget.limit(for: .initrd) == 128 << 20)
        budget.admit(1 << 20, to: .kernel)
        #expect(budget.limit(for: .kernel) == 160 << 20)
        budget.takeUnpacked(60 << 20, of: .kernel)
        budget.admit(24 << 20, to: .initrd)
        #expect(budget.limit(for: .kernel) == 100 << 20, "what was unpacked before is drawn from the same")
        #expect(budget.limit(for: .initrd) == (128 + 24 * 32) << 20, "a kernel's size allows an initrd nothing")
        budget.admit(1 << 40, to: .kernel)
        #expect(budget.limit(for: .kernel) == 1 << 30)
        budget.admit(.max, to: .initrd)
        #expect(budget.limit(for: .initrd) > 1 << 60)
    }

    @Test func memoryIsDrawnOnce() {
        var budget = MemoryBudget(memory: 600 << 20)
        budget.admit(1 << 30, to: .initrd)
        #expect(budget.limitForReading == 600 << 20)
        #expect(budget.limit(for: .initrd) == 470 << 20, "a decoder's window besides")
        budget.take(100 << 20)
        #expect(budget.limitForReading == 500 << 20 && budget.limit(for: .initrd) == 370 << 20)
        budget.takeUnpacked(400 << 20, of: .initrd)
        #expect(budget.limit(for: .initrd) == 50 << 20, "a window is no larger than what was written")
        budget.take(1 << 30)
        #expect(budget.limitForReading == 0 && budget.limit(for: .initrd) == 0)
        #expect(budget.taken == (100 + 400 + 1024) << 20)
    }

    @Test func isThreeQuartersOfWhatIsAvailable() {
        var machine = MachineDescription()
        machine.memoryTotal = 64 << 20
        #expect(MemoryBudget(on: machine).limitForReading == 32 << 20)
        #expect(MemoryBudget().limitForReading < .max)
    }

    @Test func anInitrdOutOfProportionGoesAsItIs() {
        let bytes = Bomb.zstd(Bomb.archive, zeros: 2 << 30)
        let limit: UInt64 = 160 << 20
        do throws(UnpackingObstacle) {
            _ = try UnpackedInitrd(bytes.span.bytes, limit: limit)
            Issue.record("unpacked")
        } catch { #expect(error == .memoryShort(needed: limit + 1, available: limit)) }
    }
}

/// The shipped program, where it was built, as a process of its own.
@Suite(.serialized, .enabled(if: FileManager.default.isExecutableFile(atPath: program), "build/kexec was not built"))
struct LookingIsCheapTests {
    /// The largest resident size of a plan, in MB.
    private func peak(kernel: String, initrd: String? = nil) throws -> Int {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["--plan", "--machine=" + MachineFolder.fixture("bios-6g"), kernel]
        if let initrd { process.arguments?.append("--initrd=" + initrd) }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        var kilobytes = 0
        // It only grows, and planning comes behind all unpacking.
        while process.isRunning {
            let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? kilobytes
            usleep(500)
        }
        #expect(process.terminationReason == .exit)
        return kilobytes * 1024 / 1_000_000
    }

    private let folder: MachineFolder
    init() throws { folder = try MachineFolder() }

    private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try folder.add(name, bytes: bytes)
        return folder.path + "/" + name
    }

    @Test(
        arguments: [
            Bomb.bzImage(paragraphs: 0x3ff_ffff), Bomb.bzImage(paragraphs: 1 << 16),
            Bomb.bzImage(version: 0x203, paragraphs: 0),
            [0x36, 0x13, 0x03, 0x1b, 4, 0, 0, 0], [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], [],
        ] as [[UInt8]])
    func aKernelOfAMegabyteTakes400AtMost(head: [UInt8]) throws {
        var bytes = Bomb.zstd(head, zeros: 30 << 30)
        #expect(bytes.count < 1_200_000)
        #expect(try peak(kernel: file("bomb", bytes)) <= 400)
        bytes = Bomb.zstd(head, zeros: 30 << 30, size: 30 << 30 + UInt64(head.count))
        #expect(try peak(kernel: file("bomb", bytes)) <= 400)
    }

    /// A large kernel beside it allows it no more.
    @Test(arguments: [0, 12 << 20]) func anInitrdOfAMegabyteTakes400AtMost(signatures: Int) throws {
        let kernel = try file("kernel", kernelThatIsPlanned + [UInt8](repeating: 0, count: signatures))
        let bomb = try file("bomb", Bomb.zstd(Bomb.archive, zeros: 4 << 30 - 128 << 10))
        #expect(try peak(kernel: kernel, initrd: bomb) <= 400)
    }

    /// Linux with a payload of `payload`, which says of itself that it becomes 64 times as much.
    @Test func aPayloadThatLiesTakes400AtMost() throws {
        let payload = Bomb.zstd([0x7f, 0x45, 0x4c, 0x46], zeros: 30 << 30)
        #expect(try peak(kernel: file("bomb", linux(payload))) <= 400)
    }

    private var kernelThatIsPlanned: [UInt8] { linux(InitrdBuilder.gzip([UInt8](repeating: 1, count: 4096))) }

    private func linux(_ payload: [UInt8]) -> [UInt8] {
        var bytes = Bomb.bzImage(paragraphs: 0, size: 1024 + 0x1000)
        bytes += payload
        bytes.appendLittle(UInt32(payload.count * 64))
        bytes.pad(to: 16)
        bytes.store(UInt32((bytes.count - 1024) / 16), at: 0x1f4)
        bytes.store(UInt16(0x100), at: 0x20e)
        bytes.store("6.1.0-test (x@y) #1\0".utf8, at: 0x300)
        bytes.store(UInt16(0x7f), at: 0x236)
        bytes.store(UInt32(2047), at: 0x238)
        bytes.store(UInt32(0x1000), at: 0x248)
        bytes.store(UInt32(payload.count + 4), at: 0x24c)
        return bytes
    }

    /// By the formats' own programs: 16 MiB of zeros, a hundred times.
    @Test(arguments: ["gzip -c", "bzip2 -c", "xz -c --lzma2=dict=128MiB", "lz4 -c", "lz4 -lc", "zstd -c --ultra -22"])
    func everyFormatTakes400AtMost(command: String) throws {
        let head = try file("head", Bomb.bzImage(version: 0x203, paragraphs: 0))
        let bomb = folder.path + "/bomb"
        let script = """
            set -e
            command -v \(command.prefix { $0 != " " }) >/dev/null || exit 9
            \(command) <'\(head)' >'\(bomb)'
            head -c 16M /dev/zero | \(command) >'\(bomb).part'
            for i in 0 1 2 3 4 5 6 7 8 9; do for j in 0 1 2 3 4 5 6 7 8 9; do
                [ $(stat -c %s '\(bomb)') -gt 1000000 ] || cat '\(bomb).part' >>'\(bomb)'
            done; done
            """
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script]
        try shell.run()
        shell.waitUntilExit()
        guard shell.terminationStatus == 0 else { return }
        #expect(try peak(kernel: bomb) <= 400)
    }
}

private let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("build/kexec").path
