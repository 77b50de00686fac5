// SPDX-License-Identifier: MIT
internal import CLinux

/// The C library's words for an errno: "No such file or directory".
func errnoText(_ errno: Int32) -> String {
    // strerror never returns NULL, and its text is copied before the next call.
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
}

/// What a user can do about a call of `open` that failed so; nil: nothing that is known.
func remedy(for errno: Int32) -> String? {
    switch errno {
    case EPERM, EACCES: "run it as root"
    case EMFILE: "it may open more files: ulimit -n"
    default: nil
    }
}
