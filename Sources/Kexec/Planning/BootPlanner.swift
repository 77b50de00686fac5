// SPDX-License-Identifier: MIT
public import BootFormats
public import Handoff
internal import PhysicalMemory

/// Makes a plan: image + machine + options in, one value out. Opens no file and makes no system call.
public struct BootPlanner: Sendable {
    let inputs: PlanningInputs
    public var request: KexecRequest { inputs.request }
    public var machine: MachineDescription { inputs.machine }
    /// 32 bytes of randomness for the next kernel; nil where there are none.
    public var seed: [UInt8]?
    /// Where an unpacked kernel lies; nil where there is no randomness.
    public var placementSeed: PlacementSeed?
    /// In which form a bzImage is handed over; nil for other images.
    public var kernelForm: KernelForm?
    /// What came out of a bzImage, where that is handed over.
    public var unpacked: UnpackedLinux?
    /// In which form the initrds are handed over; nil where there are none.
    public var initrdForm: InitrdForm?
    /// Bytes of the machine's available memory that the files take already, as they were read or unpacked.
    public var memoryTaken: UInt64 = 0
    /// Why the next kernel will not find what is in the initrd; nil where nothing is known to be in the way.
    public var initrdFault: InitrdFault?
    /// For a payload of ours that compares them.
    public var firmwareSums: FirmwareSums?
    /// For a Multiboot2 kernel; nil where its bytes are not known.
    public var rootPointer: ACPIRootPointer?
    /// When this plan was made, as the next kernel's `kexec --last` will tell it.
    public var trace = TraceRecord()

    public init(request: KexecRequest, machine: MachineDescription, seed: [UInt8]?) {
        inputs = PlanningInputs(request, on: machine)
        self.seed = seed
    }

    /// Gives every segment its place, and checks the whole against the running kernel's rules.
    /// - Parameters:
    ///   - image: the kernel, recognised.
    ///   - facts: what the report says of it.
    ///   - kernel: `image`'s bytes.
    ///   - initrdSize: bytes of all initrds together, as they are; 0 where there is none.
    ///   - modules: where each file of `--module` is in the bytes of all of them together, in order, from multiples of
    ///     the page size on.
    public func plan(
        _ image: KernelImage, facts: ImageFacts, kernel: borrowing RawSpan, initrdSize: Int,
        modules: [Range<Int>] = []
    ) -> BootPlan {
        var form = initrdForm
        if case .unpacked(_, _, let size)? = form {
            let plan = plan(image, facts, kernel, size, form, modules)
            guard plan.lacksRoom else { return plan }
            form = .asItIs(because: .noRoom(needed: UInt64(size)))
        }
        return plan(image, facts, kernel, initrdSize, form, modules)
    }

    private func plan(
        _ image: KernelImage, _ facts: ImageFacts, _ kernel: borrowing RawSpan, _ initrdSize: Int,
        _ initrdForm: InitrdForm?, _ modules: [Range<Int>]
    ) -> BootPlan {
        var commandLine = finalCommandLine(for: image)
        let choice = chooseCall(for: image, facts, commandLine)
        var draft = PlanDraft(policy: PlacementPolicy(request, on: machine))
        draft.kernelForm = kernelForm
        if let refusal = choice.refusal { draft.refuse(refusal) }
        let stateWord = firmwareStateWord(for: image, by: choice.call, &draft)
        commandLine += stateWord
        let givenLine = commandLine
        let coreHeader = placeCoreHeader(for: image, by: choice.call, &draft)
        if let coreHeader, choice.call != .kexecFileLoad {
            commandLine = CommandLine.appending(crashWords(coreHeader), to: commandLine)
        }
        refuseWhatIsNotBuiltYet(&draft)
        refuseModules(of: image, kind: facts.kind, &draft)
        checkCommandLine(commandLine, image, &draft)
        let parameters = BootParametersPlanner(
            inputs: inputs, commandLine: commandLine, seed: seed, trace: trace, supportsEFI: supportsEFI(image),
            coreHeader: coreHeader)
        var purgatory = planImage(image, kernel, initrdSize, modules, parameters, &draft)
        purgatory?.avoidsSHAExtensions = machine.isConfidentialGuest
        purgatory?.timeStampFrequency = trace.timeStampFrequency
        var plan = BootPlan(
            image: facts, target: request.target, systemCall: choice.call, systemCallReason: choice.reason,
            alternatives: choice.alternatives, entry: purgatory?.entry ?? ownEntry(of: image),
            commandLine: commandLine, digest: digest)
        plan.fileLoadCommandLine = givenLine
        plan.imageMemory = memorySize(of: image)
        // Another call would hand over the address, and nothing at it.
        if !stateWord.isEmpty { plan.alternatives.removeAll { $0 == .kexecFileLoad } }
        plan.segments = draft.segments.sorted { $0.place.start.rawValue }
        plan.purgatory = purgatory
        plan.kernelForm = draft.kernelForm
        plan.initrdForm = initrdForm
        plan.elfArguments = request.arguments(for: image)
        plan.fast = fastStart(of: image, requestedCommandLine)
        let checker = PlanChecker(machine: machine)
        plan.refusals = checker.obstacles(to: plan) + draft.refusals
        // What is incomplete breaks rules that say nothing to the user.
        if draft.policy.hasMemory, !plan.lacksRoom { plan.refusals += checker.faults(of: plan) }
        if let initrdFault { draft.warnings.append(.initrdNotRead(because: initrdFault)) }
        let advisor = PlanAdvisor(inputs: inputs)
        plan.warnings = draft.warnings + advisor.warnings(for: plan, image)
        plan.notKept = advisor.notKept(by: plan.systemCall, image)
        // Of alternatives there is one at most: the other system call.
        if let other = plan.alternatives.first { plan.alternativeWarnings = advisor.losses(by: other, of: plan) }
        return plan
    }

