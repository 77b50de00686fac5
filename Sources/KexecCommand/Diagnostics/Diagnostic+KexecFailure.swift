// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import Kexec

extension Diagnostic {
    /// One line for a failure, whatever it is.
    ///
    /// Of a plan's refusals it is the first: the others often follow from it, and `--plan` and `-d` show them all.
    init(_ failure: KexecFailure) {
        switch failure {
        case .machine(let error): self.init(error)
        case .file(let failure): self.init(failure)
        case .image(let error, let path): self.init(error, path: path)
        case .typeNotSupported(let type, let path):
            self.init("cannot load '\(path)': images of type \(type.rawValue) are not supported by this version")
        case .purgatory: self.init("the purgatory in this program is broken: this is a bug in its build")
        case .load(let failure): self.init(failure)
        case .execution(let error): self.init(error)
        case .noTrace:
            self.init("no trace of a jump: this kernel was not started by this program's purgatory")
        case .badTrace(let error): self.init(error)
        }
    }

    /// - Parameter isShortOfMemory: and what is loaded takes some.
    init(_ failure: KexecFailure, isShortOfMemory: Bool) {
        self.init(failure)
        if isShortOfMemory { hint = "kexec -u frees what the loaded kernel takes" }
    }

    init(_ error: TraceRecordError) {
        // Added up: interpolations would be 1 KB of code.
        let what: String =
            switch error {
            case .tooShort(let found, let needed): "has " + String(found) + " bytes, need " + String(needed)
            case .wrongMagic(let found):
                "begins with " + hexadecimal(found) + ", need " + hexadecimal(TraceRecord.magic)
            case .unknownVersion(let found):
                "has version " + String(found) + ", this program reads " + String(TraceRecord.currentVersion)
            }
        self.init("the trace of the last jump " + what)
    }
}
