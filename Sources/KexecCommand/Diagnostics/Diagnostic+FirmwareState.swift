// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import Kexec

extension Diagnostic {
    /// Why a file is not the record of a machine's firmware.
    init(_ error: FirmwareStateError) {
        let field: String =
            switch error.field {
            case .magic: "magic number at offset 0"
            case .version: "version at offset 8"
            case .size: "size (stated at offset 12)"
            case .counts: "size by the counts at offsets 16 and 20"
            case .checksum: "checksum (stated at offset 24)"
            case .channels: "last channel of a function"
            }
        self.init(Self.mismatch("the record of firmware's state is none: its " + field, error.found, error.needed))
    }

    @inline(never) private static func mismatch(_ thing: String, _ found: UInt64, _ needed: UInt64) -> String {
        thing + " is " + hexadecimal(found) + ", need " + hexadecimal(needed)
    }

    static func sentence(_ function: PCIAddress, _ difference: FunctionDifference) -> Diagnostic {
        let what: String =
            switch difference {
            case .missing: "missing"
            case .identity(let found, let recorded):
                mismatch("number of vendor and device", UInt64(found), UInt64(recorded))
            case .baseAddress(let index, let found, let recorded):
                mismatch("base address " + String(index), UInt64(found), UInt64(recorded))
            }
        return Diagnostic(
            "the record of firmware's state is of another machine: PCI function '" + function.name + "': " + what,
            hint: recordAgain)
    }

    private static let recordAgain = "record it at the next boot, before drivers load: --record-firmware-state=FILE"

    static func sentence(_ controller: String, _ reason: LostDiskReason) -> Diagnostic {
        let why: String =
            switch reason {
            case .noRecord: "and there is no record of what firmware left in it"
            case .nvme: "NVMe, whose queues cannot be read back"
            case .unknownController: "of a kind whose state this program cannot give back"
            case .driverFirst: "which was already so when its state was recorded"
            case .notReadable: "and its state could not be recorded"
            case .registersTooHigh: "and its registers lie above 4 GiB"
            case .listsInRAM: "and firmware's lists lie in memory that Linux has used since"
            }
        return Diagnostic(
            "the BIOS has lost the disks of '" + controller + "': a driver has it, " + why
                + "; reading them may not return",
            hint: reason == .noRecord || reason == .driverFirst ? recordAgain : nil)
    }

    /// A controller that was recorded too late.
    static var recordedLate: Diagnostic {
        Diagnostic("a driver has a controller already: what firmware left in it is lost", hint: recordAgain)
    }
}

extension ControllerKind {
    var name: String {
        switch self {
        case .none: "other"
        case .ahci: "AHCI"
        case .virtioBlock: "virtio-blk"
        case .virtioSCSI: "virtio-scsi"
        case .nvme: "NVMe"
        }
    }
}

/// What `--record-firmware-state` says.
struct RecordingReport {
    let record: FirmwareStateRecord
    let path: ByteString

    var hasLateOnes: Bool {
        (0..<record.functionCount).contains { record[$0].standing == .driverFirst }
    }

    var text: String {
        var text = ""
        for index in 0..<record.functionCount {
            let function = record[index]
            guard let kind = function.kind, kind != .none, let standing = function.standing else { continue }
            text += function.address.name + " " + kind.name + ": " + standing.words + "\n"
        }
        return text + String(record.functionCount) + " functions in '" + printable(path.description) + "'\n"
    }
}

extension ControllerStanding {
    fileprivate var words: String {
        switch self {
        case .kept: "recorded"
        case .driverFirst: "a driver was there first"
        case .unused: "not used by firmware"
        case .notReadable: "cannot be recorded"
        }
    }
}
