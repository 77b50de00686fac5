// SPDX-License-Identifier: MIT

/// The version of swift-kexec.
public enum KexecVersion {
    public static let number = "0.1.0"
}
