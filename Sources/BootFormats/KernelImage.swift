// SPDX-License-Identifier: MIT

/// A kernel image, recognised by its contents alone.
public enum KernelImage: Hashable, Sendable {
    case bzImage(BzImage)
    case elf(ELFImage)
}
