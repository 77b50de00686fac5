// SPDX-License-Identifier: MIT
internal import KexecCommand

/// The program's first function. SwiftPM links an executable target with `main` defined as `<target>_main`, and so
/// does the static build: one entry serves both, and gives Embedded Swift, which has no `CommandLine`, its arguments.
@c(kexec_main)
func kexecMain(count: Int32, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
    var words: [String] = []
    // The kernel and the C library promise a null behind the last argument; it may be the first word, too (no name).
    while let arguments = unsafe arguments, let word = unsafe arguments[words.count] {
        words.append(unsafe String(cString: word))
    }
    return runKexec(arguments: words)
}
