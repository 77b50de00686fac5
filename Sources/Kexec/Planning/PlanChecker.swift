// SPDX-License-Identifier: MIT
internal import Handoff
internal import PhysicalMemory

/// Checks a finished plan against everything that the kernel would check, and names what is broken: the kernel folds
/// most of it into two errno values.
struct PlanChecker {
    let machine: MachineDescription

    /// What stands in the way of any plan on this machine.
    func obstacles(to plan: BootPlan) -> [PlanRefusal] { state(plan) + permissions(plan.target) }

    /// What is wrong with this one, whose segments all have their places.
    func faults(of plan: BootPlan) -> [PlanRefusal] { memory(plan) + rules(plan) }

    /// In the order of the kernel's own checks (`kexec_load_permitted`).
    func permissions(_ target: LoadTarget) -> [PlanRefusal] {
        if machine.hasSysBoot == false { return [.notPermitted(missing: .sysBoot)] }
        if machine.kexec.loadDisabled { return [.loadDisabled] }
        let limit = target == .crash ? machine.kexec.loadLimitPanic : machine.kexec.loadLimitReboot
        return limit == 0 ? [.loadLimitReached(target)] : []
    }

    private func state(_ plan: BootPlan) -> [PlanRefusal] {
        var refusals: [PlanRefusal] = []
        if machine.isXen { refusals.append(.needsXen) }
        if machine.kexec.isSupported == false, !machine.kexec.hasModule {
            refusals.append(.noKexecInKernel)
        }
        // Where the module is all there is, no region would help: it loads no crash kernels.
        let isModuleAlone = machine.kexec.lacksKexec && machine.kexec.hasModule
        if plan.target == .crash, machine.hasCrashRegion == false, !isModuleAlone {
            refusals.append(machine.memoryGap == nil ? .noCrashKernelRegion : .crashSizeIsZero)
        }
        return refusals
    }

    /// The kernel copies the image into memory of its own before the jump, and swaps out for it what it can; a crash
    /// kernel's region is there already.
    private func memory(_ plan: BootPlan) -> [PlanRefusal] {
        guard plan.target == .reboot, machine.memoryAvailable > 0 else { return [] }
        let needed = plan.segments.reduce(0) { $0 + $1.place.size }
        let (sum, overflow) = machine.memoryAvailable.addingReportingOverflow(machine.swapFree)
        let available = overflow ? .max : sum
        return needed > available ? [.memoryShort(needed: needed, available: available)] : []
    }

    private func rules(_ plan: BootPlan) -> [PlanRefusal] {
        let extents = plan.segments.map {
            SegmentExtent(
                start: $0.place.start.rawValue, memorySize: $0.place.size, contentSize: UInt64($0.contentSize))
        }
        let region = plan.target == .crash ? machine.crashRegion : nil
        let rules = SegmentRules(
            // What is unknown limits nothing.
            totalPages: machine.memoryTotal > 0 ? machine.memoryTotal / pageSize : .max,
            addressLimit: machine.destinationLimit,
            crashRegion: region.map { .init(start: $0.start.rawValue, end: $0.end.rawValue) })
        guard let broken = rules.firstBroken(by: extents.span, entry: plan.kernelEntry.rawValue) else { return [] }
        return [.segmentRule(broken, names: plan.segments.map { $0.name }, places: plan.segments.map { $0.place })]
    }
}

extension MachineDescription {
    /// `KEXEC_DESTINATION_MEMORY_LIMIT` of the running kernel on x86_64, below which every segment ends: one less than
    /// `MAXMEM`, so that nothing may lie in the last page of 64 TiB, or of 4 PiB with 5 levels of page tables.
    var destinationLimit: UInt64 { (uses5LevelPaging ? 1 << 52 : 1 << 46) - 1 }

    /// What forbids every load, whatever the image, so that no file need be read first; nil where nothing does.
    package func refusal(ofLoadsTo target: LoadTarget, by choice: SystemCallChoice = .automatic) -> PlanRefusal? {
        if let refusal = PlanChecker(machine: self).permissions(target).first { return refusal }
        guard choice == .module || choice == .automatic && kexec.isModuleAlone else { return nil }
        return kexec.sleepingSiblings.map {
            .noSystemCall([SystemCallObstacle(call: .module, cause: .sleepingSiblings($0))])
        }
    }
}
