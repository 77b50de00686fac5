// SPDX-License-Identifier: MIT

/// The words that the program was called with, its name first.
struct ProgramWords {
    private(set) var texts: [String] = []
    /// The index of the first word that is no UTF-8, and so was changed when a string was made of it.
    private(set) var notUTF8: Int?

    /// - Parameter arguments: the kernel and the C library promise a null behind the last one.
    init(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
        while let arguments = unsafe arguments, let word = unsafe arguments[texts.count] {
            let text = unsafe String(cString: word)
            var same = 0
            // The first difference ends this, the null behind the word at the latest.
            for byte in text.utf8 {
                guard unsafe UInt8(bitPattern: word[same]) == byte else { break }
                same += 1
            }
            if same < text.utf8.count, notUTF8 == nil { notUTF8 = texts.count }
            texts.append(text)
        }
    }
}
