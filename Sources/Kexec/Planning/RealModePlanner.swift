// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import PayloadImages
internal import PhysicalMemory

/// Plans a bzImage by its real-mode entry ("THE REAL-MODE KERNEL" in the boot protocol document): the setup code runs, asks
/// the BIOS, and goes to protected mode by itself.
///
/// Purgatory jumps to a payload of ours in the first megabyte, which puts the machine back as firmware left it and goes
/// down to real mode:
///
///     base     +0x1f1     +setup size         +0xe000              the payload, a page further up
///     | setup  | header   | .bss, heap … stack | command line, NUL |
///     cs = base/16 + 0x20, ip = 0; ds = es = ss = base/16, sp = 0xe000
struct RealModePlanner {
    let image: BzImage
    let initrdSize: Int
    let parameters: BootParametersPlanner

    /// From here on memory is handed to real-mode code: below lie vectors, BIOS data, and what BIOSes use besides.
    static let lowest = PhysicalAddress(0x1_0000)
    private static let kernelAddress = PhysicalAddress(0x10_0000)
    /// Where the old command line is looked for, by its offset from here, before 2.02.
    private static let oldSetupAddress = PhysicalAddress(0x9_0000)

    /// For the setup code's `.bss`, heap and stack; Linux wants some 2 KiB.
    private static let leastStack = 0x1000

    private var header: SetupHeader { image.header }
    private var hasCommandLinePointer: Bool { header.version >= 0x0202 }
    /// Where heap and stack of the setup code end, and the command line begins; the numbers are the document's.
    private var heapEnd: UInt16 { hasCommandLinePointer ? 0xe000 : 0x9800 }

    /// Adds all segments of the image to `draft`.
    /// - Returns: what purgatory has to do; nil where the draft was refused.
    func plan(_ draft: inout PlanDraft, bytes: borrowing RawSpan) -> PurgatoryPlan? {
        guard parameters.machine.efi == nil else {
            draft.refuse(.noBIOS)
            return nil
        }
        guard header.isLoadedHigh else {
            draft.refuse(.entryMissing(.loadedHigh))
            return nil
        }
        let limit = Int(heapEnd) - Self.leastStack
        guard image.setupSize <= limit else {
            draft.refuse(.entryMissing(.realMode(setupSize: image.setupSize, limit: limit)))
            return nil
        }
        guard let setup = placeSetup(&draft), let kernel = placeKernel(&draft) else { return nil }
        draft.add(kernel)
        var code = ELFPageRuns.copy(bytes, 0..<image.setupSize)
        code.store(UInt32(truncatingIfNeeded: kernel.place.start.rawValue), at: 0x214)
        guard addInitrd(&code, &draft) else { return nil }
        var trace: PhysicalAddress?
        if header.version >= 0x0209 {
            guard let list = parameters.addSetupData(to: &draft, below: .fourGiB) else { return nil }
            code.store(list.start.rawValue, at: 0x250)
            trace = list.trace
        }
        fillHeader(&code, setup: setup.start)
        draft.add(Segment(name: "setup", place: setup, contents: .bytes(code)))
        guard let state = FirmwareStateSegment(inputs: parameters.inputs).plan(&draft),
            let entry = addPayload(setup: setup.start, state: state, &draft)
        else { return nil }
        return PurgatoryPlan(mode: .longMode, entry: entry, console: parameters.request.console, trace: trace)
    }

    private func placeSetup(_ draft: inout PlanDraft) -> PhysicalRange? {
        let size = UInt64(heapEnd) + UInt64(parameters.commandLine.count) + 1
        guard hasCommandLinePointer else {
            guard let rounded = size.roundedUp(to: pageSize),
                let range = PhysicalRange(start: Self.oldSetupAddress, size: rounded),
                draft.claim(range, for: "setup")
            else { return nil }
            return range
        }
        return draft.lowHome(for: "setup", size: size, from: Self.lowest)
    }

