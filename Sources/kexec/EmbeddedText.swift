// SPDX-License-Identifier: MIT
// Strings are put together out of line. The standard library's own functions are inlined at each of some hundred
// places, 150 bytes each; those here, of the same names, are found before them, since the static program is compiled
// as one module.
#if hasFeature(Embedded)
    extension String {
        @inline(never) mutating func append(_ other: String) { write(other) }
        @inline(never) static func + (left: String, right: String) -> String {
            var text = left
            text.append(right)
            return text
        }
        @inline(never) static func += (left: inout String, right: String) { left.append(right) }
    }

    extension DefaultStringInterpolation {
        @inline(never) mutating func appendLiteral(_ literal: String) { write(literal) }
        @inline(never) mutating func appendInterpolation(_ text: String) { write(text) }
    }
#endif
