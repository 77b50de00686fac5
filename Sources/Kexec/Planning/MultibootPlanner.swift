// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Plans a Multiboot kernel: the image where its headers say, modules and information below 4 GiB, entered in protected
/// mode with the magic number in `eax` and the information's address in `ebx`.
struct MultibootPlanner {
    let image: MultibootImage
    /// Where each module is in the bytes of all of them.
    let modules: [Range<Int>]
    let inputs: PlanningInputs
    var request: KexecRequest { inputs.request }
    var machine: MachineDescription { inputs.machine }
    /// nil where its bytes are not known.
    let rootPointer: ACPIRootPointer?
    /// The file's name first.
    let commandLine: ByteString

    /// All that a program in protected mode can reach.
    private static let bounds = PhysicalRange(from: .zero, to: .fourGiB)

    /// Adds all segments to `draft`.
    /// - Returns: what purgatory has to do; nil where the draft was refused.
    func plan(_ draft: inout PlanDraft, bytes: borrowing RawSpan) -> PurgatoryPlan? {
        checkDemands(&draft, bytes)
        guard let placed = placeImage(&draft, bytes), let homes = placeModules(&draft) else { return nil }
        let map = request.target == .crash ? CrashMemoryMap.make(for: machine) : machine.memoryMap
        var information = MultibootInformation(
            commandLine: commandLine, bootLoaderName: ByteString("swift-kexec " + KexecVersion.number), memoryMap: map)
        for (home, text) in zip(homes, request.modules) {
            information.modules.append(MultibootInformation.Module(range: home, text: text))
        }
        information.sections = placeSections(&draft, bytes)
        if let old = machine.bootParameters { information.framebuffer = MultibootFramebuffer(old) }
        if image.version == .two {
            information.rootPointer = rootPointer
            information.efi = MultibootEFI.facts(of: machine, map: map, request: request)
            if image.relocation != nil { information.loadBase = placed.range.start }
        }
        let size = UInt64(information.encoded(image.version, at: .zero).count)
        let wanted = PlacementRequest(size: size, bounds: Self.bounds, preference: .highest)
        guard let home = draft.home(for: "multiboot_info", wanted) else { return nil }
        draft.add(
            Segment(
                name: "multiboot_info", place: home,
                contents: .bytes(information.encoded(image.version, at: home.start))))
        var purgatory = PurgatoryPlan(
            mode: .protectedMode, entry: PhysicalAddress(placed.program.entry), console: request.console)
        purgatory.rax = UInt64(MultibootInformation.magic(image.version))
        purgatory.rbx = home.start.rawValue
        return purgatory
    }

    /// Holds against the machine what the file's Multiboot2 header wants, also where the image is entered by the other one:
    /// what the program needs is the same.
    private func checkDemands(_ draft: inout PlanDraft, _ bytes: borrowing RawSpan) {
        var wantsBootServices = image.wantsBootServices
        if image.version == .one {
            let objection = MultibootImage.objection(to: .two, in: bytes, wantsBootServices: &wantsBootServices)
            if let objection, request.forcedType == nil { draft.warn(.firstMultiboot(because: objection)) }
        }
        guard wantsBootServices, machine.efi != nil else { return }
        if request.forcedType == nil {
            draft.refuse(.needsBootServices)
        } else {
            draft.warn(.needsBootServices)
        }
    }

    /// - Returns: the image as it was placed.
    private func placeImage(_ draft: inout PlanDraft, _ bytes: borrowing RawSpan) -> MultibootImage? {
        var placed = image
        if let relocation = image.relocation {
            guard let start = newStart(relocation, &draft) else { return nil }
            placed = image.moved(to: start)
        }
        for (index, run) in ELFPageRuns.runs(of: placed.program, bytes: bytes).enumerated() {
            let name = index == 0 ? "kernel" : "kernel-\(index + 1)"
            // One that can be moved has its home already.
            guard image.relocation != nil || draft.claim(run.place, for: name) else { return nil }
            draft.add(Segment(name: name, place: run.place, contents: run.contents))
        }
        return placed
    }

    /// An image without a preference goes low, where such kernels have always been.
    private func newStart(_ relocation: MultibootImage.Relocation, _ draft: inout PlanDraft) -> PhysicalAddress? {
        draft.home(
            for: "kernel",
            PlacementRequest(
                size: image.range.size, alignment: max(relocation.alignment, pageSize), bounds: relocation.bounds,
                preference: relocation.preference == .highest ? .highest : .lowest))?.start
    }

