// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Kexec

extension Diagnostic {
    /// Why a machine cannot be described or captured.
    init(_ error: MachineError) {
        switch error {
        case .cannotOpenRoot(let path, let errno):
            self.init(
                "cannot read a machine from '\(path)': \(errnoText(errno))",
                hint: errno == ENOENT || errno == ENOTDIR
                    ? "name a directory that --capture-machine=DIR has written" : remedy(for: errno))
        case .hidesAddresses(let file):
            self.init(
                "'\(file)' hides its addresses: CAP_SYS_ADMIN needed",
                hint: file.equals("/proc/iomem") ? "run it as root" : "capture the machine again, as root")
        case .noMemoryMap(let root, let errno): self = Self.forMissingMap(root: root, errno: errno)
        case .noDisk(let path):
            self.init(
                "nothing is captured, or can be, of a block device '\(path)' with a boot sector",
                hint: "on its machine, as root: kexec --capture-machine=DIR --type=boot-sector DEVICE")
        case .captureDirectoryInUse(let path):
            self.init(
                "cannot capture the machine into '\(path)': the directory is not empty",
                hint: "name a new directory, so that two machines are not mixed")
        case .cannotWriteCapture(let path, let problem):
            self.init(
                "cannot write the capture '\(path)': \(placeText(problem))",
                hint: isOfOthers(problem) ? "name a new directory, which is then yours alone" : nil)
        case .noPCI(let folder):
            self.init("cannot record firmware's state: '\(folder)' shows no PCI function", hint: "mount /sys")
        case .cannotWriteRecord(let path, let problem):
            self.init("cannot record firmware's state into '\(path)': \(placeText(problem))")
        }
    }

    /// What keeps a call from placing anything, as if of the running machine.
    init(_ gap: MemoryGap) {
        switch gap {
        case .addressesHidden: self.init(.hidesAddresses(file: "/proc/iomem"))
        case .noMap(let errno): self = Self.forMissingMap(root: "/", errno: errno)
        }
    }

    /// Without a slash at the end of the root, the paths below it are named in full.
    private static func forMissingMap(root: ByteString, errno: Int32) -> Diagnostic {
        let base = root.bytes.last == UInt8(ascii: "/") ? ByteString(root.bytes.dropLast()) : root
        let iomem = errno == 0 ? "lists no usable memory" : "cannot be read (\(errnoText(errno)))"
        return Diagnostic(
            "no memory map: '\(base)/sys/firmware/memmap' has no usable memory, '\(base)/proc/iomem' \(iomem)",
            hint: base.isEmpty
                ? (errno == ENOENT ? "mount /proc and /sys" : errno == 0 ? "run it as root" : remedy(for: errno))
                : errno == ENOENT || errno == 0
                    ? "capture the machine again with --capture-machine=DIR, as root" : remedy(for: errno))
    }
}
