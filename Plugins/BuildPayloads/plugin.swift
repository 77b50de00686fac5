// SPDX-License-Identifier: MIT
import PackagePlugin

@main struct BuildPayloads: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] { [] }
}
