// SPDX-License-Identifier: MIT
import Foundation
import PackagePlugin

/// Builds the bare-metal payloads with the toolchain that builds the package.
///
/// One command with one Swift file as its only output: objects as outputs would become resources of the target, which
/// link Foundation.
@main struct BuildPayloads: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let root = context.package.directoryURL
        let work = context.pluginWorkDirectoryURL
        let swiftc = try context.tool(named: "swiftc").url
        // The tests examine the program that the image was made from; the loader needs the image only.
        let (option, name) =
            target.name == "PayloadTests"
            ? ("--evidence", "PayloadEvidence.swift") : ("--images", "PayloadBytes.swift")
        let output = work.appending(path: name)
        var inputs = [swiftc]
        for folder in ["Payloads", "Sources/Handoff"] { inputs += try files(under: root.appending(path: folder)) }
        return [
            .buildCommand(
                displayName: "Building bare-metal payloads for \(target.name)",
                executable: try context.tool(named: "BuildPayload").url,
                arguments: [
                    "--toolchain", swiftc.deletingLastPathComponent().path(), "--package", root.path(),
                    "--work", work.path(), option, output.path(),
                ],
                inputFiles: inputs.sorted { $0.path() < $1.path() },
                outputFiles: [output])
        ]
    }

    private func files(under folder: URL) throws -> [URL] {
        let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        return try (all?.allObjects ?? []).compactMap { $0 as? URL }
            .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
    }
}
