// SPDX-License-Identifier: MIT
public import BootFormats

/// In which form the initrds are handed over.
public enum InitrdForm: Hashable, Sendable {
    /// What is compressed in them was unpacked; what the first of it was packed with. Sizes are of all initrds together,
    /// in bytes.
    case unpacked(Compression, from: Int, to: Int)
    case asItIs(because: UnpackingObstacle)
}
