// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// Descriptors are a process's: each test has one of its own.
@Suite struct DescriptorTests {
    private static let file = #filePath

    /// Opens with descriptor 0 free, until none of the process's other threads has taken it first.
    /// - Parameter number: opens something, and returns its number; nil where that fails.
    private static func opensZero(_ number: () -> Int32?) -> Bool {
        for _ in 0..<100 {
            close(0)
            guard let number = number() else { return false }
            if number == 0 { return true }
        }
        return false
    }

    /// Where standard input is closed, the next file that is opened gets its number.
    @Test func zeroIsAFileAsAnyOther() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let path = ByteString(DescriptorTests.file)
            let isOpened = DescriptorTests.opensZero {
                guard let descriptor = try? FileDescriptor(reading: path) else { return nil }
                return (try? descriptor.readToEnd())?.count ?? 0 > 1000 ? descriptor.number : nil
            }
            exit(isOpened ? 0 : 1)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            let isOpened = DescriptorTests.opensZero {
                guard let folder = try? openedAt(AT_FDCWD, here, O_RDONLY | O_DIRECTORY) else { return nil }
                return folder.number
            }
            exit(isOpened ? 0 : 1)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            close(0)
            exit((try? ImageSource(initrds: [ByteString(DescriptorTests.file)])) == nil ? 1 : 0)
        }
    }

    @Test func zeroIsMemoryThatCanBeWritten() async {
        await #expect(processExitsWith: .exitCode(0)) {
            close(0)
            guard var file = try? MemoryFile(limit: 1 << 20) else { exit(1) }
            let written: ()? = unsafe try? file.append { room, used in
                unsafe room[used] = 7
                return 1
            }
            guard written != nil else { exit(2) }
            guard let mapped = try? file.finished(), mapped.bytes.byteCount == 1 else { exit(3) }
            exit(0)
        }
    }

    @Test func readingAMachineLeavesNoFileOpen() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let path = MachineFolder.fixture("bios-512m")
            do {
                guard let root = try? MachineRoot(path: ByteString(path)) else { exit(1) }
                guard root.hasDirectory("proc"), root.names(in: "proc") != nil, !root.hasDirectory("no") else {
                    exit(2)
                }
                guard (try? MachineDescription(reading: root)) != nil else { exit(3) }
            }
            for number in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
                let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + number)
                if link?.hasPrefix(path) == true { exit(4) }
            }
            exit(0)
        }
    }
}
