// SPDX-License-Identifier: MIT
import BootFormats
import Handoff
import Testing

@testable import Kexec

/// Machines whose sibling threads are kept offline, which the module would have to wake.
@Suite struct SleepingSiblingsTests {
    /// A kernel without kexec, with the module.
    private func machine(
        control: String?, present: String? = "0-3\n", online: String? = "0-1\n", flags: String? = "fpu monitor"
    ) throws -> MachineDescription {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add(
            "swift-kexec/facts",
            "cap_sys_boot=yes\nkexec_load=no\nkexec_file_load=no\ndev_kexec=yes\n"
                + "module_interface=\(ModuleInterface.version)\n")
        try folder.addDirectory("sys/kernel")
        let cpu = "sys/devices/system/cpu/"
        for (file, text) in [("smt/control", control), ("present", present), ("online", online)] {
            if let text { try folder.add(cpu + file, text) }
        }
        if let flags { try folder.add("proc/cpuinfo", "flags\t\t: \(flags)\n") }
        return try folder.describe()
    }

    private func isRefused(_ machine: MachineDescription, _ choice: SystemCallChoice = .automatic) -> Bool {
        !PlanImage.bzImage().plan(on: machine) { $0.systemCall = choice }.isLoadable
    }

    @Test(arguments: [SystemCallChoice.automatic, .module])
    func refusesTheModulesWay(choice: SystemCallChoice) throws {
        #expect(try isRefused(machine(control: "forceoff\n"), choice))
        #expect(try isRefused(machine(control: "off\n"), choice))
    }

    @Test func saysSoFirstWithWhatWouldHelp() throws {
        for (control, siblings) in [("forceoff\n", SleepingSiblings.forcedOff), ("off\n", .switchedOff)] {
            var machine = try machine(control: control)
            #expect(machine.kexec.sleepingSiblings == siblings)
            let named = PlanRefusal.noSystemCall([.init(call: .module, cause: .sleepingSiblings(siblings))])
            #expect(machine.refusal(ofLoadsTo: .reboot) == named)
            #expect(machine.refusal(ofLoadsTo: .reboot, by: .module) == named)
            #expect(machine.refusal(ofLoadsTo: .reboot, by: .kexecLoad) == nil)
            machine.kexec.module?.isDisabled = true
            let plan = PlanImage.bzImage().plan(on: machine) { $0.systemCall = .module }
            guard case .noSystemCall(let obstacles)? = plan.refusals.first else {
                Issue.record("not refused")
                continue
            }
            #expect(obstacles.map(\.cause) == [.sleepingSiblings(siblings), .moduleDisabled])
        }
    }

    /// Where the module is not all there is, another call may take the image; where it is not there, something else is said.
    @Test(arguments: [(true, true), (true, false), (false, false)])
    func saysItFirstOnlyWhereTheModuleIsAlone(hasKexec: Bool, hasModule: Bool) throws {
        var machine = try machine(control: "forceoff\n")
        (machine.kexec.hasKexecLoad, machine.kexec.hasModule) = (hasKexec, hasModule)
        if !hasModule { machine.kexec.module = nil }
        machine.kexec.module?.isBesideNative = hasKexec
        #expect(machine.refusal(ofLoadsTo: .reboot) == nil)
    }

    @Test func keepsTheSwitchInACapture() throws {
        let folder = try MachineFolder(), target = try MachineFolder()
        try folder.addSomeMemory()
        let cpu = "sys/devices/system/cpu/"
        try folder.add(cpu + "smt/control", "forceoff\n")
        try folder.add(cpu + "present", "0-3\n")
        try folder.add(cpu + "online", "0,2\n")
        try folder.add("proc/cpuinfo", "flags : fpu monitor\n")
        let capture = try captureMachine(root: ByteString(folder.path), into: ByteString(target.path + "/new"))
        #expect(Set(capture.files).count == capture.files.count, "each file once")
        let copied = try MachineDescription(reading: MachineRoot(path: ByteString(target.path + "/new")))
        #expect(copied.kexec.sleepingSiblings == .forcedOff)
    }

    @Test(arguments: ["on\n", "notsupported\n", "notimplemented\n", "2\n", "", nil])
    func goesWhereSiblingsMayBeWoken(control: String?) throws {
        #expect(try !isRefused(machine(control: control)))
    }

    /// Nobody sleeps, or sleeps in another way, which no write ends.
    @Test func goesWhereNoSiblingWaitsForAWrite() throws {
        #expect(try !isRefused(machine(control: "forceoff\n", present: "0-3\n", online: "0-3\n")))
        #expect(try !isRefused(machine(control: "forceoff\n", flags: "fpu sse")))
    }

    /// What is not shown does not clear what is.
    @Test func believesTheSwitchWhereTheListsAreNotShown() throws {
        #expect(try isRefused(machine(control: "forceoff\n", present: nil)))
        #expect(try isRefused(machine(control: "off\n", online: nil)))
        #expect(try isRefused(machine(control: "forceoff\n", flags: nil)))
    }
}