    /// Debug information can be larger than the kernel by far.
    private static let largestSections: UInt64 = 64 << 20
    /// 16 segments, less those for the information and purgatory.
    private static let mostSegments = 14

    /// What the kernel finds its own symbols by. They are a help and no condition: where they have no room, it is told of
    /// none.
    private func placeSections(
        _ draft: inout PlanDraft, _ bytes: borrowing RawSpan
    ) -> MultibootInformation.Sections? {
        guard image.isLoadedAsELF, let sections = ELFSectionTable(of: bytes) else { return nil }
        var headers = ELFPageRuns.copy(bytes, sections.table)
        if !sections.others.isEmpty {
            let wanted = PlacementRequest(
                size: UInt64(sections.others.count), bounds: Self.bounds, preference: .highest)
            guard wanted.size <= Self.largestSections, draft.segments.count < Self.mostSegments,
                draft.memory.largestFree(for: wanted) >= wanted.size, let home = draft.home(for: "sections", wanted)
            else { return nil }
            draft.add(Segment(name: "sections", place: home, contents: .kernel(sections.others)))
            sections.store(home.start, in: &headers, of: bytes)
        }
        return MultibootInformation.Sections(
            count: sections.count, entrySize: sections.entrySize, nameIndex: sections.nameIndex,
            headers: headers)
    }

    /// All modules in one segment, for there are no more than 16; nil where there is no room.
    private func placeModules(_ draft: inout PlanDraft) -> [PhysicalRange]? {
        guard let end = modules.last?.upperBound else { return [] }
        let wanted = PlacementRequest(size: UInt64(end), bounds: Self.bounds, preference: .highest)
        guard let home = draft.home(for: "modules", wanted) else { return nil }
        draft.add(Segment(name: "modules", place: home, contents: .initrd(0..<end)))
        return modules.map { module in
            let start = home.start.rawValue + UInt64(module.lowerBound)
            return PhysicalRange(
                from: PhysicalAddress(start), to: PhysicalAddress(start + UInt64(module.count)))
        }
    }
}

/// EFI as a Multiboot2 kernel is told of it.
enum MultibootEFI {
    /// nil where the machine has none, or `--noefi` hides it.
    static func facts(
        of machine: MachineDescription, map: MemoryMap, request: KexecRequest
    ) -> MultibootInformation.EFI? {
        guard let handover = EFIHandover(request: request, machine: machine, imageSupportsIt: true) else { return nil }
        let info = handover.info(mapAt: 0)
        let ranges = machine.efi?.runtimeMap ?? []
        var descriptors = handover.runtimeMap
        for range in remainder(of: map, without: ranges) {
            descriptors += EFIHandover.encoded(range, size: Int(clamping: info.descriptorSize))
        }
        return MultibootInformation.EFI(
            isWide: machine.efi?.platformSize != 32, systemTable: info.systemTable,
            descriptorSize: info.descriptorSize, descriptorVersion: info.descriptorVersion, memoryMap: descriptors)
    }

    /// The firmware's own map is lost once the boot services have ended: what is no runtime memory is told as far as
    /// the E820 map knows it.
    private static func remainder(of map: MemoryMap, without ranges: [EFIRuntimeRange]) -> [EFIRuntimeRange] {
        let runtime = PhysicalRangeSet(
            ranges.compactMap {
                let (size, overflow) = $0.pageCount.multipliedReportingOverflow(by: pageSize)
                return overflow ? nil : PhysicalRange(start: PhysicalAddress($0.physicalAddress), size: size)
            })
        var remainder: [EFIRuntimeRange] = []
        for entry in map.entries {
            for range in PhysicalRangeSet([entry.range]).subtracting(runtime).ranges {
                guard let pages = range.shrunk(to: pageSize) else { continue }
                remainder.append(
                    EFIRuntimeRange(
                        type: type(entry.type), physicalAddress: pages.start.rawValue, virtualAddress: 0,
                        pageCount: pages.size / pageSize, attribute: 0))
            }
        }
        return remainder
    }

    /// `EFI_MEMORY_TYPE`: conventional, ACPI's two, unusable, persistent, reserved.
    private static func type(_ type: E820Type) -> UInt32 {
        switch type {
        case .ram: 7
        case .acpiTables: 9
        case .acpiNonVolatile: 10
        case .unusable: 8
        case .persistent: 14
        default: 0
        }
    }
}
