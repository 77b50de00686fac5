// SPDX-License-Identifier: MIT
internal import CLinux

/// From now on, a file that is cut short or cannot be read while it is mapped ends the program with a sentence and the
/// status of an unreadable file, instead of a signal (SIGBUS).
///
/// Files are mapped until they are handed over; a load that was done touches them no more, so nothing was loaded.
func reportLostFiles() {
    // Only calls that a signal handler may make: memory is in any state.
    kx_on_bus_error { _ in
        let sentence: StaticString =
            "kexec: the kernel, an initrd or a module was cut short while it was read, or its disk failed: nothing was loaded\n"
        sentence.withUTF8Buffer { bytes in _ = unsafe kx_write(2, bytes.baseAddress, UInt(bytes.count)) }
        _exit(2 /* ExitCode.file */)
    }
}
