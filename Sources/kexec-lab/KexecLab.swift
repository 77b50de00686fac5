// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

/// Runs first kernel → kexec under test → second kernel in virtual machines; a tool for development, never installed.
@main
struct KexecLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kexec-lab",
        abstract: "Boots real kernels in QEMU, jumps with the kexec under test and judges what the second kernel says.",
        subcommands: [
            PrepareCommand.self, BuildModuleCommand.self, ListCommand.self, RunCommand.self, DemoCommand.self,
            SystemCommand.self, StatusCommand.self, BenchCommand.self, MutantsCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}

/// Why the laboratory itself could not work; a failed case is no such error.
struct LabError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Writes a line at once: the output is read while machines run, also through a pipe.
func announce(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
}
