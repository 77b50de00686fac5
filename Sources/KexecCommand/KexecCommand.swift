// SPDX-License-Identifier: MIT
internal import CLinux

/// The whole program: what `kexec` does with its arguments, the program's name first; returns the exit status.
public func runKexec(arguments: [String]) -> Int32 {
    print("swift-kexec")
    return 0
}
