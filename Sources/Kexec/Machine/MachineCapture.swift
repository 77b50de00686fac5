// SPDX-License-Identifier: MIT
internal import CLinux

/// What a capture came to.
public struct MachineCapture: Hashable, Sendable {
    /// Paths relative to the capture, in the order of reading.
    public var files: [String] = []
    /// Of all files together.
    public var byteCount = 0
    /// Why no plan can be made for the captured machine; nil where one can.
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
/// - Important: The command line may hold secrets, and physical addresses are hidden from ordinary users for a reason:
///   directories and files are made for the caller alone (0700, 0600).
/// - Throws: `.cannotOpenRoot`, `.captureDirectoryInUse`, `.cannotWriteCapture`. A machine that cannot be described is
///   captured all the same, with the reason in the result.
@discardableResult
public func captureMachine(root: String, into directory: String) throws(MachineError) -> MachineCapture {
    let recording = Recording()
    let source = try MachineRoot(path: root, recording: recording)
    let target = try CaptureDirectory(creating: directory)
    var capture = MachineCapture()
    do throws(MachineError) {
        _ = try MachineDescription(reading: source)
    } catch {
        capture.problem = error
    }
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

/// A directory that is being filled.
private struct CaptureDirectory: ~Copyable {
    private let path: String
    private let directory: FileDescriptor

    init(creating path: String) throws(MachineError) {
        // The path lives for each call.
        let made = unsafe path.withCString { unsafe kx_mkdirat(AT_FDCWD, $0, 0o700) }
        guard made >= 0 || made == -EEXIST else { throw .cannotWriteCapture(path: path, errno: -made) }
        let opened = unsafe path.withCString { unsafe kx_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard opened >= 0 else { throw .cannotWriteCapture(path: path, errno: -opened) }
        let directory = FileDescriptor(owning: opened)
        guard made >= 0 || Self.isEmpty(path) else { throw .captureDirectoryInUse(path: path) }
        self.path = path
        self.directory = directory
    }

    /// Makes the directory and those above it.
    func makeDirectory(_ relative: String) throws(MachineError) {
        let bytes = Array(relative.utf8)
        for place in bytes.indices where bytes[place] == UInt8(ascii: "/") {
            try makeOne(bytes[..<place].string)
        }
        try makeOne(relative)
    }

    func write(_ bytes: [UInt8], to relative: String) throws(MachineError) {
        let name = Array(relative.utf8)
        if let slash = name.lastIndex(of: UInt8(ascii: "/")) { try makeDirectory(name[..<slash].string) }
        // The path lives for the call.
        let result = unsafe relative.withCString {
            unsafe kx_openat(directory.number, $0, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard result >= 0 else { throw .cannotWriteCapture(path: path + "/" + relative, errno: -result) }
        do throws(CallFailure) {
            try FileDescriptor(owning: result).write(bytes)
        } catch {
            throw .cannotWriteCapture(path: path + "/" + relative, errno: error.errno)
        }
    }

    private func makeOne(_ relative: String) throws(MachineError) {
        // The path lives for the call.
        let result = unsafe relative.withCString { unsafe kx_mkdirat(directory.number, $0, 0o700) }
        guard result >= 0 || result == -EEXIST else {
            throw .cannotWriteCapture(path: path + "/" + relative, errno: -result)
        }
    }

    private static func isEmpty(_ path: String) -> Bool {
        guard let root = try? MachineRoot(path: path, recording: nil) else { return false }
        return root.names(in: ".")?.isEmpty == true
    }
}
