// SPDX-License-Identifier: MIT
import Foundation

/// The plan of a load, as the guest's kexec prints it: for cases that look into the guest's memory.
///
/// Addresses are hexadecimal text, sizes are numbers.
struct GuestPlan: Decodable {
    struct Segment: Decodable {
        var name: String
        var start: String
        var memorySize: UInt64
        var size: UInt64?
        var address: UInt64 { GuestPlan.number(start) }
    }
    var segments: [Segment]
    private var entry: String
    /// Where the next kernel is entered.
    var entryAddress: UInt64 { Self.number(entry) }

    /// Prints the plan in pieces that the terminal does not wrap, loads, and says `debugger`; the pause lets the
    /// laboratory halt the machine before the jump. With `nokaslr`, for otherwise the plan that is loaded has another
    /// place for the kernel than the one that was printed.
    static func script(_ options: String, kernel: String = "/boot/vmlinuz") -> String {
        """
        options="\(options)"
        second="$second nokaslr"
        kexec --plan=json -l \(kernel) $options --command-line="$second" > /tmp/plan || say plan failed
        { tr -d '\\n' < /tmp/plan | fold -w 400; echo; } | sed 's/^/LAB plan /'
        try load kexec -l \(kernel) $options --command-line="$second" || poweroff -f
        say debugger
        sleep 3
        jump
        """
    }

    init(in log: ConsoleLog) throws {
        let text = log.lines.filter { $0.text.hasPrefix("LAB plan ") }.map { String($0.text.dropFirst(9)) }.joined()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(GuestPlan.self, from: Data(text.utf8))
    }

    func segment(_ name: String) throws -> Segment {
        guard let segment = segments.first(where: { $0.name == name || $0.name.hasPrefix("\(name) ") }) else {
            throw LabError("the plan has no segment '\(name)': \(segments.map(\.name))")
        }
        return segment
    }

    private static func number(_ text: String) -> UInt64 { UInt64(text.dropFirst(2), radix: 16) ?? 0 }
}
