// SPDX-License-Identifier: MIT
public import BootFormats

/// The words that a program was called with, its name first.
/// - Parameter arguments: the kernel and the C library promise a null behind the last one; it may be the first, too (no
///   name).
public func programArguments(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [ByteString] {
    var words: [ByteString] = []
    while let arguments = unsafe arguments, let word = unsafe arguments[words.count] {
        words.append(unsafe ByteString(cString: word))
    }
    return words
}
