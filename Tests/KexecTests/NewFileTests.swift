// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

@Suite struct NewFileTests {
    /// Permissions of a finished file, in a process of its own: the umask is the whole process's.
    @Test(arguments: [(0o666, 0o027, 0o640), (0o755, 0o022, 0o755), (0o777, 0o077, 0o700), (0o600, 0, 0o600)])
    func hasTheBitsThatTheUmaskLeaves(mode: Int, mask: Int, expected: Int) async {
        await #expect(processExitsWith: .exitCode(0)) {
            [mode = mode as Int, mask = mask as Int, expected = expected as Int] in
            let path = NSTemporaryDirectory() + "/new-file-" + UUID().uuidString
            umask(mode_t(mask))
            guard let file = try? NewFile(path: ByteString(path), mode: UInt32(mode)) else { exit(1) }
            guard (try? file.write(([1, 2, 3] as [UInt8]).span.bytes)) != nil, access(path, F_OK) != 0 else { exit(2) }
            guard (try? file.finish()) != nil else { exit(3) }
            defer { unlink(path) }
            var status = stat()
            guard stat(path, &status) == 0, status.st_size == 3 else { exit(4) }
            unlink(path)
            // The umask is as it was.
            exit(Int(status.st_mode) & 0o7777 == expected && umask(0) == mode_t(mask) ? 0 : 5)
        }
    }

    @Test func whatIsTakenAwayLeavesNothing() throws {
        let folder = try MachineFolder()
        let file = try NewFile(path: ByteString(folder.path + "/a"), mode: 0o644)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
        file.remove()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
