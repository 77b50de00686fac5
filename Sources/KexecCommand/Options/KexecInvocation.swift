// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

/// How a plan is printed.
enum PlanFormat: Hashable, Sendable { case text, json, svg }

/// The one thing that a run of the program does.
enum KexecAction: Hashable, Sendable {
    case help
    case version
    /// `--print-ckr-size`
    case printCrashKernelSize
    /// `-S`: exit status 1 where that image is loaded, 0 where not, 255 where the kernel does not tell.
    case status(LoadTarget)
    case unload(LoadTarget)
    /// `-e`: sync, interfaces down, jump.
    case execute
    /// `-l`, `-p` and their kin.
    case load(KexecRequest)
    /// No action option, or `--reboot` with a kernel: load, then `shutdown -r now`.
    case loadThenShutdown(KexecRequest)
    /// `--reboot` without a kernel: `shutdown -r now`, which starts what is loaded.
    case shutdown
    /// `-f`: load, then as `-e`.
    case loadThenExecute(KexecRequest)
    /// `--plan`: as far as a load would go, without one.
    case plan(KexecRequest, PlanFormat)
    /// `--crash-check`: of what is there, or of a load that would be made.
    case crashCheck(KexecRequest?)
    /// `--capture-machine`; with `--type=boot-sector`, and with that device.
    case captureMachine(directory: ByteString, bootSector: ByteString?)
    /// `--record-firmware-state`
    case recordFirmwareState(path: ByteString)
    /// `--show`
    case show
    /// `--last`
    case last
    /// `--dry-run`
    case dryRun
}

/// A command line that can be followed: what to do, with everything that it needs, and how.
struct KexecInvocation: Hashable, Sendable {
    var action: KexecAction
    /// `-y`
    var skipsSync = false
    /// `-x`
    var skipsInterfaces = false
    /// `--detach`: after how many seconds a process of its own shuts the system down, while this one has ended.
    var detachSeconds: UInt32?
    /// `-d`
    var debug = false
    /// The call that a load or an unload goes by; as in the request, where there is one.
    var systemCall: SystemCallChoice = .automatic
    /// `--machine`: the root directory of a captured machine, only ever with `.plan`.
    var machineDirectory: ByteString?
    /// To be shown, in this order, before anything is done.
    var warnings: [UsageWarning] = []

    init(_ action: KexecAction) { self.action = action }
}
