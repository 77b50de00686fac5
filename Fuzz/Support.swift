// SPDX-License-Identifier: MIT

/// Stops the run as a finding where a parser breaks a promise.
func expect(_ condition: Bool, _ promise: @autoclosure () -> StaticString) {
    if !condition { fatalError("\(promise())") }
}
