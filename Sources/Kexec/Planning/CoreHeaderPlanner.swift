// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Describes the running kernel's memory to the one that starts when it panics, in a segment of its own, as the in-kernel
/// loader does for kexec_file_load (arch/x86/kernel/crash.c).
///
/// The first mebibyte is not in the dump, and needs no backup before the capture kernel takes it for its own: kernels since
/// 5.5 keep it out of use where `crashkernel=` is given, and dump none of it themselves.
struct CoreHeaderPlanner {
    static let segmentName = "elfcorehdr"

    let inputs: PlanningInputs
    var request: KexecRequest { inputs.request }
    var machine: MachineDescription { inputs.machine }
    /// The call is kexec_file_load: the kernel makes a header of its own, and what is planned here shows the room it takes.
    let isKernels: Bool

    /// Adds the segment.
    /// - Returns: its place, which is no RAM for the capture kernel; nil where the draft was refused.
    func add(to draft: inout PlanDraft) -> PhysicalRange? {
        if !isKernels { warnOfGaps(&draft) }
        let header = header
        guard header.entryCount <= CoreHeader.maximumEntries else {
            draft.refuse(.coreHeaderTooLong(entries: header.entryCount, limit: CoreHeader.maximumEntries))
            return nil
        }
        for memory in header.notes + header.loads.map({ $0.memory }) where memory.end > header.addressEnd {
            draft.refuse(.coreHeaderTooNarrow(memory))
            return nil
        }
        let bytes = header.encoded
        let size = max(UInt64(bytes.count), changes ? machine.coreHeaderRoom ?? 0 : 0)
        let anywhere = PhysicalRange(from: .zero, to: PhysicalAddress(.max))
        let wanted = PlacementRequest(size: size, bounds: anywhere, preference: .highest)
        guard let home = draft.home(for: Self.segmentName, wanted) else { return nil }
        var segment = Segment(name: Self.segmentName, place: home, contents: .bytes(bytes))
        segment.mayChange = changes
        draft.add(segment)
        return home
    }

    /// The kernel keeps the header up to date: where that was asked for, and where the choice of the call was left to us, for
    /// kexec_file_load always does.
    private var changes: Bool {
        request.updatesCoreHeader || (request.systemCall == .automatic && machine.coreHeaderRoom != nil)
    }

    private var header: CoreHeader {
        let isWide = isKernels || request.coreHeaderClass != .elf32
        var header = CoreHeader(elfClass: isWide ? .elf64 : .elf32, machine: runsX86_64 ? .x86_64 : .i386)
        let crash = machine.crash
        header.notes = crash.processorNotes
        if let note = machine.vmcoreInfo { header.notes.append(note) }
        // Virtual addresses have 64 bits.
        if isWide, let image = crash.kernelImage { header.loads.append(image) }
        let base = isWide ? crash.directMapBase : nil
        for range in dumped.ranges {
            let virtual = base.map { $0 &+ range.start.rawValue } ?? 0
            header.loads.append(CoreHeader.Load(memory: range, virtualAddress: virtual))
        }
        return header
    }

    private var runsX86_64: Bool {
        guard let name = machine.architecture else { return true }
        return name.utf8.elementsEqual("x86_64".utf8)
    }

    private var dumped: PhysicalRangeSet {
        let own = machine.crashKernel + machine.crash.lentRanges
        return machine.crash.memory.subtracting(PhysicalRangeSet(own + [PlacementPolicy.firstMebibyte]))
    }

    private func warnOfGaps(_ draft: inout PlanDraft) {
        if machine.crash.processorNotes.isEmpty { draft.warn(.coreHeaderLacks(.processorNotes)) }
        if machine.vmcoreInfo == nil { draft.warn(.coreHeaderLacks(.vmcoreinfo)) }
        if machine.crash.directMapBase == nil || machine.crash.kernelImage == nil {
            draft.warn(.coreHeaderLacks(.virtualAddresses))
        }
        if let version = LinuxVersion(machine.release), version < LinuxVersion(5, 5) {
            draft.warn(.coreHeaderLacks(.firstMebibyte))
        }
    }
}

extension MachineDescription {
    /// What the kernel's own header may need one day, in bytes; nil where the kernel keeps none up to date.
    var coreHeaderRoom: UInt64? { kexec.crashCoreHeaderSize.flatMap { $0 > 0 ? $0 : nil } }
}
