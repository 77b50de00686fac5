// SPDX-License-Identifier: MIT

/// What each part of a plan depends on. All planners of one plan share it, for a copy of the two values retains dozens of
/// fields.
final class PlanningInputs: Sendable {
    let request: KexecRequest
    let machine: MachineDescription

    init(_ request: KexecRequest, on machine: MachineDescription) {
        self.request = request
        self.machine = machine
    }
}
