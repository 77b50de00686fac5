// SPDX-License-Identifier: MIT
@testable import Kexec
@testable import KexecCommand

extension KexecAction {
    /// What is done, and to which target: "load, execute", "unload crash".
    var summary: String {
        func crash(_ target: LoadTarget) -> String { target == .crash ? " crash" : "" }
        return switch self {
        case .help: "help"
        case .version: "version"
        case .crashCheck(let request): "crash-check" + (request == nil ? "" : " of a kernel")
        case .printCrashKernelSize: "crash size"
        case .status(let target): "status" + crash(target)
        case .unload(let target): "unload" + crash(target)
        case .execute: "execute"
        case .load(let request): "load" + crash(request.target)
        case .loadThenShutdown(let request): "load, shut down" + crash(request.target)
        case .shutdown: "shut down"
        case .loadThenExecute(let request): "load, execute" + crash(request.target)
        case .plan(let request, let format): "plan" + (format == .text ? "" : " \(format)") + crash(request.target)
        case .captureMachine(let directory, let disk): "capture \(directory)" + (disk.map { " with \($0)" } ?? "")
        case .recordFirmwareState(let path): "record \(path)"
        case .show: "show"
        case .last: "last"
        case .dryRun: "dry run"
        }
    }
}
