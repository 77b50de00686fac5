// SPDX-License-Identifier: MIT

/// The version of swift-kexec.
public enum KexecVersion {
    /// As `--version` prints it, and as Multiboot kernels and ELF programs are told who loaded them.
    public static let number = "0.1.0"
}
