// SPDX-License-Identifier: MIT
public import BootFormats

/// Why a machine cannot be described or captured. A missing file is no error but a fact (nil, `.unknown`), and so is that
/// memory is not shown: `MachineDescription.memoryGap`, an error for those who need it.
public enum MachineError: Error, Hashable, Sendable {
    /// The directory that stands for `/` cannot be opened; ENOTDIR where it is no directory.
    case cannotOpenRoot(path: ByteString, errno: Int32)
    /// Every address in `file` is zero: the kernel shows them to CAP_SYS_ADMIN only.
    case hidesAddresses(file: String)
    /// Neither `/sys/firmware/memmap` nor `/proc/iomem` tells of any memory. `errno` is what opening the latter gave;
    /// 0 where it could be read and lists no RAM.
    case noMemoryMap(root: ByteString, errno: Int32)
    /// A capture has nothing of this block device, or there is none to capture, or none with a boot sector.
    case noDisk(path: ByteString)
    /// The directory of a new capture holds files already: two machines must not be mixed.
    case captureDirectoryInUse(path: ByteString)
    /// A file or directory of the capture cannot be made, or others could lay something into it.
    case cannotWriteCapture(path: ByteString, PlaceProblem)
    /// sysfs shows no PCI function.
    case noPCI(folder: String)
    /// The record of firmware's state cannot be written.
    case cannotWriteRecord(path: ByteString, PlaceProblem)
}

/// Why memory is not known, and no segment can be placed in it.
public enum MemoryGap: Hashable, Sendable {
    /// `MachineError.hidesAddresses`
    case addressesHidden
    /// `MachineError.noMemoryMap`, with its errno.
    case noMap(errno: Int32)

    /// As an error of the machine below `root`.
    package func error(below root: borrowing MachineRoot) -> MachineError {
        switch self {
        case .addressesHidden: .hidesAddresses(file: root.name(of: "proc/iomem"))
        case .noMap(let errno): .noMemoryMap(root: root.path, errno: errno)
        }
    }
}
