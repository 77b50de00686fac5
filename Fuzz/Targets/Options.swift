// SPDX-License-Identifier: MIT
// Command lines: words that end with a NUL.
import BootFormats
@testable import KexecCommand

@_cdecl("LLVMFuzzerTestOneInput")
public func readOptions(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    let words = bytes.split(separator: 0, omittingEmptySubsequences: false).map { ByteString($0) }
    do throws(UsageError) {
        let invocation = try parse(words)
        expect(invocation.machineDirectory == nil || invocation.action.request != nil, "a capture is only planned for")
    } catch {
        expect(!Diagnostic(error).sentence.utf8.isEmpty, "every refusal has a sentence")
    }
    return 0
}
