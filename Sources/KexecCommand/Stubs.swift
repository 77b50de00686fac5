// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec
extension Diagnostic {
    init(_ e: FileFailure) { self.init("cannot use '\(e.path)'") }
    init(_ e: ImageError, path: String) { self.init("cannot load '\(path)'") }
    init(_ e: LoadAttempt) {
        if case .refused(let x) = e.problem { self.init("refused errno \(x.errno)") } else { self.init("load attempt failed") }
    }
    init(_ e: ExecutionError) {
        if case .refused(let x, _) = e { self.init("jump refused errno \(x.errno)") } else { self.init("cannot jump") }
    }
    init(_ e: UncheckedFact) { self.init("unchecked") }
}
struct ExitCode {
    var rawValue: Int32
    static let success = ExitCode(rawValue: 0)
    init(rawValue: Int32) { self.rawValue = rawValue }
    init(status: Bool?) { rawValue = status == nil ? 255 : status == true ? 1 : 0 }
    init(for f: KexecFailure, systemCall: SystemCallChoice) { rawValue = 1 }
    init(for r: [PlanRefusal]) { rawValue = 1 }
}
