// SPDX-License-Identifier: MIT
internal import KexecCommand

/// The program's first function. SwiftPM links an executable target with `main` defined as `<target>_main`, and so
/// does the static build: one entry serves both, and gives Embedded Swift, which has no `CommandLine`, its arguments.
@c(kexec_main)
func kexecMain(count: Int32, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
    // What the C library passes.
    runKexec(arguments: unsafe programArguments(arguments))
}
