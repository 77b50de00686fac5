// SPDX-License-Identifier: MIT
internal import Handoff
internal import Kexec

extension Diagnostic {
    /// Everything to be said of a failure, one line each; never empty.
    ///
    /// Of a plan's refusals only the first: the others often follow from it, and `--plan` and `-d` show them all.
    static func all(for failure: KexecFailure) -> [Diagnostic] {
        switch failure {
        case .machine(let error): [Diagnostic(error)]
        case .file(let failure): [Diagnostic(failure)]
        case .image(let error, let path): [Diagnostic(error, path: path)]
        case .typeNotSupported(let type, let path):
            [Diagnostic("cannot load '\(path)': images of type \(type.rawValue) are not supported by this version")]
        case .purgatory: [Diagnostic("the purgatory in this program is broken: this is a bug in its build")]
        case .load(.notLoadable(let refusals)): refusals.prefix(1).map { Diagnostic($0) }
        case .load(.refused(let attempts)): attempts.map { Diagnostic($0) }
        case .execution(let error): [Diagnostic(error)]
        case .noTrace:
            [Diagnostic("no trace of a jump: this kernel was not started by this program's purgatory")]
        case .badTrace(let error): [Diagnostic(error)]
        }
    }

    init(_ error: TraceRecordError) {
        switch error {
        case .tooShort(let found, let needed):
            self.init("the trace of the last jump has \(found) bytes, need \(needed)")
        case .wrongMagic(let found):
            self.init(
                "the trace of the last jump begins with \(hexadecimal(found)), need \(hexadecimal(TraceRecord.magic))")
        case .unknownVersion(let found):
            self.init(
                "the trace of the last jump has version \(found), this program reads \(TraceRecord.currentVersion)")
        }
    }
}
