// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux

/// What a capture came to.
public struct MachineCapture: Hashable, Sendable {
    /// Paths relative to the capture, in the order of reading.
    public var files: [String] = []
    /// Of all files together.
    public var byteCount = 0
    /// Why plans for the captured machine can go by kexec_file_load only; nil where memory is known.
    public var problem: MachineError?
}

/// Writes what a description of the machine below `root` reads into the new or empty directory `directory`.
///
/// By construction these are the files that the readers read, no others: /proc/{cmdline,meminfo,iomem},
/// /proc/sys/kernel/{osrelease,version,arch,kexec_*}, /proc/sys/crypto/fips_enabled, /sys/firmware/{memmap,efi},
/// /sys/kernel/{kexec*,boot_params/data,vmcoreinfo,reboot/force,security/lockdown}, on a BIOS machine
/// /sys/bus/pci/devices/*/config and the record of firmware's state below /run, what tells of Xen, IMA and SMT, where memory is
/// reserved for a crash kernel the addresses of the CPUs' notes and the program headers of /proc/kcore, of EFI's
/// variables `SecureBoot` only, and excerpts of /proc/cpuinfo, /proc/interrupts, the kernel's configuration and IMA's
/// policy.
/// - Parameters:
///   - root: the directory that stands for `/`.
///   - directory: where the capture goes, by a path that others cannot steer.
///   - bootSector: a block device whose boot sector a plan is to be made for: its first 512 bytes, in `dev`, and what
///     sysfs tells of it (`start`, `nsid`, `queue/logical_block_size`, `device/device/uevent`).
/// - Important: The command line may hold secrets, and physical addresses are hidden from ordinary users for a reason:
///   directories and files are made for the caller alone (0700, 0600).
/// - Throws: `.cannotOpenRoot`, `.noDisk`, `.captureDirectoryInUse`, `.cannotWriteCapture`, also for a directory that others
///   own or may write into. A machine that does not show its memory is captured all the same, with the reason in the
///   result.
@discardableResult
public func captureMachine(
    root: ByteString, into directory: ByteString, bootSector: ByteString? = nil
) throws(MachineError) -> MachineCapture {
    let recording = Recording()
    let source = try MachineRoot(path: root, recording: recording)
    if let bootSector, BlockDevice(bootSector, below: source)?.record() != true { throw .noDisk(path: bootSector) }
    let target = try CaptureDirectory(creating: directory)
    var capture = MachineCapture()
    capture.problem = MachineDescription(readingWhatIsShown: source).memoryGap?.error(below: source)
    _ = lastJumpRecord(below: source)
    return try write(recording, to: target, capture)
}

private func write(
    _ recording: Recording, to target: borrowing CaptureDirectory, _ soFar: MachineCapture
) throws(MachineError) -> MachineCapture {
    var capture = soFar
    for path in recording.directories { try target.makeDirectory(path) }
    for file in recording.files {
        try target.write(file.bytes, to: file.path)
        capture.files.append(file.path)
        capture.byteCount += file.bytes.count
    }
    return capture
}

/// A directory that is being filled. Nobody else can lay anything into it: it is new, or its owner's own.
private struct CaptureDirectory: ~Copyable {
    private let path: ByteString
    private let directory: FileDescriptor

    init(creating path: ByteString) throws(MachineError) {
        let directory: FileDescriptor
        do throws(PlaceProblem) { directory = try Self.directory(path) } catch {
            throw .cannotWriteCapture(path: path, error)
        }
        guard Self.isEmpty(directory) else { throw .captureDirectoryInUse(path: path) }
        self.path = path
        self.directory = directory
    }

    private static func isEmpty(_ directory: borrowing FileDescriptor) -> Bool {
        // A second descriptor, for the stream of names to own.
        namesInFolder(unsafe kx_open_name(directory.number, here, O_RDONLY | O_DIRECTORY))?.isEmpty == true
    }

    private static func directory(_ path: ByteString) throws(PlaceProblem) -> FileDescriptor {
        let place = TrustedPlace(path)
        let above = try place.openFolder()
        try makeFolder(place.name, in: above)
        let folder = try place.open()
        let directory = try openedAt(folder.number, here, O_RDONLY | O_DIRECTORY)
        try checkOwn(directory)
        return directory
    }

    /// Makes the directory and those above it.
    func makeDirectory(_ relative: String) throws(MachineError) {
        do throws(PlaceProblem) { _ = try TrustedPlace(ByteString(relative)).make(below: directory, all: true) } catch {
            throw .cannotWriteCapture(path: path + "/" + ByteString(relative), error)
        }
    }

    func write(_ bytes: [UInt8], to relative: String) throws(MachineError) {
        do throws(PlaceProblem) {
            let place = TrustedPlace(ByteString(relative))
            let folder = try place.make(below: directory, all: false)
            let file = try openedAt(folder.number, place.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
            do throws(CallFailure) { try file.write(bytes) } catch { throw .failed(errno: error.errno) }
        } catch { throw .cannotWriteCapture(path: path + "/" + ByteString(relative), error) }
    }
}
