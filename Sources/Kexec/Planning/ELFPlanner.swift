// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

extension KexecRequest {
    /// What an ELF executable gets; nil for other images. A Linux kernel takes boot notes for boot_params, and hangs
    /// without a word.
    @inline(never) func arguments(for image: KernelImage) -> ELFArguments? {
        guard case .elf(let image) = image else { return nil }
        return elfArguments ?? (image.isLinux ? .linux : .elf)
    }
}

/// Plans a static ELF executable: its PT_LOADs at their physical addresses, entered in the mode of its class.
struct ELFPlanner {
    let image: ELFImage
    let arguments: ELFArguments
    let initrdSize: Int
    let parameters: BootParametersPlanner

    /// Adds all segments of the image to `draft`.
    /// - Returns: what purgatory has to do; nil where the draft was refused, or where `--args-none` wants none.
    func plan(_ draft: inout PlanDraft, bytes: borrowing RawSpan) -> PurgatoryPlan? {
        guard draft.claim(image, bytes: bytes) else { return nil }
        switch arguments {
        case .nothing: return nil
        case .elf: return planBootNotes(&draft)
        case .linux: return planLinux(&draft)
        }
    }

    private var mode: PurgatoryPlan.Mode { image.elfClass == .elf32 ? .protectedMode : .longMode }

    /// A 32-bit program sees 32-bit addresses.
    private var bounds: PhysicalRange {
        PhysicalRange(from: .zero, to: mode == .protectedMode ? .fourGiB : PhysicalAddress(.max))
    }

    private func planLinux(_ draft: inout PlanDraft) -> PurgatoryPlan? {
        var initrd: PhysicalRange?
        if initrdSize > 0 {
            guard let home = draft.addInitrd(size: initrdSize, below: bounds.end) else { return nil }
            initrd = home
        }
        var zeroPage = BootParameters()
        zeroPage.setHeaderForELF()
        guard
            let result = parameters.add(
                zeroPage, initrd: initrd, initrdSize: UInt64(initrdSize), bounds: bounds, to: &draft)
        else { return nil }
        return PurgatoryPlan(
            mode: mode, entry: PhysicalAddress(image.entry), rsi: result.address.rawValue,
            console: parameters.request.console, trace: result.trace)
    }

    /// ELF boot notes: in `rdi` for a 64-bit program, as the one stack argument for a 32-bit one.
    private func planBootNotes(_ draft: inout PlanDraft) -> PurgatoryPlan? {
        let notes = ELFBootNotes.encoded(commandLine: parameters.commandLine)
        let stackSize = mode == .protectedMode ? Self.argumentStackSize : 0
        let size = UInt64(stackSize + notes.count)
        guard
            let home = draft.home(
                for: "boot_notes", PlacementRequest(size: size, bounds: bounds, preference: .highest))
        else { return nil }
        let address = home.start.rawValue + UInt64(stackSize)
        var plan = PurgatoryPlan(
            mode: mode, entry: PhysicalAddress(image.entry), rdi: address, console: parameters.request.console)
        var contents: [UInt8] = []
        if mode == .protectedMode {
            contents = [UInt8](repeating: 0, count: stackSize - 8)
            contents.appendLittle(UInt32(0))  // no return address
            contents.appendLittle(UInt32(truncatingIfNeeded: address))
            plan.rsp = home.start.rawValue + UInt64(stackSize - 8)
            plan.rdi = 0
        }
        draft.add(Segment(name: "boot_notes", place: home, contents: .bytes(contents + notes)))
        return plan
    }

    /// Room for a 32-bit program's first pushes, with its argument on top.
    private static let argumentStackSize = 4096
}

/// The notes that the ELF boot proposal passes to a program: who loaded it, and its command line.
enum ELFBootNotes {
    private static let magic: UInt32 = 0x0e1f_b007
    private static let bootloaderName: UInt32 = 2
    private static let bootloaderVersion: UInt32 = 3
    private static let commandLineType: UInt32 = 4

    /// Header (signature, size, IP checksum, number of records), then the records as ELF notes without a name.
    static func encoded(commandLine: ByteString) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(magic)
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(UInt16(0))
        bytes.appendLittle(UInt16(3))
        appendNote(bootloaderName, "swift-kexec", to: &bytes)
        appendNote(bootloaderVersion, ByteString(KexecVersion.number), to: &bytes)
        appendNote(commandLineType, commandLine, to: &bytes)
        bytes.store(UInt32(bytes.count), at: 4)
        bytes.store(internetChecksum(of: bytes), at: 8)
        return bytes
    }

    private static func appendNote(_ type: UInt32, _ text: ByteString, to bytes: inout [UInt8]) {
        let descriptor = text.terminated
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(UInt32(descriptor.count))
        bytes.appendLittle(type)
        bytes += descriptor
        bytes.pad(to: 4)
    }

    /// The ones' complement sum of RFC 1071 over little-endian words.
    static func internetChecksum(of bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) << 8 : 0)
            sum = sum & 0xffff + sum >> 16
        }
        return ~UInt16(truncatingIfNeeded: sum & 0xffff + sum >> 16)
    }
}
