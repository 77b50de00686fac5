// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Handoff

/// What `--type=boot-sector` and `--type=disk-image` load: a payload of ours as the kernel, which has the BIOS start what the
/// user names, and is told by words on its command line what that is; a file is its initrd.
struct BIOSBootSource {
    let type: ForcedImageType
    /// Why it cannot be: a BIOS's boot sector takes nothing but itself, and needs a BIOS.
    let obstacle: BIOSBootObstacle?
    private let path: ByteString

    /// As the payload takes no more of a file from there; the first sector may bring some with it.
    private static let largestSector = 8192
    private static let sectorSize = 512

    /// Makes of a request for such a type one for the payload; nil for other types.
    /// - Throws: `.file`, `.image` for a device that cannot be started from, `.machine` for one that a capture lacks.
    init?(
        _ request: inout KexecRequest, on machine: MachineDescription, in directory: ByteString?
    ) throws(KexecFailure) {
        guard let type = request.forcedType, type == .bootSector || type == .diskImage else { return nil }
        self.type = type
        path = request.kernel
        obstacle = BIOSBootObstacle(to: request, on: machine)
        var words = type == .bootSector ? "boot=sector" : "boot=image"
        let device = type == .bootSector ? try BlockDevice.named(path, in: machine.isRunning ? "/" : directory) : nil
        if let device {
            try device.addWords(to: &words, isDriveGiven: request.biosDrive != nil)
            // A number of the BIOS's that the user gives is meant: whatever is behind it then, the BIOS reads it.
            if request.biosDrive == nil { request.drivenController = device.addNVMe(to: &words) }
        }
        if let drive = request.biosDrive { words.append(word: " drive=", UInt64(drive)) }
        if request.givenOptions.contains(.serial) { words.append(word: " serial=", UInt64(request.console.serialPort)) }
        if request.console.serialBaud > 0 { words.append(word: " baud=", UInt64(request.console.serialBaud)) }
        // What the user says comes last: the payload takes the last of several words.
        request.commandLine = ByteString(words) + (request.commandLine.map { " " + $0 } ?? "")
        request.initrds = device == nil ? [path] : []
        request.modules = []
        request.forcedType = nil
        request.reusesCommandLine = false
        request.isForBIOS = true
    }

    /// Looks at the file that is handed over; without one there is nothing to see.
    func check(_ file: borrowing RawSpan, of request: KexecRequest) throws(KexecFailure) {
        guard !request.initrds.isEmpty else { return }
        do throws(ImageError) {
            try Self.checkSignature(file)
            if type == .bootSector {
                let limit = Self.largestSector
                if file.byteCount > limit { throw .tooLargeForBootSector(size: file.byteCount, limit: limit) }
            } else if file.byteCount % Self.sectorSize != 0 {
                throw .partialSector(size: file.byteCount)
            }
        } catch { throw .image(error, path: path) }
    }

    fileprivate static func checkSignature(_ sector: borrowing RawSpan) throws(ImageError) {
        guard sector.byteCount >= sectorSize else {
            throw .endsInside("boot sector", at: 0, needed: sectorSize, available: sector.byteCount)
        }
        let found = try sector.little(UInt16.self, at: 510, "boot signature")
        if found != 0xaa55 {
            throw .badValue("boot signature", at: 510, found: UInt64(found), needed: .exactly(0xaa55))
        }
    }
}

/// Why a BIOS cannot start what it is asked to.
public enum BIOSBootObstacle: Hashable, Sendable {
    /// EFI started this machine.
    case noBIOS
    /// It wants all of the machine.
    case crashKernel
    /// An option that it cannot take.
    case option(KexecOption)

    fileprivate init?(to request: KexecRequest, on machine: MachineDescription) {
        if machine.efi != nil {
            self = .noBIOS
        } else if request.target == .crash {
            self = .crashKernel
        } else if !request.initrds.isEmpty {
            self = .option(.initrd)
        } else if !request.modules.isEmpty {
            self = .option(.module)
        } else if request.reusesCommandLine {
            self = .option(.reuseCommandLine)
        } else {
            return nil
        }
    }
}

extension String {
    /// Of one that is taken apart again: `name` brings what stands before the number.
    @inline(never) mutating func append(word name: StaticString, _ number: UInt64) {
        self += name.description
        self += String(number)
    }
}

/// A disk, or a partition of one, whose boot sector the BIOS shall read itself.
///
/// A capture has neither the device nor its number, nor the links of sysfs: the first 512 bytes are in `dev` by the last part
/// of the name, the number in `/sys/class/block`, as sysfs has it, and what a partition's disk says the partition says.
///
/// A class: it is handed around, and as a structure its fields are counted one by one each time.
final class BlockDevice {
    private let path: ByteString
    private let name: String
    private let root: MachineRoot
    /// Of its facts, relative to the root: "sys/dev/block/259:1/".
    private let folder: String

