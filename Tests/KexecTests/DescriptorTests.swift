// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// Descriptors are a process's: each test has one of its own.
@Suite struct DescriptorTests {
    private static let file = #filePath

    /// Where standard input is closed, the next file that is opened gets its number.
    @Test func zeroIsAFileAsAnyOther() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let path = ByteString(DescriptorTests.file)
            // Tests of the tests open a file of their own at the first call.
            guard (try? FileDescriptor(reading: path)) != nil else { exit(3) }
            close(0)
            guard let descriptor = try? FileDescriptor(reading: path), descriptor.number == 0 else { exit(1) }
            guard (try? descriptor.readToEnd())?.count ?? 0 > 1000 else { exit(2) }
            exit(0)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            guard (try? openedAt(AT_FDCWD, here, O_RDONLY | O_DIRECTORY)) != nil else { exit(2) }
            close(0)
            guard let file = try? openedAt(AT_FDCWD, here, O_RDONLY | O_DIRECTORY), file.number == 0 else { exit(1) }
            exit(0)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            close(0)
            exit((try? ImageSource(initrds: [ByteString(DescriptorTests.file)])) == nil ? 1 : 0)
        }
    }

    /// The next file gets the number that it would have had.
    @Test func readingAMachineLeavesNoFileOpen() async {
        await #expect(processExitsWith: .exitCode(0)) {
            guard let root = try? MachineRoot(path: ByteString(MachineFolder.fixture("bios-512m"))) else { exit(1) }
            let before = open("/", O_RDONLY)
            close(before)
            guard root.hasDirectory("proc"), root.names(in: "proc") != nil, !root.hasDirectory("none") else { exit(2) }
            guard (try? MachineDescription(reading: root)) != nil else { exit(3) }
            exit(open("/", O_RDONLY) == before ? 0 : 4)
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
}
