// SPDX-License-Identifier: MIT

/// A failure as people read it: one sentence of facts, and what to do about it where that is known.
///
/// Errors carry facts, never sentences; the extensions in this folder, one for each module's error, are the only
/// place that turns one into the other.
struct Diagnostic: Equatable {
    /// Without "kexec: " in front and without a full stop: "cannot load '/boot/vmlinuz': image ends inside …".
    var sentence: String
    /// Without "hint: ": "load it with -c, or sign it".
    var hint: String?

    init(_ sentence: String, hint: String? = nil) {
        self.sentence = sentence
        self.hint = hint
    }

    init(unwrittenOutput errno: Int32) { self.init("cannot write to standard output: \(errnoText(errno))") }
}
