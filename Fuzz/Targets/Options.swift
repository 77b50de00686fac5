// SPDX-License-Identifier: MIT
// Command lines: words that end with a NUL.
import BootFormats
import Kexec
@testable import KexecCommand

func fuzzOptions(_ input: UnsafeRawBufferPointer) {
    let words = input.split(separator: 0, omittingEmptySubsequences: false).map { ByteString(Array($0)) }
    do throws(UsageError) {
        let invocation = try parse(words)
        expect(invocation.machineDirectory == nil || invocation.action.request != nil, "a capture is only planned for")
        if let request = invocation.action.request { check(request, words) }
    } catch {
        expect(!Diagnostic(error).sentence.utf8.isEmpty, "every refusal has a sentence")
    }
}

/// What is asked for stands in the words, byte for byte.
private func check(_ request: KexecRequest, _ words: [ByteString]) {
    let texts = [request.kernel, request.commandLine, request.firmwareState, request.deviceTree].compactMap { $0 }
    for text in texts + request.initrds + request.modules {
        expect(words.contains { $0.contains(text) }, "what is asked for stands in the words")
    }
    if let minimum = request.memoryMinimum, let maximum = request.memoryMaximum {
        expect(minimum <= maximum, "there is memory between the bounds")
    }
}

extension ByteString {
    fileprivate func contains(_ text: ByteString) -> Bool {
        guard text.count <= count else { return false }
        return (0...count - text.count).contains { bytes[$0..<$0 + text.count].elementsEqual(text.bytes) }
    }
}
