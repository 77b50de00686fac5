// SPDX-License-Identifier: MIT
internal import KexecCommand

/// The program's first function; see Sources/kexec/Entry.swift.
@c(mkelfimage_main)
func mkelfimageMain(count: Int32, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
    // What the C library passes.
    runMkelfimage(arguments: unsafe programArguments(arguments))
}
