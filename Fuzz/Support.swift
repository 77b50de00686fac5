// SPDX-License-Identifier: MIT

/// Stops the run as a finding where a parser breaks a promise.
func expect(_ condition: Bool, _ promise: StaticString) {
    if !condition { fatalError("\(promise)") }
}

/// Lends the fuzzer's bytes as parsers take them.
func withSpan(_ start: UnsafePointer<UInt8>?, _ count: Int, _ body: (borrowing RawSpan) -> Void) -> CInt {
    let buffer = UnsafeRawBufferPointer(start: start, count: count)
    body(buffer.bytes)
    return 0
}
