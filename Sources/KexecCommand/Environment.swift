// SPDX-License-Identifier: MIT
internal import CLinux

/// The value of an environment variable; nil where there is none.
func environment(_ name: String) -> String? {
    // What getenv points to stays: nothing here changes the environment.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

/// Whether a terminal that the environment's `TERM` names so understands control sequences (ECMA-48).
func understandsSequences(terminal: String?) -> Bool {
    let name = (terminal ?? "").utf8
    return !name.isEmpty && !name.elementsEqual("dumb".utf8)
}
