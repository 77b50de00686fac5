// SPDX-License-Identifier: MIT

/// A system to try things in: each line of standard input is run there, and what it says is printed.
enum SystemShell {
    static func session(_ release: SystemRelease) -> SystemCase {
        SystemCase(
            title: "shell", summary: "lines of standard input, run in a system", release: release, deadline: 24 * 3600
        ) { guest in
            announce("LAB the package under test: apt-get install -y \(guest.package.argument)")
            while let line = readLine() {
                guard !line.isEmpty else { continue }
                announce("# \(line)")
                do {
                    let answer = try await guest.answer(to: line, within: 1800)
                    answer.lines.forEach(announce)
                    if answer.status != 0 { announce("LAB status \(answer.status)") }
                } catch {
                    announce("LAB \(error)")
                }
            }
        }
    }
}
