// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import PhysicalMemory

/// Makes boot_params, the command line and the setup_data list for a Linux kernel: what the kernel's own loader would
/// pass (arch/x86/kernel/kexec-bzimage64.c), and a trace node for `kexec --last`.
struct BootParametersPlanner {
    let inputs: PlanningInputs
    var request: KexecRequest { inputs.request }
    var machine: MachineDescription { inputs.machine }
    let commandLine: ByteString
    /// 32 bytes for SETUP_RNG_SEED; nil where the kernel's pool was not ready.
    let seed: [UInt8]?
    /// What purgatory will add to, for `kexec --last`.
    let trace: TraceRecord
    /// Whether the image takes EFI facts (`XLF_EFI_KEXEC`; vmlinux always did).
    let supportsEFI: Bool
    /// Where the header of a core dump lies, for a crash kernel.
    var coreHeader: PhysicalRange?

    struct Result {
        var address: PhysicalAddress
        var trace: PhysicalAddress?
    }

    /// - Parameters:
    ///   - parameters: with the setup header in place.
    ///   - bounds: where all three segments must lie.
    func add(
        _ parameters: BootParameters, initrd: PhysicalRange?, initrdSize: UInt64, bounds: PhysicalRange,
        to draft: inout PlanDraft
    ) -> Result? {
        var parameters = parameters
        var list = SetupDataList()
        describeMachine(in: &parameters, &list)
        if let initrd { parameters.setInitrd(initrd.start, size: initrdSize) }
        guard let line = draft.addBytes(commandLine.terminated, as: "command_line", bounds: bounds) else {
            return nil
        }
        parameters.setCommandLine(line)
        guard let trace = addSetupData(list, to: &parameters, bounds: bounds, &draft),
            let address = draft.addBytes(parameters.bytes, as: "boot_params", bounds: bounds)
        else { return nil }
        return Result(address: address, trace: trace)
    }

    private func describeMachine(in parameters: inout BootParameters, _ list: inout SetupDataList) {
        if let old = machine.bootParameters {
            parameters.setScreenInfo(old)
            parameters.copyDisks(from: old)
            parameters.setHardwareSubarchitecture(old.loadLittle(UInt32.self, at: 0x23c) ?? 0)
        }
        parameters.setRSDP(machine.rsdp ?? 0)
        let more = parameters.setMemoryMap(memoryMapForNextKernel())
        if !more.isEmpty { list.append(type: SetupDataType.e820Extension, payload: encodedE820(more)) }
        addOwnNodes(to: &list)
    }

    private func addOwnNodes(to list: inout SetupDataList) {
        if let seed { list.append(type: SetupDataType.rngSeed, payload: seed) }
        list.append(type: TraceRecord.setupDataType, payload: trace.encoded)
    }

    /// What a kernel that asks the BIOS for the rest is told: the seed, and the trace record.
    /// - Returns: where the list begins, and where the trace record's payload will be.
    func addSetupData(to draft: inout PlanDraft, below end: PhysicalAddress) -> (
        start: PhysicalAddress, trace: PhysicalAddress?
    )? {
        var list = SetupDataList()
        addOwnNodes(to: &list)
        let bounds = PhysicalRange(from: .zero, to: end)
        let wanted = PlacementRequest(size: UInt64(list.size), bounds: bounds, preference: .highest)
        guard let home = draft.home(for: "setup_data", wanted) else { return nil }
        draft.add(Segment(name: "setup_data", place: home, contents: .bytes(list.encoded(at: home.start))))
        return (home.start, tracePlace(in: list, at: home))
    }

    private func tracePlace(in list: SetupDataList, at home: PhysicalRange) -> PhysicalAddress? {
        list.payloadOffset(of: TraceRecord.setupDataType).flatMap { home.start.advanced(by: UInt64($0)) }
    }

    private func memoryMapForNextKernel() -> MemoryMap {
        guard request.target == .crash else { return machine.memoryMap }
        return CrashMemoryMap.make(for: machine, without: coreHeader)
    }

    /// Lays the list, and behind it the EFI runtime map that efi_info points to, into one segment.
    /// - Returns: where the trace record's payload will be.
    private func addSetupData(
        _ plain: SetupDataList, to parameters: inout BootParameters, bounds: PhysicalRange, _ draft: inout PlanDraft
    ) -> PhysicalAddress? {
        var list = plain
        let efi = EFIHandover(request: request, machine: machine, imageSupportsIt: supportsEFI)
        if let efi { list.append(type: SetupDataType.efi, payload: efi.setupData) }
        let map = efi?.runtimeMap ?? []
        let size = UInt64(list.size + map.count)
        let wanted = PlacementRequest(size: size, bounds: bounds, preference: .highest)
        guard let home = draft.home(for: "setup_data", wanted) else { return nil }
        if let efi {
            parameters.setEFIInfo(efi.info(mapAt: home.start.rawValue + UInt64(list.size)))
            parameters.setSecureBoot(efi.secureBoot)
        }
        parameters.setSetupData(home.start)
        draft.add(Segment(name: "setup_data", place: home, contents: .bytes(list.encoded(at: home.start) + map)))
        return tracePlace(in: list, at: home)
    }
}