    /// - Parameter directory: of a captured machine, or "/"; nil: of a machine that nothing can be read of.
    /// - Returns: nil where it is none, or cannot be looked at: whoever opens it as a file finds out more.
    @inline(never) fileprivate static func named(
        _ path: ByteString, in directory: ByteString?
    ) throws(KexecFailure) -> BlockDevice? {
        let root = directory.flatMap { try? MachineRoot(path: $0) }
        if let root, let device = BlockDevice(path, below: root) { return device }
        // What is there on the machine that plans is another disk.
        if root?.isRunning != true, path.bytes.starts(with: "/dev/".utf8) { throw .machine(.noDisk(path: path)) }
        return nil
    }

    @inline(never) init?(_ path: ByteString, below root: MachineRoot) {
        let name = (path.bytes.split(separator: UInt8(ascii: "/")).last ?? []).string
        var numberFile = "sys/class/block/"
        numberFile += name
        numberFile += "/dev"
        var number = ""
        if root.isRunning {
            var (major, minor): (UInt32, UInt32) = (0, 0)
            // Both results are written before the call returns.
            guard unsafe kx_block_device(path.cString, &major, &minor) == 1 else { return nil }
            number.append(word: "", UInt64(major))
            number.append(word: ":", UInt64(minor))
            root.recording?.add(numberFile, Array(number.utf8))
        } else {
            guard let line = root.line(numberFile) else { return nil }
            number = line.string
        }
        var folder = "sys/dev/block/"
        folder += number
        folder += "/"
        (self.path, self.name, self.root, self.folder) = (path, name, root, folder)
    }

    /// Reads all that a plan depends on, for a recording.
    /// - Returns: whether a plan can be made of it.
    func record() -> Bool {
        var words = ""
        _ = addNVMe(to: &words)
        return (try? addWords(to: &words, isDriveGiven: false)) != nil
    }

    /// Where the boot sector is; and its sum, by which the payload finds the drive where the user has not said which it is.
    @inline(never) fileprivate func addWords(to words: inout String, isDriveGiven: Bool) throws(KexecFailure) {
        let sector = try bootSector()
        let size = number("queue/logical_block_size") ?? 512
        do throws(ImageError) {
            if size != 512 { throw .sectorSize(size) }
            // A span of plain bytes has none that could not be read.
            try BIOSBootSource.checkSignature(unsafe sector.span.bytes)
        } catch { throw .image(error, path: path) }
        // In sectors of 512 bytes, whatever the disk's are.
        if let start = number("start") { words.append(word: " lba=", start) }
        if !isDriveGiven { words.append(word: " sum=", sectorSum(unsafe sector.span.bytes)) }
    }

    /// The controller of an NVMe disk, which the BIOS has lost: the payload drives it itself.
    @inline(never) fileprivate func addNVMe(to words: inout String) -> PCIAddress? {
        guard let controller = nvmeController, controller.segment == 0 else { return nil }
        words.append(word: " nvme=", UInt64(controller.bus) << 8 | UInt64(controller.deviceAndFunction))
        if let namespace = number("nsid") { words.append(word: " namespace=", namespace) }
        return controller
    }

    /// Of a namespace the device is the controller, and that one's the PCI function.
    private var nvmeController: PCIAddress? {
        var (isNVMe, address): (Bool, PCIAddress?) = (false, nil)
        for line in lines("device/device/uevent") {
            if line.equals("PCI_CLASS=10802") { isNVMe = true }
            if line.hasPrefix("PCI_SLOT_NAME=") { address = PCIAddress(parsing: Array(line.dropFirst(14))) }
        }
        return isNVMe ? address : nil
    }

    /// What a file of the device's says.
    private func number(_ file: StaticString) -> UInt64? { lines(file).first?.number(radix: 10) }

    @inline(never) private func lines(_ file: StaticString) -> [ArraySlice<UInt8>] {
        let name = folder + file.description
        // A partition's folder lies in its disk's.
        guard let bytes = root.unrecordedBytes(name) ?? root.unrecordedBytes(folder + "../" + file.description)
        else { return [] }
        root.recording?.add(name, bytes)
        return bytes.lines
    }

    private func bootSector() throws(KexecFailure) -> [UInt8] {
        let place = "dev/" + name
        let problem: FileProblem
        do throws(CallFailure) {
            var bytes =
                root.isRunning
                ? try FileDescriptor(reading: path).readToEnd(limit: 512) : root.unrecordedBytes(place) ?? []
            bytes.removeLast(max(bytes.count - 512, 0))
            root.recording?.add(place, bytes)
            if bytes.count == 512 { return bytes }
            problem = .empty
        } catch { problem = error.call == .open ? FileProblem(openErrno: error.errno) : .failed(error) }
        throw .file(FileFailure(path: path, problem: problem))
    }
}