    /// One that can be moved goes where it prefers to be, or higher; the setup code jumps to `code32_start`.
    private func placeKernel(_ draft: inout PlanDraft) -> Segment? {
        let size = max(header.initSize, UInt64(image.protectedModeKernel.count)).roundedUp(to: pageSize) ?? .max
        let home: PhysicalRange?
        if header.isRelocatable {
            let start = max(Self.kernelAddress, PhysicalAddress(header.preferredAddress))
            home = draft.home(
                for: "kernel",
                PlacementRequest(
                    size: size, alignment: UInt64(header.kernelAlignment),
                    bounds: PhysicalRange(from: start, to: .fourGiB), preference: .lowest))
        } else {
            let range = PhysicalRange(start: Self.kernelAddress, size: size)
            home = range.flatMap { draft.claim($0, for: "kernel") ? $0 : nil }
        }
        guard let home,
            let place = PhysicalRange(
                start: home.start, size: UInt64(image.protectedModeKernel.count).roundedUp(to: pageSize) ?? .max)
        else { return nil }
        return Segment(name: "kernel", place: place, reserved: home, contents: .kernel(image.protectedModeKernel))
    }

    private func addInitrd(_ code: inout [UInt8], _ draft: inout PlanDraft) -> Bool {
        guard initrdSize > 0 else { return true }
        let end = PhysicalAddress(UInt64(header.initrdAddressMaximum) + 1)
        guard let home = draft.addInitrd(size: initrdSize, below: end) else { return false }
        code.store(UInt32(truncatingIfNeeded: home.start.rawValue), at: 0x218)
        code.store(UInt32(truncatingIfNeeded: initrdSize), at: 0x21c)
        return true
    }

    /// The fields that are the loader's, and behind the heap the command line.
    private func fillHeader(_ code: inout [UInt8], setup: PhysicalAddress) {
        code.store(BootParameters.kexecLoaderType, at: 0x210)
        if header.version >= 0x0201 {
            code.store(heapEnd - 0x200, at: 0x224)
            code.store(header.loadFlags | 0x80, at: 0x211)  // CAN_USE_HEAP
        }
        if hasCommandLinePointer {
            code.store(UInt32(truncatingIfNeeded: setup.rawValue) + UInt32(heapEnd), at: 0x228)
        } else {
            code.store(UInt16(0xa33f), at: 0x20)
            code.store(heapEnd, at: 0x22)
            code.store(UInt16(clamping: Int(heapEnd) + parameters.commandLine.count + 1), at: 0x212)
        }
        while code.count < Int(heapEnd) { code.append(0) }
        code += parameters.commandLine.terminated
    }

    /// The payload that goes down to real mode, told where to.
    private func addPayload(
        setup: PhysicalAddress, state: PhysicalAddress, _ draft: inout PlanDraft
    ) -> PhysicalAddress? {
        var registers = RealModeParameters()
        registers.firmwareState = state.rawValue
        let segment = UInt16(truncatingIfNeeded: setup.rawValue >> 4)
        registers.codeSegment = segment + 0x20
        registers.stackSegment = segment
        registers.dataSegment = segment
        registers.stackPointer = heapEnd
        return Self.addPayload(registers, &draft)
    }

    /// The payload; where it goes back to purgatory, it takes nothing of the first megabyte.
    @inline(never) static func addPayload(_ registers: RealModeParameters, _ draft: inout PlanDraft) -> PhysicalAddress?
    {
        let payload: FlatPayload
        do throws(PurgatoryImageError) {
            payload = try FlatPayload(
                realModeImage(), magic: payloadMagic, parametersSize: RealModeParameters.size,
                version: RealModeParameters.currentVersion)
        } catch {
            draft.refuse(.purgatoryUnusable(error))
            return nil
        }
        let name = registers.returns ? "firmware" : "real_mode"
        let size = payload.memorySize
        let high = PlacementRequest(
            size: size, bounds: PhysicalRange(from: .zero, to: .fourGiB), preference: .highest)
        guard
            let home = registers.returns
                ? draft.home(for: name, high) : draft.lowHome(for: name, size: size, from: lowest)
        else { return nil }
        draft.add(Segment(name: name, place: home, contents: .bytes(payload.contents(registers))))
        return home.start
    }

    /// "SWKXREA1" in memory.
    private static let payloadMagic: UInt64 = 0x3141_4552_584b_5753
}

extension SetupHeader {
    /// Whether real mode is the only way in that the image promises: a Linux kernel from 2.08 on, which has a payload, can
    /// be entered in protected mode as well; of what is older, or no Linux (iPXE, memdisk), nothing says so.
    var promisesRealModeOnly: Bool { !has64BitEntry && payloadLength == 0 }
}
