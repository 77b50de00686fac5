// SPDX-License-Identifier: MIT
internal import KexecCommand

/// The program's first function. SwiftPM links an executable target with `main` defined as `<target>_main`, and so
/// does the static build: one entry serves both, and gives Embedded Swift, which has no `CommandLine`, its arguments.
@c(kexec_main)
func kexecMain(count: Int32, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
    var words: [String] = []
    // The kernel and the C library promise a null behind the last argument; it may be the first word, too (no name).
    var notUTF8: Int?
    while let arguments = unsafe arguments, let word = unsafe arguments[words.count] {
        let text = unsafe String(cString: word)
        if notUTF8 == nil, unsafe !isSame(word, text) { notUTF8 = words.count }
        words.append(text)
    }
    return runKexec(arguments: words, notUTF8: notUTF8)
}

/// Whether a string has the very bytes that it was made from: what is no UTF-8 is replaced without a word.
private func isSame(_ word: UnsafePointer<CChar>, _ text: String) -> Bool {
    var index = 0
    // The first difference ends this, the null behind the word at the latest.
    for byte in text.utf8 {
        guard unsafe UInt8(bitPattern: word[index]) == byte else { return false }
        index += 1
    }
    return unsafe word[index] == 0
}
