// SPDX-License-Identifier: MIT
internal import CLinux

/// Patience with another kexec operation: Linux has one lock for all of them, tries it, and refuses with EBUSY who comes
/// second. What holds it is a load, over in seconds.
struct BusyPatience {
    private static let pause: Int32 = 100
    private static let limit: Int32 = 10_000
    private var waited: Int32 = 0

    /// What was waited, in whole seconds.
    var seconds: Int { Int(waited / 1000) }

    /// Waits a moment, where `result` says that another operation runs and all patience is not yet lost.
    mutating func asksAgain(after result: Int, _ kernel: inout some KernelCalls) -> Bool {
        guard result == -Int(EBUSY), waited < Self.limit else { return false }
        // Nothing is loaded yet: whoever asks this process to end need not wait for that.
        if kernel.sleep(milliseconds: Self.pause) { return false }
        waited += Self.pause
        return true
    }
}
