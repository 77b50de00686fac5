// SPDX-License-Identifier: MIT
internal import CLinux

/// The C library's words for an errno: "No such file or directory".
func errnoText(_ errno: Int32) -> String {
    // strerror never returns NULL, and its text is copied before the next call.
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
}
