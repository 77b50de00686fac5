// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Kexec
import Testing

@testable import KexecCommand

/// The sentence and the hint of every error of the machine readers.
@Suite struct MachineErrorTextTests {
    @Test func namesTheRootThatIsNoDirectory() {
        let diagnostic = Diagnostic(MachineError.cannotOpenRoot(path: "/etc/hostname", errno: ENOTDIR))
        #expect(diagnostic.sentence == "cannot read a machine from '/etc/hostname': Not a directory")
        #expect(diagnostic.hint == "name a directory that --capture-machine=DIR has written")
    }

    @Test func givesNoHintWhereNoneHelps() {
        let diagnostic = Diagnostic(MachineError.cannotOpenRoot(path: "/x", errno: EIO))
        #expect(diagnostic.sentence == "cannot read a machine from '/x': Input/output error")
        #expect(diagnostic.hint == nil)
    }

    @Test func saysWhichPrivilegeShowsTheAddresses() {
        let diagnostic = Diagnostic(MachineError.hidesAddresses(file: "/proc/iomem"))
        #expect(diagnostic.sentence == "'/proc/iomem' hides its addresses: CAP_SYS_ADMIN needed")
        #expect(diagnostic.hint == "run it as root")
        let captured = Diagnostic(MachineError.hidesAddresses(file: "vm/proc/iomem"))
        #expect(captured.sentence == "'vm/proc/iomem' hides its addresses: CAP_SYS_ADMIN needed")
        #expect(captured.hint == "capture the machine again, as root")
    }

    @Test(arguments: [
        ("/", ENOENT, "'/proc/iomem' cannot be read (No such file or directory)", "mount /proc and /sys"),
        ("/", EACCES, "'/proc/iomem' cannot be read (Permission denied)", "run it as root"),
        ("/", 0, "'/proc/iomem' lists no usable memory", "run it as root"),
        ("/", EMFILE, "'/proc/iomem' cannot be read (Too many open files)", "it may open more files: ulimit -n"),
        ("/", EIO, "'/proc/iomem' cannot be read (Input/output error)", nil),
        ("/tmp/vm", ENFILE, "'/tmp/vm/proc/iomem' cannot be read (Too many open files in system)", nil),
        ("/tmp/vm", EACCES, "'/tmp/vm/proc/iomem' cannot be read (Permission denied)", "run it as root"),
        (
            "/tmp/vm/", 0, "'/tmp/vm/proc/iomem' lists no usable memory",
            "capture the machine again with --capture-machine=DIR, as root"
        ),
    ])
    func namesBothPlacesOfTheMemoryMap(root: String, errno: Int32, iomem: String, hint: String?) {
        let diagnostic = Diagnostic(MachineError.noMemoryMap(root: ByteString(root), errno: errno))
        #expect(diagnostic.sentence.hasPrefix("no memory map: '"))
        #expect(diagnostic.sentence.hasSuffix("/sys/firmware/memmap' has no usable memory, " + iomem))
        #expect(diagnostic.hint == hint)
    }

    @Test func refusesToMixTwoCaptures() {
        let diagnostic = Diagnostic(MachineError.captureDirectoryInUse(path: "out"))
        #expect(diagnostic.sentence == "cannot capture the machine into 'out': the directory is not empty")
        #expect(diagnostic.hint == "name a new directory, so that two machines are not mixed")
    }

    @Test func namesTheFileOfTheCaptureThatCannotBeWritten() {
        let diagnostic = Diagnostic(MachineError.cannotWriteCapture(path: "out/proc/iomem", .failed(errno: ENOSPC)))
        #expect(diagnostic.sentence == "cannot write the capture 'out/proc/iomem': No space left on device")
        #expect(diagnostic.hint == nil)
    }

    @Test(
        arguments: [
            (.link(owner: 1000), "a symbolic link on the way belongs to user 1000, need a link of your own"),
            (.owner(1000), "the directory belongs to user 1000, need one of your own"),
            (
                .writable(mode: 0o1777),
                "the directory has mode 01777, need one that group and others may not write into"
            ),
        ] as [(PlaceProblem, String)])
    func namesWhatOthersCouldDo(problem: PlaceProblem, reason: String) {
        let capture = Diagnostic(MachineError.cannotWriteCapture(path: "out", problem))
        #expect(capture.sentence == "cannot write the capture 'out': " + reason)
        #expect(capture.hint == "name a new directory, which is then yours alone")
        #expect(
            Diagnostic(MachineError.cannotWriteRecord(path: "f", problem)).sentence
                == "cannot record firmware's state into 'f': " + reason)
    }
}
