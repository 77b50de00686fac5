// SPDX-License-Identifier: MIT
import Foundation

/// A machine that was started once and kept.
protocol KeptMachine: Sendable {
    /// What all cases that go on from it have in common; its text says which machine it is.
    associatedtype Key: Hashable, Sendable, CustomStringConvertible
    /// Holds all that is kept of it.
    var folder: String { get }
}

extension KeptMachine {
    /// A new folder for one, by the number of this process: another may run cases in the same folder. What processes that
    /// are gone have left is removed.
    static func newFolder(_ number: Int, in work: String) throws -> String {
        let (manager, all) = (FileManager.default, "\(work)/started")
        try manager.createDirectory(atPath: all, withIntermediateDirectories: true)
        for name in try manager.contentsOfDirectory(atPath: all) {
            let process = name.prefix { $0 != "-" }
            if !manager.fileExists(atPath: "/proc/\(process)") { try? manager.removeItem(atPath: "\(all)/\(name)") }
        }
        let folder = "\(all)/\(getpid())-\(number)"
        try? manager.removeItem(atPath: folder)
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: false)
        return folder
    }
}

/// Makes snapshots for cases that share them, and removes each after the last of these.
actor SharedSnapshots<Machine: KeptMachine> {
    /// Boots that are still to come.
    private var wanted: [Machine.Key: Int] = [:]
    private var making: [Machine.Key: Task<Machine?, Never>] = [:]
    private let make: @Sendable (Machine.Key, _ number: Int) async throws -> Machine

    /// - Parameters:
    ///   - keys: of all boots that are going to be, each as often as it is.
    ///   - make: starts the machine and keeps it; the number is different for each.
    init(for keys: [Machine.Key], make: @escaping @Sendable (Machine.Key, _ number: Int) async throws -> Machine) {
        for key in keys { wanted[key, default: 0] += 1 }
        self.make = make
    }

    /// Lends the snapshot for one boot: nil where that has to start cold, for it is alone of its kind, or no snapshot could
    /// be made.
    func lend<Result: Sendable>(
        _ key: Machine.Key, to boot: @Sendable (Machine?) async throws -> Result
    ) async throws -> Result {
        let machine = await machine(for: key)
        defer {
            wanted[key, default: 1] -= 1
            if let machine, wanted[key] == 0 { try? FileManager.default.removeItem(atPath: machine.folder) }
        }
        return try await boot(machine)
    }

    private func machine(for key: Machine.Key) async -> Machine? {
        guard wanted[key, default: 0] > 1 || making[key] != nil else { return nil }
        if making[key] == nil {
            let number = making.count
            making[key] = Task { [make] in
                do {
                    return try await make(key, number)
                } catch {
                    announce("no snapshot of \(key): \(error)")
                    return nil
                }
            }
        }
        return await making[key]?.value
    }
}

extension Optional {
    /// Without snapshots, or without a key, each boot starts cold.
    func lend<Machine: KeptMachine, Result: Sendable>(
        _ key: Machine.Key?, to boot: @Sendable (Machine?) async throws -> Result
    ) async throws -> Result where Wrapped == SharedSnapshots<Machine> {
        guard let self, let key else { return try await boot(nil) }
        return try await self.lend(key, to: boot)
    }
}