    func chooseCall(
        for image: KernelImage, _ facts: ImageFacts, _ commandLine: ByteString
    ) -> SystemCallChooser.Choice {
        SystemCallChooser(inputs: inputs).choose(
            request.systemCall,
            for: SystemCallChooser.Needs(
                image: image, kind: facts.kind, commandLineLength: commandLine.count,
                kexecLoadOptions: optionsOnlyForKexecLoad, nativeOptions: optionsBeyondTheModule,
                target: request.target))
    }

    /// A Multiboot kernel's begins with the file's name, as with GRUB 1 and kexec-tools: Xen leaves the first word out
    /// of the line of every loader but GRUB 2.
    func finalCommandLine(for image: KernelImage) -> ByteString {
        let line = requestedCommandLine
        guard case .multiboot = image else { return fastStart(of: image, line)?.prepended(to: line) ?? line }
        return line.isEmpty ? request.kernel : request.kernel + " " + line
    }

    private var requestedCommandLine: ByteString {
        CommandLine.final(for: request, on: machine) + (firmwareSums?.words ?? "")
    }

    /// What tells a payload of ours where the record of firmware's state is, which gets a segment; empty where there is none.
    /// By the real-mode entry another payload gives the state back first.
    private func firmwareStateWord(for image: KernelImage, by call: SystemCall, _ draft: inout PlanDraft) -> ByteString
    {
        guard image.ownPayload != nil, !request.realMode else { return "" }
        let segment = FirmwareStateSegment(inputs: inputs, driven: request.drivenController)
        guard call != .kexecFileLoad else {
            segment.warn(&draft)
            return ""
        }
        guard let state = segment.plan(&draft), state != .zero else { return "" }
        return ByteString(" firmware-state=" + String(state.rawValue))
    }

    private var digest: DigestChoice { request.digest ?? (request.target == .crash ? .sha256 : .fast) }

    /// Places the image and whatever goes with it, purgatory last.
    private func planImage(
        _ image: KernelImage, _ kernel: borrowing RawSpan, _ initrdSize: Int, _ modules: [Range<Int>],
        _ parameters: BootParametersPlanner, _ draft: inout PlanDraft
    ) -> PurgatoryPlan? {
        var purgatory: PurgatoryPlan?
        switch image {
        case .multiboot(let multiboot):
            if !request.initrds.isEmpty { draft.refuse(.initrdWithMultiboot) }
            purgatory = MultibootPlanner(
                image: multiboot, modules: modules, inputs: inputs, rootPointer: rootPointer,
                commandLine: parameters.commandLine
            ).plan(&draft, bytes: kernel)
        case .nbi(let nbi):
            if !request.initrds.isEmpty { draft.refuse(.initrdWithNBI) }
            purgatory = NBIPlanner(image: nbi, parameters: parameters).plan(&draft, bytes: kernel)
        case .bzImage(let bzImage):
            if entersRealMode(bzImage.header) {
                purgatory = RealModePlanner(image: bzImage, initrdSize: initrdSize, parameters: parameters)
                    .plan(&draft, bytes: kernel)
                break
            }
            let header = ELFPageRuns.copy(kernel, bzImage.setupHeader)
            let planner = LinuxPlanner(
                image: bzImage, setupHeader: header, initrdSize: initrdSize, parameters: parameters)
            if let unpacked = planUnpacked(by: planner, &draft) { return unpacked }
            purgatory = planner.plan(&draft)
        case .elf(let elf):
            let arguments = request.arguments(for: image) ?? .elf
            if initrdSize > 0, arguments != .linux {
                draft.refuse(.initrdWithoutLinux(arguments: request.elfArguments))
            }
            purgatory = ELFPlanner(image: elf, arguments: arguments, initrdSize: initrdSize, parameters: parameters)
                .plan(&draft, bytes: kernel)
        }
        leaveX2APIC(for: image, &purgatory, &draft)
        prepareFirmware(for: image, &purgatory, &draft)
        placePurgatory(&purgatory, &draft)
        return purgatory
    }

