// SPDX-License-Identifier: MIT
import ArgumentParser

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "demo", abstract: "Shows one jump.")
    func run() async throws {}
}
