// SPDX-License-Identifier: MIT
import Foundation

/// Sources that hold many mutants at once, of which a number in the environment chooses one: one build for all.
///
/// An operator becomes one of its own, at the same precedence; a constant a call; a statement the second branch of an `if`.
/// No line is added, so that the compiler's complaints lead back to the mutant.
struct MutantSchema {
    /// Numbered from 1; 0 is the source as it is.
    let mutants: [Int: Mutant]

    /// The source with the mutants of its file in it.
    func rewritten(_ bytes: [UInt8], path: String, module: String) -> [UInt8] {
        var insertions: [(offset: Int, removed: Int, text: String)] = []
        for (number, mutant) in mutants where mutant.path == path {
            let site = mutant.site, start = site.range.lowerBound
            switch site.form {
            case .infix, .negation: insertions.append((start, site.range.count, Self.name(number)))
            case .value:
                let call = "mutant\(module)(\(number), \(site.before), \(site.after))"
                insertions.append((start, site.range.count, call))
            case .statement:
                insertions.append((start, 0, "if mutant\(module)(\(number)) {} else { "))
                insertions.append((site.range.upperBound, 0, " }"))
            }
        }
        // Of two at one place, the statement opens first, and closes last.
        insertions.sort { ($0.offset, $0.removed) < ($1.offset, $1.removed) }
        var result: [UInt8] = [], position = 0
        for (offset, removed, text) in insertions {
            result += bytes[position..<offset]
            result += text.utf8
            position = offset + removed
        }
        return result + bytes[position...]
    }

    /// The same with one mutant for good.
    static func changed(_ bytes: [UInt8], by mutants: [Mutant]) -> [UInt8] {
        mutants.sorted { $0.site.range.lowerBound > $1.site.range.lowerBound }.reduce(into: bytes) { bytes, mutant in
            // As many lines as before.
            let lines = mutant.site.lines.count - 1
            let after = mutant.site.after + String(repeating: "\n", count: mutant.site.form == .statement ? lines : 0)
            bytes.replaceSubrange(mutant.site.range, with: after.utf8)
        }
    }

    /// What a module's rewritten sources call.
    func definitions(module: String, paths: Set<String>) -> String {
        let operators = mutants.sorted { $0.key < $1.key }.filter { paths.contains($0.value.path) }
            .map { Self.definition($0.key, $0.value.site) }
        return """
            // SPDX-License-Identifier: MIT
            internal import MutantSwitch

            public func mutant\(module)(_ number: Int32) -> Bool { mutant_is_active(number) != 0 }
            public func mutant\(module)<Value>(_ number: Int32, _ before: Value, _ after: Value) -> Value {
                mutant_is_active(number) != 0 ? after : before
            }

            """ + operators.joined()
    }

    /// An operator's: box-drawing characters, sixteen of which are digits.
    private static func name(_ number: Int) -> String {
        "╰"
            + String(number, radix: 16).unicodeScalars.compactMap { digit in
                UInt32(String(digit), radix: 16).flatMap { Unicode.Scalar(0x2500 + $0) }.map { String(Character($0)) }
            }.joined()
    }

    private static func definition(_ number: Int, _ site: MutationSite) -> String {
        let name = name(number)
        func function(_ generics: String, _ left: String, _ right: String, _ result: String, _ attribute: String = "")
            -> String
        {
            """
            \(attribute)public func \(name) \(generics)(a: \(left), b: \(right))\(result) {
                if mutant_is_active(\(number)) != 0 { \(result.isEmpty ? "" : "return") a \(site.after) b }
                \(result.isEmpty ? "" : "return") a \(site.before) b
            }

            """
        }
        switch site.form {
        case .value, .statement: return ""
        case .negation:
            return """
                prefix operator \(name)
                public prefix func \(name) (a: Bool) -> Bool { mutant_is_active(\(number)) != 0 ? a : !a }

                """
        case .infix(let precedence):
            return "infix operator \(name): \(precedence)Precedence\n"
                + functions(site.before, function)
        }
    }

    private static func functions(
        _ symbol: String, _ function: (String, String, String, String, String) -> String
    ) -> String {
        let weak = "@_disfavoredOverload "
        let twoNumbers = "<A: BinaryInteger, B: BinaryInteger>"
        switch symbol {
        case "<", "<=", ">", ">=":
            return function("<A: Comparable>", "A", "A", " -> Bool", "")
                + function(twoNumbers, "A", "B", " -> Bool", weak)
        case "==", "!=":
            return function("<A: Equatable>", "A", "A", " -> Bool", "")
                + function(twoNumbers, "A", "B", " -> Bool", weak)
                + function("<A: ~Copyable>", "borrowing A?", "_OptionalNilComparisonType", " -> Bool", weak)
        case "+", "-":
            return function("<A: AdditiveArithmetic>", "A", "A", " -> A", "")
                + function("<A>", "UnsafePointer<A>", "Int", " -> UnsafePointer<A>", weak)
                + function("<A>", "UnsafeMutablePointer<A>", "Int", " -> UnsafeMutablePointer<A>", weak)
                + function("", "UnsafeRawPointer", "Int", " -> UnsafeRawPointer", weak)
                + function("", "UnsafeMutableRawPointer", "Int", " -> UnsafeMutableRawPointer", weak)
        case "<<", ">>":
            return function(twoNumbers, "A", "B", " -> A", "")
        case "+=", "-=": return function("<A: AdditiveArithmetic>", "inout A", "A", "", "")
        case "|=", "&=", "^=": return function("<A: BinaryInteger>", "inout A", "A", "", "")
        case "&+=", "&-=": return function("<A: FixedWidthInteger>", "inout A", "A", "", "")
        case "&&", "||":
            return function("", "Bool", "@autoclosure () throws -> Bool", " rethrows -> Bool", "")
                .replacing("return a", with: "return try a").replacing(/b( }|\n)/) { "b()\($0.1)" }
        case "..<":
            return rangeFunction("Range", "a..<(b + 1)", "a..<b", function)
        case "...":
            return rangeFunction("ClosedRange", "a...(b - 1)", "a...b", function)
        default: return function("<A: FixedWidthInteger>", "A", "A", " -> A", "")
        }
    }

    private static func rangeFunction(
        _ type: String, _ after: String, _ before: String,
        _ function: (String, String, String, String, String) -> String
    ) -> String {
        // Both have a type: what the other operator makes is another one.
        let text = function("<A: FixedWidthInteger>", "A", "A", " -> \(type)<A>", "")
        return text.replacing(/return a [.<]+ b \}/, with: "return \(after) }")
            .replacing(/return a [.<]+ b\n/, with: "return \(before)\n")
    }
}