    /// A draw that leaves no room for all else is drawn again. So each place with which a load is possible is as likely as
    /// any other; where there are so few that none was drawn, all else is placed first.
    private static let draws: UInt64 = 64

    /// With purgatory; nil, and nothing of it in `draft`, where there is no kernel to be unpacked, or no place for it.
    private func planUnpacked(by planner: LinuxPlanner, _ draft: inout PlanDraft) -> PurgatoryPlan? {
        guard let unpacked, case .unpacked(_, let isRandomised)? = kernelForm else { return nil }
        let seed = isRandomised ? placementSeed : nil
        for number in (seed == nil ? Self.draws : 0)...Self.draws {
            let place = LinuxPlanner.Place(
                random: seed?.physical(try: number), comesFirst: number < Self.draws)
            var trial = draft
            var purgatory = planner.plan(&trial, unpacked, at: place)
            placePurgatory(&purgatory, &trial)
            guard purgatory != nil, trial.refusals.count == draft.refusals.count else { continue }
            draft = trial
            return purgatory
        }
        draft.kernelForm = .asItIs(because: .noRoom(needed: planner.size(of: unpacked, isDrawn: seed != nil)))
        return nil
    }

    /// By itself where nothing else is promised: what is no Linux has nothing at the address of its 32-bit entry.
    private func entersRealMode(_ header: SetupHeader) -> Bool {
        request.realMode || (header.promisesRealModeOnly && !request.entry32Bit)
    }

    /// Only a Linux of 64 bits is known to take the APIC in x2APIC mode, which the running kernel may use; a crash kernel
    /// that is entered in 64 bits is one. Payloads of ours leave it themselves; a confidential guest cannot.
    private func leaveX2APIC(for image: KernelImage, _ purgatory: inout PurgatoryPlan?, _ draft: inout PlanDraft) {
        guard let mode = purgatory?.mode, !machine.isConfidentialGuest else { return }
        let isKnownToTakeIt = !request.realMode && (isLinux(image) || image.ownPayload != nil)
        if mode == .longMode, request.target == .crash || isKnownToTakeIt { return }
        let isHigh = request.memoryMinimum.map { $0 >= .fourGiB } ?? false
        let obstacle = machine.x2APICObstacle ?? (isHigh ? .memoryMinimum : nil)
        purgatory?.leavesX2APIC = obstacle == nil
        if let obstacle { draft.warnings.append(.staysInX2APICMode(obstacle)) }
    }

    /// What is entered in protected mode may still call the BIOS, by going back to real mode on its own: GRUB as a kernel
    /// does. The Multiboot specification (0.6.96, section 3.2) wants such calls to work, and the 8259 as the BIOS had it;
    /// Etherboot leaves that to the images that it loads. Systems with other protected-mode entries ask no BIOS.
    private func prepareFirmware(for image: KernelImage, _ purgatory: inout PurgatoryPlan?, _ draft: inout PlanDraft) {
        switch image {
        case .multiboot, .nbi: break
        case .bzImage, .elf: return
        }
        // After a panic devices may be in any state.
        guard purgatory?.mode == .protectedMode, machine.efi == nil, request.target != .crash,
            let state = FirmwareStateSegment(inputs: inputs).plan(&draft)
        else { return }
        var parameters = RealModeParameters()
        parameters.firmwareState = state.rawValue
        parameters.returns = true
        purgatory?.preparation = RealModePlanner.addPayload(parameters, &draft)
    }

