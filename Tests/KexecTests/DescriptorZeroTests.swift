// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// Where standard input is closed, the next file that is opened gets its number. In processes of their own, whose it is.
@Suite struct DescriptorZeroTests {
    private static let file = #filePath

    @Test func isAFileAsAnyOther() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let path = ByteString(DescriptorZeroTests.file)
            close(0)
            guard let descriptor = try? FileDescriptor(reading: path), descriptor.number == 0 else { exit(1) }
            guard (try? descriptor.readToEnd())?.count ?? 0 > 1000 else { exit(2) }
            exit(0)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            close(0)
            guard let file = try? openedAt(AT_FDCWD, here, O_RDONLY | O_DIRECTORY), file.number == 0 else { exit(1) }
            exit(0)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            close(0)
            exit((try? ImageSource(initrds: [ByteString(DescriptorZeroTests.file)])) == nil ? 1 : 0)
        }
    }

    @Test func isMemoryThatCanBeWritten() async {
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
