// SPDX-License-Identifier: MIT
public import BootFormats
public import Handoff

/// Why something could not be done: one case for each module that can fail. Nothing was changed when one is thrown.
public enum KexecFailure: Error, Hashable, Sendable {
    case machine(MachineError)
    case file(FileFailure)
    /// `path` as the user named it.
    case image(ImageError, path: ByteString)
    /// `--type` names a type that this version cannot load yet.
    case typeNotSupported(ForcedImageType, path: ByteString)
    /// The purgatory built into this program is broken.
    case purgatory(PurgatoryImageError)
    /// Not loaded: the plan's refusals, or the kernel's.
    case load(LoadFailure)
    case execution(ExecutionError)
    /// `--last`: the boot loader of this kernel left no trace of our purgatory.
    case noTrace
    case badTrace(TraceRecordError)
}
