// SPDX-License-Identifier: MIT
import Glibc

/// The compilers and linkers of one toolchain; a step that fails ends the program.
struct Toolchain {
    /// Where the programs are; not looked for on PATH.
    let folder: String

    /// Runs one program, named by the first word.
    /// - Parameter output: the file that takes its standard output.
    func run(_ words: [String], output: String? = nil) { wait(for: start(words, output: output), words) }

    /// Runs programs that do not need each other's results at the same time.
    func runTogether(_ commands: [[String]]) {
        for (process, words) in commands.map({ (start($0, output: nil), $0) }) { wait(for: process, words) }
    }

    private func start(_ words: [String], output: String?) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let output { posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let program = folder + "/" + words[0]
        guard posix_spawn(&process, program, &actions, nil, arguments, environ) == 0 else {
            stop("cannot run \(program)")
        }
        return process
    }

    private func wait(for process: pid_t, _ words: [String]) {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        if status != 0 { stop("failed: \(words.joined(separator: " "))") }
    }
}