    /// Purgatory leaves long mode, or changes its page tables, only by way of 32-bit code: below 4 GiB then.
    @inline(never) private func placePurgatory(_ purgatory: inout PurgatoryPlan?, _ draft: inout PlanDraft) {
        guard let wanted = purgatory else { return }
        let isLow = wanted.mode == .protectedMode || wanted.turnsOff5LevelPaging || wanted.leavesX2APIC
        let bounds = PhysicalRange(from: .zero, to: isLow ? .fourGiB : PhysicalAddress(.max))
        let image: PurgatoryImage
        do throws(PurgatoryImageError) { image = try PurgatoryImage.x86_64() } catch {
            return draft.refuse(.purgatoryUnusable(error))
        }
        let request = PlacementRequest(
            size: image.memorySize, alignment: image.alignment, bounds: bounds, preference: .highest)
        guard let home = draft.home(for: PurgatoryPlan.segmentName, request) else { return }
        purgatory?.constantSize = UInt64(image.constantSize)
        draft.add(
            Segment(
                name: PurgatoryPlan.segmentName, place: home,
                contents: .bytes(image.contents(PurgatoryParameters()))))
    }

    private func ownEntry(of image: KernelImage) -> PhysicalAddress {
        switch image {
        case .bzImage, .multiboot, .nbi: .zero
        case .elf(let elf): PhysicalAddress(elf.entry)
        }
    }

    private func supportsEFI(_ image: KernelImage) -> Bool {
        switch image {
        case .bzImage(let bzImage): bzImage.header.supportsEFIKexec
        case .elf, .multiboot, .nbi: true
        }
    }

    /// Options that name what kexec_file_load decides by itself, and that must not be lost.
    private var optionsOnlyForKexecLoad: [KexecOption] {
        var options: [KexecOption] = []
        if request.memoryMinimum != nil { options.append(.memoryMinimum) }
        if request.memoryMaximum != nil { options.append(.memoryMaximum) }
        if request.hidesEFI, machine.efi != nil { options.append(.noEFI) }
        if request.entry32Bit { options.append(.entry32Bit) }
        if request.realMode { options.append(.realMode) }
        return options
    }

    /// Options for ways back into the running kernel, and past it: the module knows one way, out.
    private var optionsBeyondTheModule: [KexecOption] {
        request.optionsNotBuiltYet.filter {
            $0 == .loadPreserveContext || $0 == .loadJumpBackHelper || $0 == .loadLiveUpdate
        }
    }

    private func refuseWhatIsNotBuiltYet(_ draft: inout PlanDraft) {
        for option in request.optionsNotBuiltYet { draft.refuse(.optionNotSupported(option)) }
    }

    private func refuseModules(of image: KernelImage, kind: String, _ draft: inout PlanDraft) {
        if case .multiboot = image { return }
        if !request.modules.isEmpty { draft.refuse(.modulesWithoutMultiboot(kind: kind)) }
    }

    /// `cmdline_size` is what the kernel takes without the NUL; what is longer would arrive cut.
    private func checkCommandLine(_ line: ByteString, _ image: KernelImage, _ draft: inout PlanDraft) {
        if request.reusesCommandLine, !machine.showsCommandLine { draft.refuse(.commandLineNotShown) }
        let limit: Int
        switch image {
        case .bzImage(let bzImage): limit = Int(clamping: bzImage.header.commandLineSize)
        case .elf: limit = request.arguments(for: image) == .linux ? Self.linuxLineLimit : .max
        case .multiboot: limit = .max
        case .nbi: limit = NBIPlanner.longestLine
        }
        if line.count > limit { draft.refuse(.commandLineTooLong(length: line.count, limit: limit)) }
    }

    /// `COMMAND_LINE_SIZE` of Linux on x86, less the NUL; a vmlinux does not say its own.
    private static let linuxLineLimit = 2047
}

extension KexecRequest {
    /// What this request asks for that no plan can honour yet; the command's option table marks the same ones.
    package var optionsNotBuiltYet: [KexecOption] {
        let unusable: [(isAsked: Bool, option: KexecOption)] = [
            (deviceTree != nil, .deviceTree),
            (preservesContext, .loadPreserveContext), (jumpsBack, .loadJumpBackHelper), (keepsGuests, .loadLiveUpdate),
            (entry != nil, .entry),
        ]
        return unusable.filter { $0.isAsked }.map { $0.option }
    }
}
