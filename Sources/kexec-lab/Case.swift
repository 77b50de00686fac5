// SPDX-License-Identifier: MIT

/// One proof: a machine, what runs in its first kernel, and what the console must say.
struct Case: Sendable {
    /// Unique; slashes make groups that a filter can name.
    var name: String
    /// The laboratory's file that it is written in, without its folder; set by the catalogue.
    var source = ""
    /// What passing proves, in one sentence.
    var summary: String
    var machine = MachineShape()
    var firstKernel: KernelName = .linux7
    /// Lies in the first guest as `/boot/vmlinuz` beside `/boot/initrd`.
    var secondKernel: KernelName = .linux7
    /// Kernels that `files` wants.
    var otherKernels: [KernelName] = []
    /// Added to the first kernel's command line.
    var firstCommandLine = ""
    /// The kernel module for the first kernel, and a program that calls it: `module` and `probe` of the first guest.
    var hasModule = false
    /// The same in the second guest, for the second kernel.
    var secondHasModule = false
    /// More files of the first guest, by path without leading slash.
    var files: (@Sendable (Workshop) async throws -> [String: GuestFile])?
    /// More files of the second guest.
    var secondFiles: (@Sendable (Workshop) async throws -> [String: GuestFile])?
    /// What becomes of the second ram disk, a finished archive, before it lies in the first guest.
    var packing: (@Sendable (Workshop, [UInt8]) async throws -> [UInt8])?
    /// More of QEMU's options: disks whose contents are made.
    var disks: (@Sendable (Workshop) async throws -> [String])?
    /// What starts in the place of the first kernel, as arguments of QEMU; nil: the kernel, by QEMU's own loader.
    var start: (@Sendable (Workshop, FirstBoot) async throws -> [String])?
    /// Shell that runs in the first guest; see `GuestScripts.functions`.
    var script: String
    /// Shell that runs in the second guest.
    var secondScript = ""
    /// The machine is booted once per pass, with `pass=` set for the scripts.
    var passes = [""]
    /// Regular expressions that must match lines in this order, in each pass. `NONCE`, `FIRST` and `SECOND` stand for
    /// this run's number and the releases of both kernels.
    var expect: [String]
    /// Regular expressions that may match no line after the first kernel's marker.
    var forbid: [String] = Case.alwaysForbidden
    /// How the last boot has to end.
    var end: MachineEnd = .exited
    /// Further demands on the consoles of all passes; each returned sentence is a failure.
    var judge: (@Sendable ([ConsoleLog]) throws -> [String])?
    /// Runs before the machine executes its first instruction; it must let the machine go on.
    var atFirstEntry: (@Sendable (GDBConnection) async throws -> Void)?
    /// Runs when the console shows `LAB debugger`, with the machine halted.
    var debugger: (@Sendable (GDBConnection, ConsoleLog) async throws -> Void)?
    /// Goes on from no snapshot, for it is about how the first kernel starts.
    var startsCold = false
    /// Seconds for one boot on a machine that is otherwise idle; a run may allow a multiple.
    var deadline: Double = 150
    /// Part of the suite that `make test` runs.
    var quick = false
    /// The case speaks of options or output that Debian's kexec-tools lacks.
    var needsOurs = false
}

extension Case {
    /// Kernels that the module is built for.
    var moduleKernels: [KernelName] { (hasModule ? [firstKernel] : []) + (secondHasModule ? [secondKernel] : []) }
    /// What no kernel prints that is well.
    static let alwaysForbidden = [
        "Kernel panic", "BUG: ", "Oops: ", "general protection fault", #"^-+\[ cut here \]-+"#, "LAB jump failed",
    ]
    /// Only the second kernel of this very run can print it.
    static let second = "^LAB second nonce=NONCE release=SECOND boot="
}

/// What the first guest is made of.
struct FirstBoot: Sendable {
    var kernel: String
    var initrd: String
    var commandLine: String
    /// For what is made for this boot; `disk` and `image` in it are removed after the boot.
    var folder: String

    static func commandLine(nonce: String, more: String) -> String {
        "\(GuestScripts.usualLine) lab.nonce=\(nonce) \(more)"
    }
}

/// How the virtual machine stopped.
enum MachineEnd: Sendable, Equatable {
    /// The guest powered off or reset; QEMU runs with `-no-reboot`.
    case exited
    /// Stopped by the laboratory at the deadline.
    case timedOut
    /// Stopped by the laboratory as soon as the last expectation matches, even before its line has ended: what was started there
    /// does not end by itself.
    case stopped
}

/// What QEMU emulates.
struct MachineShape: Hashable, Sendable {
    enum Firmware: String, Sendable, CaseIterable {
        case bios, efi, secureBoot = "secure-boot"
    }

    var firmware = Firmware.bios
    /// In MiB.
    var memory = 1024
    var processor = "qemu64"
    /// One processor boots most surely under emulation.
    var processors = 1
    /// The first kernel lies on a disk and is started by the firmware's shell, not by QEMU's own loader; EFI only.
    var bootsFromDisk = false
    /// A network card, and a server that gives the second kernel and ram disk away (DHCP and TFTP, inside QEMU).
    var servesSecondKernel = false
    /// Added to QEMU's command line.
    var options: [String] = []
}

/// The cases of one file, which has its name.
protocol CaseGroup: Sendable {
    static var all: [Case] { get }
}
